package postgres_test

import (
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
)

func setting(t *testing.T, pool *pgxpool.Pool, name string) string {
	t.Helper()
	var value string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value))
	return value
}

func open(t *testing.T, url string, opts postgres.Options) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), url, opts)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func TestOpen_BoundsEveryWait(t *testing.T) {
	t.Parallel()
	url := pgtest.Blank(t)
	cases := map[string]struct {
		url  string
		opts postgres.Options
		want map[string]string
	}{
		"by default": {url: url, want: map[string]string{
			"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "15s",
		}},
		"as the url says": {url: url + "&statement_timeout=30000", want: map[string]string{
			"statement_timeout": "30s", "lock_timeout": "5s",
		}},
		"as the options say, over the url": {
			url:  url + "&statement_timeout=30000",
			opts: postgres.Options{StatementTimeout: 2 * time.Second, LockTimeout: 300 * time.Millisecond, ApplicationName: "tillway work"},
			want: map[string]string{"statement_timeout": "2s", "lock_timeout": "300ms", "application_name": "tillway work"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := open(t, c.url, c.opts)
			for parameter, want := range c.want {
				require.Equal(t, want, setting(t, pool, parameter), parameter)
			}
		})
	}
}

func TestOpen_GivesUpOnASilentServer(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	silent, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	start := time.Now()

	_, err = postgres.Open(t.Context(), "postgres://u@"+silent.Addr().String()+"/d?sslmode=disable&connect_timeout=1", postgres.Options{})

	require.True(t, postgres.IsUnavailable(err), "%v", err)
	require.Less(t, time.Since(start), 5*time.Second)
}

func TestOpen_NeverShowsThePassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://u:s3cr3t@127.0.0.1:1/d?connect_timeout=1",
		"postgres://u:s3cr3t@127.0.0.1:port/d",
		"postgres://u:s3cr3t@127.0.0.1/d?sslmode=nonsense",
	} {
		_, err := postgres.Open(t.Context(), url, postgres.Options{})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "s3cr3t")
	}
}
