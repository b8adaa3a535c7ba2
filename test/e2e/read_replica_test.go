package e2e

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Reports are read where DATABASE_READ_URL says, and everything else where it is written: here the two differ on purpose.
func TestReadReplica_ServesReports(t *testing.T) {
	t.Parallel()
	replica := newDatabase(t)
	conn, err := pgx.Connect(t.Context(), replica)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `INSERT INTO subscription_totals
		(currency, status, interval_unit, interval_count, slot, subscriptions, amount) VALUES ('EUR', 'active', 'month', 1, 0, 3, 2997)`)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	w := start(t, with("DATABASE_READ_URL", replica))

	summary := into[struct {
		Currencies []struct {
			Currency string `json:"currency"`
			MRR      int64  `json:"mrr"`
		} `json:"currencies"`
	}](t, w.service.send(call{method: http.MethodGet, path: "/v1/ops/subscriptions/summary", as: operator}))
	require.Len(t, summary.Currencies, 1)
	require.Equal(t, "eur", summary.Currencies[0].Currency)
	require.EqualValues(t, 2997, summary.Currencies[0].MRR)
	w.service.createOrder(nil)
	require.Equal(t, 1, value[int](w, "SELECT count(*)::int FROM orders"))
}

func TestReadReplicaAway_TakesReportsAlone(t *testing.T) {
	t.Parallel()
	w := start(t, with("DATABASE_READ_URL", "postgres://tillway@127.0.0.1:1/tillway"))
	w.service.send(call{method: http.MethodGet, path: "/v1/ops/subscriptions/summary", as: operator}).requireDatabaseDown(t)
	ready := w.service.send(call{method: http.MethodGet, path: "/readyz", as: "none"})
	ready.requireStatus(t, http.StatusOK)
	require.Contains(t, ready.body, `"postgres_read":{"status":"unavailable","required":false}`)
	w.service.createOrder(nil)
}
