package embedded_test

import (
	"context"
	"os"
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

func TestStartPostgres_ServesTheNamedDatabaseOnASocketAlone(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, embedded.PostgresOptions{Database: "shop"})
	conn := connect(t, pg.URL())

	require.Equal(t, "shop", conn.Config().Database)
	require.Empty(t, setting(t, conn, "listen_addresses"))
	require.Equal(t, "UTC", setting(t, conn, "timezone"))
	require.Equal(t, "UTF8", setting(t, conn, "server_encoding"))
	info, err := os.Stat(conn.Config().Host)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}
