package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
)

var november = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// letters returns a pool whose sessions live far from UTC, with a table
// partitioned by month.
func letters(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := open(t, pgtest.Blank(t)+"&timezone=Pacific/Auckland", postgres.Options{})
	_, err := pool.Exec(t.Context(), `
		CREATE TABLE letters (
			id         bigint GENERATED ALWAYS AS IDENTITY,
			created_at timestamptz NOT NULL,
			body       text NOT NULL CONSTRAINT letters_body_check CHECK (body <> ''),
			CONSTRAINT letters_body_unique UNIQUE (body, created_at)
		) PARTITION BY RANGE (created_at);
		CREATE INDEX letters_recent ON letters (created_at DESC)`)
	require.NoError(t, err)
	return pool
}

func partitions(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `
		SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'letters'::regclass ORDER BY 1`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return names
}

func TestEnsureMonthlyPartitions_MakesThemAheadOnce(t *testing.T) {
	t.Parallel()
	pool := letters(t)

	require.NoError(t, postgres.EnsureMonthlyPartitions(t.Context(), pool, "letters", november, 2))
	require.NoError(t, postgres.EnsureMonthlyPartitions(t.Context(), pool, "letters", november, 3))

	require.Equal(t, []string{"letters_2026_11", "letters_2026_12", "letters_2027_01"}, partitions(t, pool))
}

func TestEnsureMonthlyPartitions_CutsMonthsInUTC(t *testing.T) {
	t.Parallel()
	pool := letters(t)
	auckland := time.FixedZone("NZDT", 13*3600)
	require.NoError(t, postgres.EnsureMonthlyPartitions(t.Context(), pool, "letters", november.In(auckland), 2))

	for at, want := range map[string]string{
		"2026-11-01T00:00:00Z":      "letters_2026_11",
		"2026-11-30T23:59:59.9999Z": "letters_2026_11",
		"2026-12-01T00:00:00Z":      "letters_2026_12",
		"2026-12-31T23:59:59Z":      "letters_2026_12",
	} {
		var got string
		require.NoError(t, pool.QueryRow(t.Context(),
			"INSERT INTO letters (created_at, body) VALUES ($1::text::timestamptz, 'hello') RETURNING tableoid::regclass::text", at).Scan(&got))
		require.Equal(t, want, got, at)
	}
	_, err := pool.Exec(t.Context(), "INSERT INTO letters (created_at, body) VALUES ('2027-01-01T00:00:00Z', 'early')")
	require.True(t, postgres.IsCheck(err, ""), "no partition of relation: %v", err)
}

func TestEnsureMonthlyPartitions_KeepsConstraintsUnderTheirNames(t *testing.T) {
	t.Parallel()
	pool := letters(t)
	require.NoError(t, postgres.EnsureMonthlyPartitions(t.Context(), pool, "letters", november, 1))
	insert := "INSERT INTO letters (created_at, body) VALUES ('2026-11-02', $1)"
	_, err := pool.Exec(t.Context(), insert, "same")
	require.NoError(t, err)

	_, err = pool.Exec(t.Context(), insert, "same")
	require.True(t, postgres.IsUnique(err, "letters_body_unique"), "%v", err)
	_, err = pool.Exec(t.Context(), insert, "")
	require.True(t, postgres.IsCheck(err, "letters_body_check"), "%v", err)

	var index *string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT to_regclass('letters_recent_2026_11')::text").Scan(&index))
	require.NotNil(t, index)
}

func TestEnsureMonthlyPartitions_IsSafeForManyAtOnce(t *testing.T) {
	t.Parallel()
	pool := letters(t)

	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			return postgres.EnsureMonthlyPartitions(t.Context(), pool, "letters", november, 4)
		})
	}

	require.NoError(t, group.Wait())
	require.Len(t, partitions(t, pool), 4)
}

func TestEnsureMonthlyPartitions_RefusesATableOfThatNameThatIsNoPartition(t *testing.T) {
	t.Parallel()
	pool := letters(t)
	_, err := pool.Exec(t.Context(), "CREATE TABLE letters_2026_11 (id int)")
	require.NoError(t, err)

	err = postgres.EnsureMonthlyPartitions(t.Context(), pool, "letters", november, 1)
	require.ErrorContains(t, err, "already exists")
}

func TestEnsureMonthlyPartitions_LeavesAMonthInTheDefaultPartition(t *testing.T) {
	t.Parallel()
	pool := letters(t)
	_, err := pool.Exec(t.Context(), "CREATE TABLE letters_default PARTITION OF letters DEFAULT")
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "INSERT INTO letters (created_at, body) VALUES ('2026-12-05T00:00:00Z', 'ahead')")
	require.NoError(t, err)

	for range 2 {
		require.NoError(t, postgres.EnsureMonthlyPartitions(t.Context(), pool, "letters", november, 3))
		require.Equal(t, []string{"letters_2026_11", "letters_2027_01", "letters_default"}, partitions(t, pool))
	}
	_, err = pool.Exec(t.Context(), "INSERT INTO letters (created_at, body) VALUES ('2026-12-06T00:00:00Z', 'more')")
	require.NoError(t, err)
}
