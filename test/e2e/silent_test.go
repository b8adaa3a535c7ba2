package e2e

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDatabaseThatGoesSilent_CostsABoundedWait: a host that failed refuses nothing. It only does not answer.
func TestDatabaseThatGoesSilent_CostsABoundedWait(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	over, wire := databaseOver(t, database)
	w := start(t, onDatabase(database), with("DATABASE_URL", over), with("CALLER_DEADLINE", "500ms"))
	o := w.service.createOrder(nil)
	pay := w.service.payCall(o.ID, goodCard, "k", nil)
	restore := wire.silence()
	began := time.Now()
	results := together(t.Context(), 3, func(ctx context.Context, i int) (answer, error) {
		return w.service.try(ctx, []call{
			pay, {method: http.MethodGet, path: "/v1/orders/" + o.ID}, {method: http.MethodGet, path: "/v1/orders"},
		}[i])
	})
	for _, r := range results {
		require.NoError(t, r.err)
		r.requireDatabaseDown(t)
	}
	require.Less(t, time.Since(began), 15*time.Second)
	require.Empty(t, w.provider.books(o.ID).Transactions)
	restore()
	wire.cut() // the failed host's connections end at last
	got, err := w.service.payThrough(t.Context(), pay)
	require.NoError(t, err)
	require.Contains(t, []int{http.StatusCreated, http.StatusAccepted}, got.status, got.body)
	w.requirePaidOnce(o.ID)
}
