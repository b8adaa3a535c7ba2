package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
)

type fruit struct {
	ID    uuid.UUID
	Color string
	Grams int64
}

// fruits returns a pool on a table of n fruits and the fruits, newest first; every third is green.
func fruits(t *testing.T, n int) (*pgxpool.Pool, []fruit) {
	t.Helper()
	pool := open(t, pgtest.Blank(t), postgres.Options{MaxConns: 2})
	_, err := pool.Exec(t.Context(), "CREATE TABLE fruits (id uuid PRIMARY KEY, color text NOT NULL, grams bigint NOT NULL)")
	require.NoError(t, err)
	var all []fruit
	for i := range n {
		f := fruit{ID: uuid.Must(uuid.NewV7()), Color: "red", Grams: int64(i)}
		if i%3 == 0 {
			f.Color = "green"
		}
		_, err := pool.Exec(t.Context(), "INSERT INTO fruits VALUES ($1, $2, $3)", f.ID, f.Color, f.Grams)
		require.NoError(t, err)
		all = append(all, f)
	}
	slices.Reverse(all)
	return pool, all
}

func keyset(limit int) postgres.Keyset {
	return postgres.Keyset{Table: "fruits", ID: "id", Limit: limit}
}

func TestSelectPage_WalksAListInBothDirections(t *testing.T) {
	t.Parallel()
	pool, all := fruits(t, 7)
	for _, limit := range []int{1, 2, 3, 6, 7, 8} {
		var forward []fruit
		var after *uuid.UUID
		for more := true; more; {
			k := keyset(limit)
			k.After = after
			page, next, err := postgres.SelectPage[fruit](t.Context(), pool, k)
			require.NoError(t, err)
			require.NotEmpty(t, page, "has_more promised a page")
			require.LessOrEqual(t, len(page), limit)
			forward, more, after = append(forward, page...), next, &page[len(page)-1].ID
		}
		require.Equal(t, all, forward, "pages of %d", limit)

		backward := []fruit{all[6]}
		for more := true; more; {
			k := keyset(limit)
			k.Before = &backward[0].ID
			page, next, err := postgres.SelectPage[fruit](t.Context(), pool, k)
			require.NoError(t, err)
			require.NotEmpty(t, page)
			backward, more = append(slices.Clone(page), backward...), next
		}
		require.Equal(t, all, backward, "pages of %d", limit)
	}
}

func TestSelectPage_FiltersBeforeItPages(t *testing.T) {
	t.Parallel()
	pool, all := fruits(t, 9)
	k := keyset(2)
	k.Where("color = %s", "green")
	k.Where("grams <= %s", int64(5))
	page, more, err := postgres.SelectPage[fruit](t.Context(), pool, k)
	require.NoError(t, err)
	require.Equal(t, []fruit{all[5], all[8]}, page)
	require.False(t, more)

	k = keyset(1)
	k.Where("color = %s", "green")
	k.After = &all[3].ID // red: a cursor need not match the filter
	page, more, err = postgres.SelectPage[fruit](t.Context(), pool, k)
	require.NoError(t, err)
	require.Equal(t, []fruit{all[5]}, page)
	require.True(t, more)
}

func TestSelectPage_KeepsArgumentsOutOfTheText(t *testing.T) {
	t.Parallel()
	pool, _ := fruits(t, 1)
	k := keyset(1)
	k.Where("color = %s", "x' OR true; DROP TABLE fruits --%s")
	page, more, err := postgres.SelectPage[fruit](t.Context(), pool, k)
	require.NoError(t, err)
	require.Empty(t, page)
	require.False(t, more)
}

func TestSelectPage_NamesTheTableThatItCouldNotRead(t *testing.T) {
	t.Parallel()
	pool, _ := fruits(t, 0)
	_, _, err := postgres.SelectPage[fruit](t.Context(), pool, postgres.Keyset{Table: "vegetables", ID: "id", Limit: 1})
	require.ErrorContains(t, err, "list vegetables")

	_, err = pool.Exec(t.Context(), "ALTER TABLE fruits DROP grams")
	require.NoError(t, err)
	_, _, err = postgres.SelectPage[fruit](t.Context(), pool, keyset(1))
	require.ErrorContains(t, err, "list fruits", "a row of another shape is refused, not read askew")
}

// A migration adds a column while processes of the version before go on.
func TestSelectPage_ListsBesideANewerSchema(t *testing.T) {
	t.Parallel()
	pool, all := fruits(t, 3)
	for _, change := range []string{"ALTER TABLE fruits ADD taste text", "ALTER TABLE fruits DROP taste, ADD \"order\" bigint NOT NULL DEFAULT 1"} {
		page, _, err := postgres.SelectPage[fruit](t.Context(), pool, keyset(3)) // the description of the query is kept by now
		require.NoError(t, err)
		require.Equal(t, all, page)
		_, err = pool.Exec(t.Context(), change)
		require.NoError(t, err)
	}
	page, _, err := postgres.SelectPage[fruit](t.Context(), pool, keyset(3))
	require.NoError(t, err)
	require.Equal(t, all, page)
}

// A plan for whatever argument comes takes five reds for the rule: it would read all to find that there is no blue.
func TestSelectPage_IsPlannedForItsArguments(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.Blank(t), postgres.Options{MaxConns: 1})
	_, err := pool.Exec(t.Context(), `CREATE TABLE fruits (id uuid PRIMARY KEY, color text NOT NULL, grams bigint NOT NULL);
		INSERT INTO fruits SELECT lpad(to_hex(n), 32, '0')::uuid, CASE WHEN n % 2 = 0 THEN 'red' ELSE 'green' END, n FROM generate_series(1, 20000) AS n;
		CREATE INDEX fruits_color_id_idx ON fruits (color, id)`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "VACUUM ANALYZE fruits")
	require.NoError(t, err)
	read := func() int64 { return rowsRead(t, pool) }
	for range 10 {
		k := keyset(10)
		k.Where("color = %s", "red")
		page, more, err := postgres.SelectPage[fruit](t.Context(), pool, k)
		require.NoError(t, err)
		require.True(t, more)
		require.Len(t, page, 10)
	}
	before := read()
	k := keyset(10)
	k.Where("color = %s", "blue")
	page, _, err := postgres.SelectPage[fruit](t.Context(), pool, k)
	require.NoError(t, err)
	require.Empty(t, page)
	require.Less(t, read()-before, int64(100))
}

// rowsRead is how many fruits were read so far.
func rowsRead(t *testing.T, pool *pgxpool.Pool) (rows int64) {
	t.Helper()
	_, err := pool.Exec(t.Context(), "SELECT pg_stat_force_next_flush()")
	require.NoError(t, err)
	require.NoError(t, pool.QueryRow(t.Context(),
		"SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'fruits'").Scan(&rows))
	return rows
}

type dated struct {
	ID        uuid.UUID
	CreatedAt time.Time
}

// Half of the rows are newer than the bound: they are not read to get past them. Rows of one moment are told apart by their ids.
func TestSelectPage_ByCreationBeginsAtTheBound(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.Blank(t), postgres.Options{MaxConns: 1})
	_, err := pool.Exec(t.Context(), `CREATE TABLE fruits (id uuid PRIMARY KEY, created_at timestamptz NOT NULL);
		INSERT INTO fruits SELECT lpad(to_hex(n), 32, '0')::uuid, to_timestamp(n / 3) FROM generate_series(1, 20000) AS n;
		CREATE INDEX fruits_created_at_idx ON fruits (created_at)`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "VACUUM ANALYZE fruits")
	require.NoError(t, err)
	bounded := func() postgres.Keyset {
		k := postgres.Keyset{Table: "fruits", ID: "id", Limit: 4, ByCreation: true}
		k.Where("created_at <= %s", time.Unix(3000, 0))
		return k
	}
	before := rowsRead(t, pool)
	var forward []dated
	for range 5 {
		k := bounded()
		if len(forward) > 0 {
			k.After = &forward[len(forward)-1].ID
		}
		page, more, err := postgres.SelectPage[dated](t.Context(), pool, k)
		require.NoError(t, err)
		require.True(t, more)
		forward = append(forward, page...)
	}
	require.Less(t, rowsRead(t, pool)-before, int64(200))
	for i, row := range forward {
		n := 9002 - i
		require.Equal(t, uuid.UUID{14: byte(n >> 8), 15: byte(n)}, row.ID)
		require.EqualValues(t, n/3, row.CreatedAt.Unix())
	}
	k := bounded()
	k.Before = &forward[8].ID
	page, more, err := postgres.SelectPage[dated](t.Context(), pool, k)
	require.NoError(t, err)
	require.Equal(t, forward[4:8], page)
	require.True(t, more)
	k = bounded()
	k.After = &uuid.Nil
	page, _, err = postgres.SelectPage[dated](t.Context(), pool, k)
	require.NoError(t, err)
	require.Empty(t, page, "after nothing comes nothing")
}
