package e2e

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// hold creates an order and holds its money.
func (w *world) hold() (order, payment) {
	w.t.Helper()
	o := w.service.createOrder(object{"expires_in": 200 * 3600})
	p := into[payment](w.t, w.service.pay(o.ID, goodCard, object{"capture_method": "manual"}).requireStatus(w.t, http.StatusCreated))
	require.Equal(w.t, "authorized", p.Status)
	require.Equal(w.t, "authorized", w.service.order(o.ID).Status)
	return o, p
}

func modify(p payment, what, key string) call {
	return call{method: http.MethodPost, path: "/v1/payments/" + p.ID + "/" + what, key: key}
}

func TestHold_IsCapturedOnceAndRefunded(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.hold()
	require.Contains(t, p.Links, "payment:capture")
	require.Contains(t, p.Links, "payment:cancel")

	captured := into[payment](t, w.service.send(modify(p, "capture", "c")).requireStatus(t, http.StatusOK))
	require.Equal(t, "succeeded", captured.Status)
	require.EqualValues(t, 2700, captured.AmountCaptured)
	require.Equal(t, "paid", w.service.order(o.ID).Status)
	require.NotContains(t, captured.Links, "payment:capture")
	again := w.service.send(modify(p, "capture", "c")).requireStatus(t, http.StatusOK)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	w.service.send(modify(p, "capture", "other")).requireStatus(t, http.StatusConflict)
	w.service.send(modify(p, "cancel", "v")).requireStatus(t, http.StatusConflict)
	require.Len(t, w.provider.books(o.ID).Transactions, 2, "the authorization and its capture")

	w.service.send(call{
		method: http.MethodPost, path: "/v1/refunds", key: "r", body: object{"payment": p.ID, "reason": "requested_by_customer"},
	}).requireStatus(t, http.StatusCreated)
	w.service.awaitOrder(o.ID, "refunded")
}

func TestHold_IsGivenUp(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.hold()
	voided := into[payment](t, w.service.send(modify(p, "cancel", "v")).requireStatus(t, http.StatusOK))
	require.Equal(t, "canceled", voided.Status)
	require.Equal(t, "open", w.service.order(o.ID).Status)
	w.service.send(modify(p, "cancel", "again")).requireStatus(t, http.StatusOK)
	w.service.send(modify(p, "capture", "c")).requireStatus(t, http.StatusConflict)
	require.Equal(t, "0.00", w.provider.books(o.ID).Orders[0].Charged)

	paid := into[payment](t, w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated))
	require.Equal(t, "succeeded", paid.Status, "what was given up is no success that keeps the order from being paid")
	require.Equal(t, "paid", w.service.order(o.ID).Status)
}

func TestHold_ACaptureWhoseAnswerIsLostIsFound(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", soon))
	w.provider.silence()
	w.provider.arm(sandbox.Fault{Name: "no_notification", Times: -1, Match: sandbox.Match{Path: "/v1/txn/authPayment"}})
	o, p := w.hold()
	w.provider.arm(sandbox.Fault{Name: "lose_answer", Times: 1, Match: sandbox.Match{Path: "/v1/txn/authPayment"}})
	held := into[payment](t, w.service.send(modify(p, "capture", "c")).requireStatus(t, http.StatusAccepted))
	require.Equal(t, "authorized", held.Status)
	w.service.awaitOrder(o.ID, "paid")
	require.Len(t, w.provider.books(o.ID).Transactions, 2)
}

func TestHold_CapturesAndVoidsAtOnceAreOneOfThem(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.hold()
	results := together(t.Context(), 20, func(ctx context.Context, i int) (answer, error) {
		return w.service.try(ctx, modify(p, []string{"capture", "cancel"}[i%2], "k"+string(rune('a'+i))))
	})
	done := 0
	for _, r := range results {
		require.NoError(t, r.err)
		if r.status == http.StatusOK || r.status == http.StatusAccepted {
			done++
			continue
		}
		require.Equal(t, http.StatusConflict, r.status, r.body)
	}
	require.GreaterOrEqual(t, done, 1) // a void that follows a void answers it again
	require.Len(t, w.provider.books(o.ID).Transactions, 2)
}

func TestHold_LapsesAfterItsTime(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.hold()
	w.service.advance(74 * time.Hour)
	require.Equal(t, "canceled", w.service.awaitPayment(p.ID, "canceled").Status)
	require.Equal(t, "open", w.service.order(o.ID).Status)
}

func TestHold_IsVoidedBeforeItLapses(t *testing.T) {
	t.Parallel()
	w := start(t, with("AUTH_EXPIRY_ACTION", "void"))
	o, p := w.hold()
	w.service.advance(61 * time.Hour)
	require.Equal(t, "canceled", w.service.awaitPayment(p.ID, "canceled").Status)
	require.Equal(t, "open", w.service.order(o.ID).Status)
	require.Len(t, w.provider.books(o.ID).Transactions, 2, "the authorization and its void")
}

func TestHold_APartOfItIsCaptured(t *testing.T) {
	t.Parallel()
	w := start(t, with("PARTIAL_CAPTURE", "true"), providing("--partial-capture"))
	o, p := w.hold()
	part := modify(p, "capture", "c")
	part.body = object{"amount": 1000}
	captured := into[payment](t, w.service.send(part).requireStatus(t, http.StatusOK))
	require.Equal(t, "succeeded", captured.Status)
	require.EqualValues(t, 1000, captured.AmountCaptured)
	paid := w.service.order(o.ID)
	require.Equal(t, "paid", paid.Status)
	require.EqualValues(t, 1000, paid.AmountPaid)
	books := w.provider.books(o.ID)
	require.Equal(t, "10.00", books.Orders[0].Charged, "the rest is released")
	rest := modify(p, "capture", "rest")
	rest.body = object{"amount": 1700}
	w.service.send(rest).requireStatus(t, http.StatusConflict)

	w.service.send(call{method: http.MethodPost, path: "/v1/refunds", key: "r", body: object{"order": o.ID}}).requireStatus(t, http.StatusCreated)
	w.service.awaitOrder(o.ID, "refunded")
	require.Equal(t, "10.00", w.provider.books(o.ID).Orders[0].Refunded)
	require.False(t, w.service.order(o.ID).NeedsReview)
}

func TestHold_APartOfItIsRefusedWhereThatIsOff(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.hold()
	part := modify(p, "capture", "c")
	part.body = object{"amount": 1000}
	refused := w.service.send(part).requireStatus(t, http.StatusUnprocessableEntity)
	require.Contains(t, refused.body, "partial_capture_not_supported")
	require.Equal(t, "authorized", w.service.order(o.ID).Status)
	require.Len(t, w.provider.books(o.ID).Transactions, 1)
}
