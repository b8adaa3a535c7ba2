package e2e

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded"
	"tillway/migrations"
)

// requireOrdersSurvive pays orders while disturb does its worst each time that so many more have reached the provider, and
// requires that each ends paid, once, with all its events.
func requireOrdersSurvive(t *testing.T, w *world, disturb func(round int)) {
	t.Helper()
	const rounds, each = 3, 10
	ids := createMany(w, rounds*each)
	for round := range rounds {
		part := ids[round*each : (round+1)*each]
		paying := make(chan []result, 1)
		go func() { // ends with the requests
			paying <- together(t.Context(), each, func(ctx context.Context, i int) (answer, error) {
				return w.service.payThrough(ctx, w.service.payCall(part[i], goodCard, "key-"+part[i], nil))
			})
		}()
		w.provider.awaitSales(round*each + 2)
		disturb(round)
		for _, r := range <-paying {
			require.NoError(t, r.err)
			require.Contains(t, []int{http.StatusCreated, http.StatusAccepted}, r.status, r.body)
		}
	}
	w.service.awaiting(func() string { return "connections that were cut are still in use" }, func() bool {
		for _, r := range together(t.Context(), 40, func(ctx context.Context, _ int) (answer, error) {
			return w.service.try(ctx, call{method: http.MethodGet, path: "/v1/orders"})
		}) {
			if r.err != nil || r.status != http.StatusOK {
				return false
			}
		}
		return true
	})
	for _, id := range ids {
		w.requirePaidOnce(id)
	}
	taken := 0
	for _, o := range w.provider.books("").Orders {
		taken += o.Successes
	}
	require.Equal(t, len(ids), taken, "what the provider took is what we know of")
}

// patientWorld would believe a denial only after the test: whatever is not recorded or taken back at once stays open.
func patientWorld(t *testing.T, choices ...choice) *world {
	t.Helper()
	return start(t, append([]choice{with("RESOLVE_SCHEDULE", soon), with("NOT_FOUND_AFTER", "1h")}, choices...)...)
}

func TestDatabaseConnectionsCutUnderLoad_EveryOrderIsPaidOnce(t *testing.T) {
	t.Parallel()
	w := patientWorld(t)
	w.provider.hold(200 * time.Millisecond)
	requireOrdersSurvive(t, w, func(int) {
		value[int](w, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	})
}

func TestDatabaseLostOnTheWireUnderLoad_EveryOrderIsPaidOnce(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	over, wire := databaseOver(t, database)
	w := patientWorld(t, onDatabase(database), with("DATABASE_URL", over))
	w.provider.hold(200 * time.Millisecond)
	requireOrdersSurvive(t, w, func(int) { wire.cut() })
}

// TestDatabaseRestartedUnderLoad_EveryOrderIsPaidOnce restarts a server of its own in order, as an upgrade does.
func TestDatabaseRestartedUnderLoad_EveryOrderIsPaidOnce(t *testing.T) {
	t.Parallel()
	options := embedded.PostgresOptions{Dir: t.TempDir()}
	server, err := embedded.StartPostgres(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) })
	_, err = migrations.Up(t.Context(), server.URL())
	require.NoError(t, err)
	over, wire := databaseOver(t, server.URL())
	w := patientWorld(t, onDatabase(over), with("DATABASE_URL", over))
	w.provider.hold(200 * time.Millisecond)
	requireOrdersSurvive(t, w, func(round int) {
		if round > 0 {
			return
		}
		require.NoError(t, server.Stop(t.Context()))
		w.service.send(call{method: http.MethodGet, path: "/v1/orders"}).requireDatabaseDown(t)
		server, err = embedded.StartPostgres(t.Context(), options)
		require.NoError(t, err)
		config, err := pgx.ParseConfig(server.URL())
		require.NoError(t, err)
		moved := listenerOf(config)
		wire.target.Store(&moved)
	})
}

// TestChargeBegunUnknownToUs_IsTakenBackAtOnce: the database records the attempt and its answer to us is lost. Nothing was
// sent, so the order must not wait for the provider to deny the payment.
func TestChargeBegunUnknownToUs_IsTakenBackAtOnce(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	over, wire := databaseOver(t, database)
	w := start(t, onDatabase(database), with("DATABASE_URL", over), with("NOT_FOUND_AFTER", "1h"))
	o := w.service.createOrder(nil)
	ctx := t.Context()
	blocker, err := pgx.Connect(ctx, database)
	require.NoError(t, err)
	defer blocker.Close(context.WithoutCancel(ctx))
	tx, err := blocker.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "SELECT FROM orders FOR UPDATE")
	require.NoError(t, err)
	paying := payMany(ctx, w, []string{o.ID})
	const waiting = "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	eventually(t, patience, "the recording waits for its order", func() bool { return value[int](w, waiting) == 1 })
	restore := wire.silence()
	require.NoError(t, tx.Rollback(ctx))
	eventually(t, patience, "the attempt is recorded", func() bool { return value[int](w, "SELECT count(*)::int FROM payments") == 1 })
	restore()
	wire.cut()

	begun := <-paying
	require.NoError(t, begun[0].err)
	begun[0].requireDatabaseDown(t)
	w.service.awaiting(func() string { return "the order is locked" }, func() bool { // and some connections are dead yet
		got := w.service.send(call{method: http.MethodGet, path: "/v1/orders/" + o.ID})
		return got.status == http.StatusOK && into[order](t, got).Status == "open"
	})
	require.Empty(t, w.provider.books(o.ID).Transactions)
	w.service.send(w.service.payCall(o.ID, goodCard, "key-"+o.ID, nil)).requireStatus(t, http.StatusCreated)
	w.service.awaitOrder(o.ID, "paid")
	w.provider.requireOneSale(o.ID)
	require.Equal(t, []string{"failed", "succeeded"}, statusesOf(w.service.paymentsOf(o.ID)))
}

func statusesOf(all []payment) []string {
	statuses := make([]string, 0, len(all))
	for _, p := range all {
		statuses = append(statuses, p.Status)
	}
	return statuses
}
