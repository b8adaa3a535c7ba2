package e2e

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// hostedCall asks to pay an order on the provider's page.
func hostedCall(order, key string, changes object) call {
	body := object{"payment_method": object{"type": "hosted"}}
	maps.Copy(body, changes)
	return call{method: http.MethodPost, path: "/v1/orders/" + order + "/payments", key: key, body: body}
}

// hosted is an order whose payment waits for the shopper on the provider's page.
func hosted(w *world, changes object) (order, payment) {
	w.t.Helper()
	o := w.service.createOrder(object{"expires_in": 24 * 3600})
	p := into[payment](w.t, w.service.send(hostedCall(o.ID, "k", changes)).requireStatus(w.t, http.StatusCreated))
	require.Equal(w.t, "requires_action", p.Status)
	require.Equal(w.t, p.NextAction.RedirectToURL.URL, p.Links["payment:redirect"].Href)
	require.Equal(w.t, "pending", w.service.order(o.ID).Status)
	return o, p
}

// types types a card on the provider's page, and returns where that leads.
func (p *provider) types(of payment, card string) string {
	p.t.Helper()
	typed, err := plainClient.PostForm(of.NextAction.RedirectToURL.URL, url.Values{
		"action": {"pay"}, "number": {card}, "expiry": {"12/30"}, "cvv": {"123"}, "name": {"Ada Lovelace"},
	})
	require.NoError(p.t, err)
	require.NoError(p.t, typed.Body.Close())
	require.Equal(p.t, http.StatusSeeOther, typed.StatusCode)
	return typed.Header.Get("Location")
}

// passHalfAnHour moves the provider's clock to the end of what was opened until now.
func (p *provider) passHalfAnHour() {
	p.t.Helper()
	p.control(http.MethodPost, "/sandbox/clock", object{"advance_seconds": 30 * 60}, nil)
}

func TestHosted_PaysOnTheProvidersPageAndComesHome(t *testing.T) {
	t.Parallel()
	w := start(t, with("CARD_ENTRY", "hosted_only"))
	refused := w.service.pay(w.service.createOrder(nil).ID, goodCard, nil).requireStatus(t, http.StatusUnprocessableEntity)
	require.Equal(t, "payment_method_not_allowed", into[refusal](t, refused).Error.Code)

	o, p := hosted(w, nil)
	requireSigned(t, comeBack(t, w.provider.types(p, goodCard)), p, "succeeded")
	p = w.service.awaitPayment(p.ID, "succeeded")
	require.Nil(t, p.NextAction)
	w.requirePaidOnce(o.ID)
	require.Equal(t,
		[]string{"order.created", "payment.processing", "payment.requires_action", "payment.succeeded", "order.paid"},
		w.service.history(o.ID))
	w.service.awaiting(func() string { return "nobody asked what was paid with" }, func() bool {
		known := get[struct {
			Details struct {
				Type string
				Card *struct{ Brand, Last4 string }
			} `json:"payment_method_details"`
		}](w.service.client, "/v1/payments/"+p.ID).Details
		return known.Type == "hosted" && known.Card != nil && known.Card.Brand == "visa" && known.Card.Last4 == "1390"
	})
}

func TestHosted_ADeclineLeavesTheSessionOpenAndTheOrderTaken(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, api := range map[string][]choice{
		"transactions": nil,
		"intents":      {with("ONERWAY_API", "intents"), with("ONERWAY_API_KEY", "k"), with("ONERWAY_WEBHOOK_SECRET", "s"), providing("--payment-intents")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w
			if api != nil {
				w = start(t, api...)
			}
			w = w.on(t)
			o, p := hosted(w, nil)
			require.Equal(t, p.NextAction.RedirectToURL.URL, w.provider.types(p, declinedCard))
			w.service.awaiting(func() string { return "nobody tells of the decline" }, func() bool {
				p := w.service.payment(p.ID)
				return p.Status == "requires_action" && p.Failure != nil && p.Failure.Code == "insufficient_funds"
			})
			again := w.service.send(hostedCall(o.ID, "another", nil)).requireStatus(t, http.StatusConflict)
			require.Equal(t, "payment_in_progress", into[refusal](t, again).Error.Code)
			require.Equal(t, "pending", w.service.order(o.ID).Status)

			requireSigned(t, comeBack(t, w.provider.types(p, goodCard)), p, "succeeded")
			w.service.awaitPayment(p.ID, "succeeded")
			require.Equal(t, "paid", w.service.awaitOrder(o.ID, "paid").Status)
			require.False(t, w.service.order(o.ID).NeedsReview)
			books := w.provider.books(o.ID)
			require.Len(t, books.Transactions, 2)
			require.Equal(t, "27.00", books.Orders[0].Charged)
		})
	}
}

func TestHosted_EndsUnpaidAndTheOrderIsFree(t *testing.T) {
	t.Parallel()
	for name, choices := range map[string][]choice{
		"told":  {with("RESOLVE_SCHEDULE", "6h,12h")},
		"asked": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, choices...)
			if name == "asked" {
				w.provider.arm(sandbox.Fault{Name: "no_notification", Times: -1, Match: sandbox.Match{Path: "/txn/payment"}})
			}
			o, p := hosted(w, nil)
			w.provider.passHalfAnHour()
			if name == "asked" {
				w.service.advance(31*time.Minute + time.Second)
			}
			p = w.service.awaitPayment(p.ID, "expired")
			require.Equal(t, "checkout_expired", p.Failure.DeclineCode)
			require.Equal(t, "open", w.service.order(o.ID).Status)
			w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
			w.service.awaitOrder(o.ID, "paid")
			require.Equal(t, "27.00", w.provider.books(o.ID).Orders[0].Charged)
		})
	}
}

// TestHosted_ALostAnswerKeepsTheOrderUntilTheSessionIsOver: nobody was sent to the page, but it exists.
func TestHosted_ALostAnswerKeepsTheOrderUntilTheSessionIsOver(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", "1s,2s,3s,6h"))
	w.provider.arm(sandbox.Fault{Name: "lose_answer", Match: sandbox.Match{Path: "/txn/payment"}})
	w.provider.arm(sandbox.Fault{Name: "no_notification", Times: -1, Match: sandbox.Match{Path: "/txn/payment"}})
	o := w.service.createOrder(object{"expires_in": 24 * 3600})
	p := into[payment](t, w.service.send(hostedCall(o.ID, "k", nil)).requireStatus(t, http.StatusAccepted))
	require.Equal(t, "unknown", p.Status)
	w.service.send(call{method: http.MethodPost, path: "/v1/ops/payments/" + p.ID + "/query", as: admin}).requireStatus(t, http.StatusOK)
	require.Equal(t, "unknown", w.service.payment(p.ID).Status, "the session waits, and nobody can be sent there")
	w.service.send(hostedCall(o.ID, "another", nil)).requireStatus(t, http.StatusConflict)

	w.provider.passHalfAnHour()
	w.service.advance(31*time.Minute + time.Second)
	w.service.awaitPayment(p.ID, "canceled")
	require.Equal(t, "open", w.service.order(o.ID).Status)
}

func TestHosted_LateMoneyOfASessionThatWasGivenUpGoesBack(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := hosted(w, object{"metadata": object{"sandbox_fault": "late_success;delay_ms=3600000"}})
	require.Equal(t, p.NextAction.RedirectToURL.URL, w.provider.types(p, goodCard), "declined, as it seems")
	w.provider.passHalfAnHour()
	w.service.awaitPayment(p.ID, "expired")
	w.service.pay(o.ID, declinedCard, nil).requireStatus(t, http.StatusPaymentRequired)
	w.provider.passHalfAnHour()
	w.service.awaitOrder(o.ID, "refunded")
	require.Equal(t, []any{"27.00", "27.00"}, []any{w.provider.books(o.ID).Orders[0].Charged, w.provider.books(o.ID).Orders[0].Refunded})
}

func TestHosted_FiftyRequestsAtOnceOpenOneSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(nil)
	for _, r := range together(t.Context(), 50, func(ctx context.Context, i int) (answer, error) {
		return w.service.try(ctx, hostedCall(o.ID, "k"+string(rune('A'+i)), nil))
	}) {
		require.NoError(t, r.err)
		require.Contains(t, []int{http.StatusCreated, http.StatusConflict}, r.status, r.body)
	}
	require.Len(t, w.provider.books(o.ID).Transactions, 1)
}
