package e2e

import (
	"context"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
)

// payMany begins to pay orders at the same time and hands back what became of the requests, once they have ended.
func payMany(ctx context.Context, w *world, ids []string) <-chan []result {
	done := make(chan []result, 1)
	go func() { // ends with the requests
		done <- together(ctx, len(ids), func(ctx context.Context, i int) (answer, error) {
			return w.service.try(ctx, w.service.payCall(ids[i], goodCard, "key-"+ids[i], nil))
		})
	}()
	return done
}

// claimsRunOut lets the time pass for which a dead process has claimed the checks of its payments.
func (w *world) claimsRunOut() {
	w.t.Helper()
	w.exec("UPDATE payments SET next_check_at = now() WHERE next_check_at > now()")
}

func createMany(w *world, n int) []string {
	w.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = w.service.createOrder(object{"amount": 1000 + i}).ID
	}
	return ids
}

func TestKilledWithChargesInFlight_EveryOrderEndsTrue(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	w := start(t, onRedis(server), with("RESOLVE_SCHEDULE", soon), with("ONERWAY_TIMEOUT", "3s"))
	w.provider.silence()
	w.provider.hold(30 * time.Second)
	ids := createMany(w, 8)
	paying := payMany(t.Context(), w, ids)
	w.provider.awaitSales(len(ids))
	w.service.kill(t)
	for _, r := range <-paying {
		require.Error(t, r.err, "nobody was answered")
	}

	w.restart()
	w.claimsRunOut()
	server.Flush(t) // there the keys still belong to the dead process, until its lease ends
	for _, id := range ids {
		w.requirePaidOnce(id)
		again := w.service.send(w.service.payCall(id, goodCard, "key-"+id, nil)).requireStatus(t, http.StatusCreated)
		require.Equal(t, w.service.order(id).LatestPayment, into[payment](t, again).ID, "the key knows its payment")
		w.provider.requireOneSale(id)
	}
}

// TestKilledAtAnyMoment_TheBooksAgree kills the service while shoppers pay, at moments that nothing arranges.
func TestKilledAtAnyMoment_TheBooksAgree(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", soon), with("ONERWAY_TIMEOUT", "1s"), with("NOT_FOUND_AFTER", "2s"))
	w.provider.silence()
	ids := createMany(w, 60)
	for round := range 3 {
		part := ids[round*20 : round*20+20]
		already := len(w.provider.books("").Transactions)
		paying := payMany(t.Context(), w, part)
		w.provider.awaitSales(already + 3*(round+1))
		w.service.kill(t)
		<-paying
		w.restart()
	}
	w.claimsRunOut()
	paid := 0
	for _, id := range ids {
		w.service.awaiting(func() string { return "order " + id + " has no end" }, func() bool {
			attempts := w.service.paymentsOf(id)
			return len(attempts) == 0 || attempts[0].Status == "failed" || (attempts[0].Status == "succeeded" && attempts[0].Confirmed)
		})
		books, o := w.provider.books(id), w.service.order(id)
		require.LessOrEqual(t, len(books.Transactions), 1)
		w.service.history(id)
		if len(books.Transactions) == 0 {
			require.Equal(t, "open", o.Status, "nothing was charged")
			continue
		}
		paid++
		w.requirePaidOnce(id)
	}
	require.NotZero(t, paid)
}

func TestSIGTERM_FinishesAndRecordsTheChargesInFlight(t *testing.T) {
	t.Parallel()
	w := start(t) // neither queries nor notifications: what is recorded is what the answers said
	w.provider.silence()
	w.provider.hold(1500 * time.Millisecond)
	ids := createMany(w, 8)
	paying := payMany(t.Context(), w, ids)
	w.provider.awaitSales(len(ids))
	w.service.stop(t)
	for _, r := range <-paying {
		require.NoError(t, r.err, "the caller gets the answer")
		r.requireStatus(t, http.StatusCreated)
	}
	w.restart()
	for _, id := range ids {
		w.requirePaidOnce(id)
	}
}

// TestSIGTERM_InTheMiddleOf200ChargesLosesNone: what has reached us is finished, whatever else the process is told.
func TestSIGTERM_InTheMiddleOf200ChargesLosesNone(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.silence()
	w.provider.hold(3 * time.Second)
	ids := make([]string, 200)
	for i, r := range together(t.Context(), len(ids), func(ctx context.Context, i int) (answer, error) {
		return w.service.try(ctx, call{
			method: http.MethodPost, path: "/v1/orders", body: orderBody(nil), key: fmt.Sprintf("order-%d", i),
		})
	}) {
		require.NoError(t, r.err)
		ids[i] = into[order](t, r.requireStatus(t, http.StatusCreated)).ID
	}
	paying := payMany(t.Context(), w, ids)
	eventually(t, patience, "all have begun", func() bool {
		return value[int](w, "SELECT count(*)::int FROM payments") == len(ids)
	})
	began := time.Now()
	w.service.stop(t)
	require.Less(t, time.Since(began), stopPatience)
	for _, r := range <-paying {
		require.NoError(t, r.err, "the caller gets the answer")
		r.requireStatus(t, http.StatusCreated)
	}
	require.Equal(t, len(ids), value[int](w, "SELECT count(*)::int FROM orders WHERE status = 'paid' AND amount_paid = amount"))
	require.Len(t, w.provider.books("").Transactions, len(ids))
	w.restart()
	for _, id := range ids[:10] {
		w.requirePaidOnce(id)
	}
}

func TestSIGTERM_RecordsChargesWhoseCallersHaveLeft(t *testing.T) {
	t.Parallel()
	w := start(t, with("CALLER_DEADLINE", "1500ms"))
	w.provider.silence()
	w.provider.hold(4 * time.Second)
	ids := createMany(w, 4)
	for _, r := range <-payMany(t.Context(), w, ids) {
		require.NoError(t, r.err)
		r.requireStatus(t, http.StatusAccepted)
	}
	w.service.stop(t)
	w.restart()
	for _, id := range ids {
		w.requirePaidOnce(id)
	}
}

func TestSIGTERM_TakesNoNewRequests(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.hold(1500 * time.Millisecond)
	ids := createMany(w, 1)
	paying := payMany(t.Context(), w, ids)
	w.provider.awaitSales(1)
	w.service.signal(t, syscall.SIGTERM)
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	eventually(t, patience, "new connections are refused", func() bool {
		answer, err := fresh.Get(w.service.base + "/healthz")
		if err == nil {
			_ = answer.Body.Close()
		}
		return err != nil
	})
	results := <-paying
	require.NoError(t, results[0].err)
	results[0].requireStatus(t, http.StatusCreated)
	w.service.wait(t)
	require.NoError(t, w.service.Err())
}

func TestHalfConfigured_RefusesToStartAndNamesEveryFault(t *testing.T) {
	t.Parallel()
	p := launch(t, "service", func(string, []byte) {}, []string{"LISTEN_ADDR=nowhere", "CALLER_DEADLINE=soon"}, "serve")
	p.wait(t)
	require.Error(t, p.Err())
	logged := string(p.logged(t))
	for _, variable := range []string{"DATABASE_URL", "REDIS_URL", "ONERWAY_SECRET_KEY", "LISTEN_ADDR", "CALLER_DEADLINE", "RETURN_SECRET"} {
		require.Contains(t, logged, variable)
	}
}

func TestReady_WithinASecondOnAMigratedDatabase(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.service.stop(t)
	began := time.Now()
	w.restart()
	t.Logf("ready after %s", time.Since(began))
	if !raceDetector { // it makes everything several times slower
		require.Less(t, time.Since(began), 5*time.Second, "far from one second even on a busy machine")
	}
}
