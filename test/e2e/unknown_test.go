package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// TestUnknownOutcome_IsSettledByQueryAndNeverSentAgain covers every way in which the answer to a charge can be lost or be
// worthless. The money has moved each time, and the provider does not notify.
func TestUnknownOutcome_IsSettledByQueryAndNeverSentAgain(t *testing.T) {
	t.Parallel()
	for name, card := range map[string]string{
		"the answer is lost":                "4000009900000103",
		"the connection is reset":           "4000009900000129",
		"the answer is cut short":           "4000009900000137",
		"the answer is a 502":               "4000009900000160",
		"the answer is signed by a nobody":  "4000009900000194",
		"the answer is not signed":          "4000009900000202",
		"the answer is half of its JSON":    "4000009900000210",
		"the answer has a status not known": "4000009900000228",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, with("RESOLVE_SCHEDULE", soon), with("NOT_FOUND_AFTER", "1m"))
			w.provider.silence()
			o := w.service.createOrder(nil)
			pay := w.service.payCall(o.ID, card, "k", nil)
			p := into[payment](t, w.service.send(pay).requireStatus(t, http.StatusAccepted))
			require.Equal(t, "unknown", p.Status)

			second := w.service.pay(o.ID, goodCard, nil)
			require.Equal(t, http.StatusConflict, second.status, "unknown locks the order, and paid does: %s", second.body)
			w.service.awaitPayment(p.ID, "succeeded")
			w.requirePaidOnce(o.ID)
			require.Equal(t,
				[]string{"order.created", "payment.processing", "payment.unknown", "payment.succeeded", "order.paid"},
				w.service.history(o.ID))

			repeated := w.service.send(pay).requireStatus(t, http.StatusCreated)
			require.Equal(t, "true", repeated.header.Get("Idempotent-Replayed"))
			require.Equal(t, p.ID, into[payment](t, repeated).ID)
			w.provider.requireOneSale(o.ID)
		})
	}
}

func TestUnknownOutcome_OutlastsQueriesThatAreNotAnswered(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", soon), with("NOT_FOUND_AFTER", "1ms"))
	w.provider.silence()
	w.provider.arm(sandbox.Fault{Name: "query_down", Times: 4})
	o := w.service.createOrder(nil)
	p := into[payment](t, w.service.pay(o.ID, "4000009900000103", nil).requireStatus(t, http.StatusAccepted))
	w.service.awaitPayment(p.ID, "succeeded") // silence is no denial
	w.requirePaidOnce(o.ID)
}

func TestUnknownOutcome_IsSettledByTheNotificationToo(t *testing.T) {
	t.Parallel()
	w := start(t) // never queries
	o := w.service.createOrder(nil)
	got := w.service.pay(o.ID, "4000009900000103", nil)
	require.Contains(t, []int{http.StatusAccepted, http.StatusCreated}, got.status, "it may be here before the caller is answered")
	w.requirePaidOnce(o.ID)
}

func TestUnknownOutcome_ThatNeverWasReopensTheOrderOnceTheProviderHasDeniedItOften(t *testing.T) {
	t.Parallel()
	for name, card := range map[string]string{
		"the connection is reset":  "4000009900000145",
		"the provider answers 500": "4000009900000152",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, with("RESOLVE_SCHEDULE", soon), with("NOT_FOUND_AFTER", "1s"))
			o := w.service.createOrder(nil)
			p := into[payment](t, w.service.pay(o.ID, card, nil).requireStatus(t, http.StatusAccepted))
			require.Equal(t, "unknown", p.Status)
			w.service.awaitOrder(o.ID, "open")
			require.Equal(t, "failed", w.service.payment(p.ID).Status)

			w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
			w.service.awaitOrder(o.ID, "paid")
			require.Len(t, w.provider.books(o.ID).Transactions, 1)
			require.Equal(t, 1, w.provider.books("").Calls[p.MerchantTxnID], "asked about, never sent again")
		})
	}
}

func TestCaller_GetsHisAnswerAtTheDeadlineAndTheChargeGoesOn(t *testing.T) {
	t.Parallel()
	w := start(t, with("CALLER_DEADLINE", "500ms"), with("ONERWAY_TIMEOUT", "3s"))
	w.provider.silence()
	w.provider.hold(1500 * time.Millisecond)
	o := w.service.createOrder(nil)
	pay := w.service.payCall(o.ID, goodCard, "k", nil)
	began := time.Now()
	p := into[payment](t, w.service.send(pay).requireStatus(t, http.StatusAccepted))
	require.Less(t, time.Since(began), 1400*time.Millisecond)
	require.Equal(t, "processing", p.Status)
	require.Equal(t, "pending", w.service.order(o.ID).Status)

	w.service.awaitOrder(o.ID, "paid") // nobody asks and nobody notifies: it is the answer that comes
	require.Equal(t, "succeeded", into[payment](t, w.service.send(pay).requireStatus(t, http.StatusCreated)).Status)
	w.requirePaidOnce(o.ID)
}

func TestHangingProvider_LeavesThePaymentUnknownUntilTheQuery(t *testing.T) {
	t.Parallel()
	w := start(t, with("CALLER_DEADLINE", "500ms"), with("ONERWAY_TIMEOUT", "1500ms"), with("RESOLVE_SCHEDULE", "2500ms,3s,4s,6s,8s"))
	w.provider.silence()
	o := w.service.createOrder(nil)
	p := into[payment](t, w.service.pay(o.ID, "4000009900000111", nil).requireStatus(t, http.StatusAccepted))
	require.Equal(t, "processing", p.Status)
	w.service.awaiting(func() string { return "the payment is not unknown" }, func() bool {
		return w.service.payment(p.ID).Status != "processing"
	})
	w.service.awaitPayment(p.ID, "succeeded")
	w.requirePaidOnce(o.ID)
	require.Contains(t, w.service.history(o.ID), "payment.unknown")
}

func TestProcessingAtTheProvider_IsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		schedule string
		silent   bool
	}{"by notification": {never, false}, "by query": {soon, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, with("RESOLVE_SCHEDULE", c.schedule), with("NOT_FOUND_AFTER", "1m"))
			if c.silent {
				w.provider.silence()
			}
			o := w.service.createOrder(nil)
			p := into[payment](t, w.service.pay(o.ID, "4000009900000236", nil).requireStatus(t, http.StatusAccepted))
			require.Equal(t, "processing", p.Status)
			w.service.awaitPayment(p.ID, "succeeded")
			w.requirePaidOnce(o.ID)
		})
	}
}

func TestNotification_InWhateverOrderAndNumberMakesOnePaidOrder(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, c := range map[string]struct {
		card string
		sent int // deliveries that must have been made before we look
	}{
		"ahead of the answer":        {"4000009900000251", 1},
		"twice at once":              {"4000009900000269", 2},
		"an old one behind":          {"4000009900000293", 2},
		"a forged one ahead":         {"4000009900000301", 2},
		"queries that lag behind it": {"4000009900000319", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			o := w.service.createOrder(nil)
			p := into[payment](t, w.service.pay(o.ID, c.card, nil).requireStatus(t, http.StatusCreated))
			require.Equal(t, "succeeded", p.Status)
			w.service.awaitPayment(p.ID, "succeeded")
			eventually(t, patience, "all notifications are delivered", func() bool {
				return len(w.provider.deliveries(p.ProviderTransactionID)) >= c.sent
			})
			w.requirePaidOnce(o.ID)
			require.Equal(t, []string{"order.created", "payment.processing", "payment.succeeded", "order.paid"},
				w.service.history(o.ID))
			for _, d := range w.provider.deliveries(p.ProviderTransactionID) {
				require.Equal(t, d.Kind != "forged", d.Acknowledged, "%+v", d)
			}
		})
	}
}

func TestSuccess_WithoutAnyNotificationIsConfirmedByQuery(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", soon))
	o := w.service.createOrder(nil)
	p := into[payment](t, w.service.pay(o.ID, "4000009900000277", nil).requireStatus(t, http.StatusCreated))
	w.service.awaitPayment(p.ID, "succeeded")
	w.requirePaidOnce(o.ID)
}

// TestLateSuccess_OfADeclinedPaymentIsNotLost: the order's policy keeps the money, has a person decide, or gives it back.
func TestLateSuccess_OfADeclinedPaymentIsNotLost(t *testing.T) {
	t.Parallel()
	w := start(t)
	for policy, ends := range map[string]string{"accept": "paid", "review": "paid", "refund": "refunded"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			o := w.service.createOrder(object{"late_payment": policy})
			w.service.pay(o.ID, "4000009900000244", nil).requireStatus(t, http.StatusPaymentRequired)
			got := w.service.awaitOrder(o.ID, ends)
			require.Equal(t, policy == "review", got.NeedsReview)
			require.Equal(t, "succeeded", w.service.payment(got.LatestPayment).Status)
			if ends == "paid" {
				w.provider.requireOneSale(o.ID)
				return
			}
			require.Len(t, w.provider.books(o.ID).Transactions, 2, "the sale and its refund")
		})
	}
}

func TestProviderDown_ChargesNothingAndTheSameKeyPaysLater(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(nil)
	pay := w.service.payCall(o.ID, goodCard, "k", nil)
	w.provider.stop(t)

	down := w.service.send(pay).requireStatus(t, http.StatusServiceUnavailable)
	require.Equal(t, "provider_unavailable", codeOf(down))
	require.NotEmpty(t, down.header.Get("Retry-After"))
	require.Equal(t, "open", w.service.order(o.ID).Status)

	w.provider.start()
	paid := w.service.send(pay).requireStatus(t, http.StatusCreated)
	require.Empty(t, paid.header.Get("Idempotent-Replayed"), "nothing was stored under the key")
	w.requirePaidOnce(o.ID)
}

func TestProviderDownForLong_IsNotAskedAgainUntilTheCircuitCloses(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.stop(t)
	for i := range 8 { // the circuit opens on the way; the answer is the same
		o := w.service.createOrder(nil)
		down := w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusServiceUnavailable)
		require.Equal(t, "provider_unavailable", codeOf(down))
		require.NotEmpty(t, down.header.Get("Retry-After"))
		require.Equal(t, "open", w.service.order(o.ID).Status)
		if i >= 5 { // it is: from now on nothing is even written
			require.Empty(t, w.service.paymentsOf(o.ID))
			require.Equal(t, []string{"order.created"}, w.service.history(o.ID))
		}
	}
	w.provider.start()
	o := w.service.createOrder(nil)
	w.service.awaiting(func() string { return "the circuit stays open" }, func() bool {
		return w.service.pay(o.ID, goodCard, nil).status == http.StatusCreated
	})
	w.requirePaidOnce(o.ID)
}

func TestRateLimitOfTheProvider_IsNotTakenForADecline(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", soon))
	w.provider.arm(sandbox.Fault{Name: "rate_limited", Match: sandbox.Match{Path: "/v1/txn/doTransaction"}})
	o := w.service.createOrder(nil)
	limited := w.service.pay(o.ID, goodCard, nil)
	require.Contains(t, []int{http.StatusAccepted, http.StatusServiceUnavailable}, limited.status, limited.body)
	w.service.awaitOrder(o.ID, "open")
	w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	w.service.awaitOrder(o.ID, "paid")
	require.Equal(t, 1, w.provider.books(o.ID).Orders[0].Successes)
}
