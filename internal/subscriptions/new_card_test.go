package subscriptions_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/lifecycle"
	"tillway/internal/telemetry"
)

// give gives a card by a link, to be charged what the link's page says.
func (b *testBundle) give(t *testing.T, link subscriptions.Link, number string) (subscriptions.Result, error) {
	t.Helper()
	visit, err := b.subs.Visit(t.Context(), link.Token)
	require.NoError(t, err)
	return b.subs.ChangeCard(t.Context(), cardChange(link, number, visit.Keeps()))
}

func cardChange(link subscriptions.Link, number string, agreed int64) subscriptions.CardChange {
	return subscriptions.CardChange{
		Token: link.Token, CorrelationID: "test", Agreed: agreed, Purchase: subscriptions.Purchase{Card: card(number)},
	}
}

// giveCard gives a new card by a link: one that is only verified.
func (b *testBundle) giveCard(t *testing.T, sub subscriptions.Subscription) {
	t.Helper()
	link, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	result, err := b.give(t, link, frictionless)
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

// What is owed may be charged by the old card just when a new one is given: the new one is taken all the same.
func TestNewCard_GivenAsTheOldOneIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.pastDue(t, "20051", "1")
	link, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	visit, err := b.subs.Visit(t.Context(), link.Token)
	require.NoError(t, err)
	require.Equal(t, int64(999), visit.Keeps())

	b.ahead.Add(int64(sub.NextRetryAt.Sub(b.now())) + int64(time.Second))
	racing := b.racing(t, func() error {
		_, err := b.worker.Advance(t.Context())
		return err
	})
	result, err := racing.ChangeCard(t.Context(), cardChange(link, frictionless, visit.Keeps()))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	require.Equal(t, int64(100), result.Payment.Amount.Minor, "it is only verified: the old card pays")
	b.settle(t)
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusActive, sub.Status)
	b.passTo(t, sub.PeriodEnd.Add(time.Hour))
	require.Equal(t, orders.StatusPaid, b.periods(t, sub.ID)[3].Status)
	contracts := b.contracts()
	require.Len(t, contracts[0].Renewals, 2)
	require.Len(t, contracts[1].Renewals, 1)
}

// Two links may be used at once: a purchase that fails does not give up another one, which is just about to be sent.
func TestNewCard_ThatFailsLeavesAnotherOneAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.pastDue(t, "20054", "9")
	first, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	other, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	fails := b.racing(t, func() error { return fault.Down("provider_unavailable", time.Second, nil, "Not now.") })
	racing := b.racing(t, func() error {
		_, err := fails.ChangeCard(t.Context(), cardChange(other, frictionless, 999))
		require.ErrorContains(t, err, "Not now.")
		return nil
	})
	result, err := racing.ChangeCard(t.Context(), cardChange(first, frictionless, 999))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	b.settle(t)
	require.Equal(t, lifecycle.StatusActive, b.get(t, sub.ID).Status)
	live := 0
	for _, c := range b.contracts() {
		if c.SubscriptionStatus == "active" {
			live++
		}
	}
	require.Equal(t, 1, live, "the old one has ended, and the new one is charged by")
	b.passTo(t, b.get(t, sub.ID).PeriodEnd.Add(time.Hour))
	require.Equal(t, lifecycle.StatusActive, b.get(t, sub.ID).Status)
}

// Who was told that nothing is owed is not charged what has become due since.
func TestNewCard_IsNotChargedMoreThanWasShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	link, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	visit, err := b.subs.Visit(t.Context(), link.Token)
	require.NoError(t, err)
	require.Zero(t, visit.Keeps())

	b.declining(t, sub, "20051", "9")
	b.passTo(t, sub.PeriodEnd.Add(time.Hour))
	link, err = b.subs.NewLink(t.Context(), sub.ID) // the first has expired
	require.NoError(t, err)
	_, err = b.subs.ChangeCard(t.Context(), cardChange(link, frictionless, visit.Keeps()))
	require.ErrorIs(t, err, subscriptions.ErrMoreOwed)
	result, err := b.give(t, link, frictionless)
	require.NoError(t, err)
	require.Equal(t, int64(999), result.Payment.Amount.Minor)
}

// racing is the service, where something happens just before it pays, once; an error keeps it from paying.
func (b *testBundle) racing(t *testing.T, meanwhile func() error) *subscriptions.Service {
	t.Helper()
	s, err := subscriptions.New(b.pool, &racingOrders{Service: b.orders, meanwhile: meanwhile}, b.gateway, telemetry.DiscardMetrics(),
		slog.New(slog.DiscardHandler), b.now, b.config)
	require.NoError(t, err)
	return s
}

type racingOrders struct {
	*orders.Service

	meanwhile func() error
}

func (o *racingOrders) Pay(ctx context.Context, req orders.PayRequest) (orders.PayResult, error) {
	if meanwhile := o.meanwhile; meanwhile != nil {
		o.meanwhile = nil
		if err := meanwhile(); err != nil {
			return orders.PayResult{}, err
		}
	}
	return o.Service.Pay(ctx, req)
}
