package webhooks_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// query reads rows into structs by position, or into single values.
func query[T any](t *testing.T, b *testBundle, sql string, args ...any) []T {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	read := pgx.RowTo[T]
	if len(rows.FieldDescriptions()) > 1 {
		read = pgx.RowToStructByPos[T]
	}
	found, err := pgx.CollectRows(rows, read)
	require.NoError(t, err)
	return found
}

func (b *testBundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := b.pool.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}
