package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres/pgtest"
)

func TestPool_ReadsAndWritesUUIDsInEveryShape(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	want, other := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())

	var value uuid.UUID
	var present, absent *uuid.UUID
	var many []uuid.UUID
	var text string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid[], $1::uuid::text",
		want, &other, (*uuid.UUID)(nil), []uuid.UUID{want, other}).Scan(&value, &present, &absent, &many, &text))
	require.Equal(t, want, value)
	require.Equal(t, other, *present)
	require.Nil(t, absent)
	require.Equal(t, []uuid.UUID{want, other}, many)
	require.Equal(t, want.String(), text)

	require.Error(t, pool.QueryRow(t.Context(), "SELECT NULL::uuid").Scan(&value), "NULL is no uuid")
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT $1::uuid", want.String()).Scan(&text))
	require.Equal(t, want.String(), text)
}
