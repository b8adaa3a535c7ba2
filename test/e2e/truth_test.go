package e2e

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWithoutAnyNotification_EveryOrderEndsRight: notifications only make it prompt.
func TestWithoutAnyNotification_EveryOrderEndsRight(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", soon), with("NOT_FOUND_AFTER", "2s"))
	w.provider.silence()
	for name, c := range map[string]struct{ card, press, payment, order string }{
		"paid":                           {goodCard, "", "succeeded", "paid"},
		"declined":                       {declinedCard, "", "failed", "open"},
		"paid, the answer lost":          {"4000009900000103", "", "succeeded", "paid"},
		"paid, the answer forged":        {"4000009900000194", "", "succeeded", "paid"},
		"never charged, no answer":       {"4000009900000145", "", "failed", "open"},
		"decided later":                  {"4000009900000236", "", "succeeded", "paid"},
		"3DS approved":                   {challengeCard, "approve", "succeeded", "paid"},
		"3DS failed":                     {challengeCard, "fail", "failed", "open"},
		"3DS approved, the browser gone": {challengeCard, "approve and close", "succeeded", "paid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			o := w.service.createOrder(nil)
			w.service.pay(o.ID, c.card, nil)
			p := w.service.paymentsOf(o.ID)[0]
			switch c.press {
			case "":
			case "approve and close":
				w.provider.press(p, "approve")
			default:
				decide(t, w, p, c.press)
			}
			w.service.awaiting(func() string { return "order " + o.ID + " is " + w.service.order(o.ID).Status }, func() bool {
				p = w.service.payment(p.ID)
				return p.Status == c.payment
			})
			w.service.awaitOrder(o.ID, c.order)
			if c.order == "paid" {
				w.service.awaitPayment(p.ID, "succeeded") // a query confirms it
				w.requirePaidOnce(o.ID)
			}
		})
	}
}

// TestTimeToTruth_AfterALostAnswerIsWithinTenSecondsAtP95: with the schedule and the budget of calls that are shipped.
func TestTimeToTruth_AfterALostAnswerIsWithinTenSecondsAtP95(t *testing.T) {
	t.Parallel()
	w := start(t, unset("RESOLVE_SCHEDULE"), unset("ONERWAY_RATE_LIMIT"), unset("NOT_FOUND_AFTER"),
		with("CALLER_DEADLINE", "2s"), with("ONERWAY_TIMEOUT", "30s"))
	w.provider.silence()
	const silent = 35
	ids := createMany(w, 70)
	for _, r := range together(t.Context(), silent, func(ctx context.Context, i int) (answer, error) {
		return w.service.try(ctx, w.service.payCall(ids[i], "4000009900000111", "k", nil)) // charged, and not a word more
	}) {
		require.NoError(t, r.err)
		r.requireStatus(t, http.StatusAccepted)
	}
	lost := silent
	for codeOf(w.service.pay(ids[lost], "4000009900000103", nil)) != "provider_unavailable" { // charged, and the connection breaks
		lost++
		require.Less(t, lost, len(ids), "the circuit opens, and yet the questions that settle them are asked")
	}
	require.Greater(t, lost, silent)
	for _, id := range ids[:lost] {
		w.requirePaidOnce(id)
	}
	p95 := value[float64](w, `SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM final_at - sent_at))::float8
		FROM payments WHERE status = 'succeeded'`)
	t.Logf("p95 of the time to truth of %d lost answers: %.1f s", lost, p95)
	require.Less(t, p95, (10 * time.Second).Seconds())
}
