package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// stuck is a payment that the provider works on, six minutes old for both sides.
func (w *world) stuck() (order, payment) {
	w.t.Helper()
	w.provider.arm(sandbox.Fault{Name: "processing", DelayMS: 3_600_000, Times: 1})
	o := w.service.createOrder(nil)
	p := into[payment](w.t, w.service.pay(o.ID, goodCard, nil).requireStatus(w.t, http.StatusAccepted))
	require.Equal(w.t, "processing", p.Status)
	early := w.service.send(modify(p, "cancel", "early")).requireStatus(w.t, http.StatusConflict)
	require.Contains(w.t, early.body, "cancel_window_closed")
	w.provider.control(http.MethodPost, "/sandbox/clock", object{"advance_seconds": 360}, nil)
	w.service.advance(6 * time.Minute)
	return o, w.service.payment(p.ID)
}

// A payment that had really succeeded is canceled: the provider gives the money back, and nobody was told of a paid order.
func TestCancel_GivesBackWhatHadReallySucceeded(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.stuck()
	require.Contains(t, p.Links, "payment:cancel")
	asked := into[payment](t, w.service.send(modify(p, "cancel", "c")).requireStatus(t, http.StatusAccepted))
	require.Equal(t, "processing", asked.Status)
	require.Equal(t, "pending", w.service.order(o.ID).Status, "locked")

	w.service.awaitPayment(p.ID, "canceled")
	require.Equal(t, "open", w.service.order(o.ID).Status)
	books := w.provider.books(o.ID).Orders[0]
	require.Equal(t, []string{"27.00", "27.00"}, []string{books.Charged, books.Refunded})
	require.NotContains(t, w.service.history(o.ID), "order.paid")
	w.service.send(modify(p, "cancel", "again")).requireStatus(t, http.StatusOK)
	require.False(t, w.service.order(o.ID).NeedsReview)
}

// Every notification is lost: a query finds the success, and the refund that took it back.
func TestCancel_IsFoundByAskingWhenNobodyTells(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", "10m"))
	w.provider.silence()
	o, p := w.stuck()
	w.service.send(modify(p, "cancel", "c")).requireStatus(t, http.StatusAccepted)
	w.service.awaiting(func() string { return "nothing was given back" }, func() bool {
		return w.provider.books(o.ID).Orders[0].Refunded == "27.00"
	})
	require.Equal(t, "pending", w.service.order(o.ID).Status)
	w.service.advance(5 * time.Minute)
	w.service.awaitPayment(p.ID, "canceled")
	require.Equal(t, "open", w.service.order(o.ID).Status)
	require.NotContains(t, w.service.history(o.ID), "order.paid")
}

// The answer to the cancellation is lost: it is under way all the same.
func TestCancel_WhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.stuck()
	w.provider.arm(sandbox.Fault{Name: "lose_answer", Times: 1, Match: sandbox.Match{Path: "/v1/txn/cancelTxn"}})
	w.service.send(modify(p, "cancel", "c")).requireStatus(t, http.StatusAccepted)
	w.service.awaitPayment(p.ID, "canceled")
	require.Equal(t, "open", w.service.order(o.ID).Status)
}
