package pgtest_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/embedded"
	"tillway/internal/postgres/pgtest"
)

// testProcess runs this binary's first test in a process of its own, on the
// server of the url.
func testProcess(ctx context.Context, url string) error {
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestNew_GivesEachTestItsOwnMigratedDatabase$")
	cmd.Env = append(os.Environ(), "TEST_DATABASE_URL="+url, "TILLWAY_TEST_CONTAINERS=")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

func databases(t *testing.T, conn *pgx.Conn, prefix string) map[string]uint32 {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT datname, oid FROM pg_database WHERE starts_with(datname, $1)", prefix)
	require.NoError(t, err)
	found := map[string]uint32{}
	var name string
	var oid uint32
	_, err = pgx.ForEachRow(rows, []any{&name, &oid}, func() error {
		found[name] = oid
		return nil
	})
	require.NoError(t, err)
	return found
}

func TestTemplate_IsMadeOnceForEveryProcess(t *testing.T) {
	t.Parallel()
	pg, err := embedded.StartPostgres(t.Context(), embedded.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pg.Stop(context.WithoutCancel(t.Context()))) })
	conn, err := pgx.Connect(t.Context(), pg.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	// What killed runs leave: an old clone, a fresh one of somebody at work.
	for _, name := range []string{"tillway_test_1600000000_a", "tillway_test_32503680000_b"} {
		_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name)
		require.NoError(t, err)
	}

	var group errgroup.Group
	for range 3 {
		group.Go(func() error { return testProcess(t.Context(), pg.URL()) })
	}
	require.NoError(t, group.Wait())
	templates := databases(t, conn, "tillway_template_")
	require.Len(t, templates, 1)
	clones := databases(t, conn, "tillway_test_")
	require.Len(t, clones, 1)
	require.Contains(t, clones, "tillway_test_32503680000_b")

	require.NoError(t, testProcess(t.Context(), pg.URL()))
	require.Equal(t, templates, databases(t, conn, "tillway_template_"), "the same template, not one made again")
}

func TestBlank_HasNoSchema(t *testing.T) {
	t.Parallel()
	pool := pgtest.Open(t, pgtest.Blank(t))

	var tables int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables))
	require.Zero(t, tables)
}
