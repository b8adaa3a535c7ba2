package embedded_test

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func setting(t *testing.T, conn *pgx.Conn, name string) string {
	t.Helper()
	var value string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value))
	return value
}

func startPostgres(t *testing.T, opts embedded.PostgresOptions) *embedded.Postgres {
	t.Helper()
	pg, err := embedded.StartPostgres(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pg.Stop(context.WithoutCancel(t.Context()))) })
	return pg
}

func owner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	return int(stat.Uid)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestStartPostgres_ServesTheNamedDatabaseOnASocketAlone(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, embedded.PostgresOptions{Database: "shop", Settings: map[string]string{"log_statement": "all"}})
	conn := connect(t, pg.URL())

	require.Equal(t, "shop", conn.Config().Database)
	for name, want := range map[string]string{
		"listen_addresses": "", "timezone": "UTC", "TimeZone": "UTC", "server_encoding": "UTF8",
		"max_connections": "300", "fsync": "off", "log_statement": "all",
	} {
		require.Equal(t, want, setting(t, conn, name), name)
	}
	info, err := os.Stat(conn.Config().Host)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	var lower, ordered string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT lower('ÉÑ'), string_agg(c, '' ORDER BY c) FROM unnest('{a,B,c}'::text[]) c").Scan(&lower, &ordered))
	require.Equal(t, "éñ", lower)
	require.Equal(t, "Bac", ordered, "code point order, on every machine")
}

func TestStartPostgres_KeepsFsyncWhenDurable(t *testing.T) {
	t.Parallel()
	conn := connect(t, startPostgres(t, embedded.PostgresOptions{Durable: true}).URL())

	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		require.Equal(t, "on", setting(t, conn, name), name)
	}
}

func TestStartPostgres_KeepsItsDataInADirectory(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{
		"within reach of the servers' user":        openDir(t) + "/a/postgres",
		"out of its reach, as in the home of root": t.TempDir() + "/postgres",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := startPostgres(t, embedded.PostgresOptions{Dir: dir, Durable: true})
			_, err := connect(t, first.URL()).Exec(t.Context(), "CREATE TABLE kept AS SELECT 42 AS n")
			require.NoError(t, err)
			require.NoError(t, first.Stop(t.Context()))
			require.NoDirExists(t, first.PrivateDir())

			second := startPostgres(t, embedded.PostgresOptions{Dir: dir, Durable: true})
			var n int
			require.NoError(t, connect(t, second.URL()).QueryRow(t.Context(), "SELECT n FROM kept").Scan(&n))
			require.Equal(t, 42, n)

			require.ErrorIs(t, embedded.RemoveData(dir), embedded.ErrInUse)
			require.NoError(t, second.Stop(t.Context()))
			require.NoError(t, embedded.RemoveData(dir))
			require.NoDirExists(t, dir)
			require.NoDirExists(t, second.DataDir())
			require.NoError(t, embedded.RemoveData(dir), "nothing is left to remove")
		})
	}
}

func TestStartPostgres_NeverSharesADirectory(t *testing.T) {
	t.Parallel()
	dir := openDir(t) + "/postgres"
	startPostgres(t, embedded.PostgresOptions{Dir: dir})

	_, err := embedded.StartPostgres(t.Context(), embedded.PostgresOptions{Dir: dir})

	require.ErrorIs(t, err, embedded.ErrInUse)
	require.ErrorContains(t, err, dir)
}

func TestStartPostgres_IgnoresAPidFileThatNamesSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"a live process that is no server": fmt.Sprintf("%d\n", os.Getppid()),
		"nothing readable":                 "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := openDir(t) + "/postgres"
			pg := startPostgres(t, embedded.PostgresOptions{Dir: dir})
			require.NoError(t, pg.Stop(t.Context()))
			require.NoError(t, os.WriteFile(pg.DataDir()+"/postmaster.pid", []byte(content), 0o600))
			require.NoError(t, os.Chown(pg.DataDir()+"/postmaster.pid", owner(t, pg.DataDir()), -1))

			again := startPostgres(t, embedded.PostgresOptions{Dir: dir})

			require.NoError(t, connect(t, again.URL()).Ping(t.Context()))
		})
	}
}

func TestStartPostgres_MakesAClusterAnewAfterAnInterruptedOne(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	require.NoError(t, os.MkdirAll(dir+"/building/base", 0o700))

	pg := startPostgres(t, embedded.PostgresOptions{Dir: dir})

	require.NoError(t, connect(t, pg.URL()).Ping(t.Context()))
	require.NoDirExists(t, dir+"/building")
}

func TestStartPostgres_ShowsWhyTheServerDidNotStart(t *testing.T) {
	t.Parallel()
	_, err := embedded.StartPostgres(t.Context(), embedded.PostgresOptions{Settings: map[string]string{"shared_buffers": "much"}})

	require.ErrorContains(t, err, `invalid value for parameter "shared_buffers"`)
}

func TestStartPostgres_NamesTheVersionThatItsDataNeeds(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	require.NoError(t, os.MkdirAll(dir+"/data", 0o700))
	require.NoError(t, os.WriteFile(dir+"/data/PG_VERSION", []byte("9\n"), 0o600))

	_, err := embedded.StartPostgres(t.Context(), embedded.PostgresOptions{Dir: dir})

	require.ErrorIs(t, err, embedded.ErrNotInstalled)
	require.ErrorContains(t, err, "PostgreSQL 9")
}

func TestStop_MayBeCalledAgain(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, embedded.PostgresOptions{})
	require.NoError(t, pg.Stop(t.Context()))
	require.NoError(t, pg.Stop(t.Context()))
	require.False(t, running(pg.PID()))
}

func TestNotInstalled_NamesOneCommand(t *testing.T) {
	t.Parallel()
	err := embedded.NotInstalled("PostgreSQL", "postgresql", "postgresql@17")
	require.ErrorIs(t, err, embedded.ErrNotInstalled)
	require.Regexp(t, `install it with: (sudo apt-get install -y postgresql|brew install postgresql@17)$`, err.Error())
}

func TestPathVersion_PrefersTheHighest(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/usr/lib/postgresql/15/bin":           15,
		"/opt/homebrew/opt/postgresql@17/bin":  17,
		"/usr/pgsql-16/bin":                    16,
		"postgres (PostgreSQL) 15.14 (Debian)": 15,
		"/opt/homebrew/bin":                    0,
	} {
		require.Equal(t, want, embedded.PathVersion(path), path)
	}
}
