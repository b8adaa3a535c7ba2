package subscriptions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/lifecycle"
)

// giveCard gives a new card by a link: one that is only verified.
func (b *testBundle) giveCard(t *testing.T, sub subscriptions.Subscription) {
	t.Helper()
	link, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	result, err := b.subs.ChangeCard(t.Context(), link.Token, "test", subscriptions.Purchase{Card: card(frictionless)})
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	require.Equal(t, int64(100), result.Payment.Amount.Minor)
}

// A card may be given just when a period is due: the period is charged by the new contract, which must allow it so soon.
func TestNewCard_AroundThePeriodsBeginning(t *testing.T) {
	t.Parallel()
	for name, offset := range map[string]time.Duration{
		"three days before": -3 * day, "a moment before": -time.Minute, "before anybody has charged": time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sub := b.subscribe(t)
			b.passTo(t, sub.PeriodEnd.Add(-4*day))
			b.ahead.Add(int64(sub.PeriodEnd.Add(offset).Sub(b.now()))) // no worker runs
			b.giveCard(t, sub)
			b.passTo(t, sub.PeriodEnd.Add(2*day))
			b.requireRenewedByNewCard(t, sub)
		})
	}
}

// A card may be given while it is not known whether the period was paid by the old one: where it was not, the new one pays.
func TestNewCard_WhileAChargeIsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.declining(t, sub, "20096", "1")
	b.control(t, "/sandbox/faults", `{"fault":"lose_answer","match":{"amount":"9.99"}}`)
	b.control(t, "/sandbox/faults", `{"fault":"no_notification","match":{"amount":"9.99"}}`)
	b.ahead.Add(int64(sub.PeriodEnd.Add(time.Minute).Sub(b.now())))
	_, err := b.worker.Advance(t.Context())
	require.NoError(t, err)
	require.Equal(t, orders.StatusPending, b.periods(t, sub.ID)[1].Status)
	b.giveCard(t, sub)
	b.pass(t, 2*day)
	b.requireRenewedByNewCard(t, sub)
}

func (b *testBundle) requireRenewedByNewCard(t *testing.T, sub subscriptions.Subscription) {
	t.Helper()
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusActive, sub.Status)
	var paid int
	for _, o := range b.periods(t, sub.ID) {
		require.False(t, o.NeedsReview)
		if o.Period != nil && o.Status == orders.StatusPaid {
			paid++
		}
	}
	require.Equal(t, 2, paid)
	contracts := b.contracts()
	require.Len(t, contracts, 2)
	renewals := contracts[1].Renewals
	require.NotEmpty(t, renewals)
	require.Equal(t, "S", renewals[len(renewals)-1].Status)
}
