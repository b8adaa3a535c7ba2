package postgres_test

import (
	"slices"
	"testing"

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

	_, err = pool.Exec(t.Context(), "ALTER TABLE fruits ADD taste text; INSERT INTO fruits VALUES (gen_random_uuid(), 'x', 1, 'y')")
	require.NoError(t, err)
	_, _, err = postgres.SelectPage[fruit](t.Context(), pool, keyset(1))
	require.ErrorContains(t, err, "list fruits", "a row of another shape is refused, not read askew")
}
