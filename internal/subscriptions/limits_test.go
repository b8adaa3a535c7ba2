package subscriptions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

// sharing makes subscriptions of one card: the provider has named one token for all of them.
func (b *testBundle) sharing(t *testing.T, n int) []subscriptions.Subscription {
	t.Helper()
	subs := make([]subscriptions.Subscription, n)
	for i := range subs {
		subs[i] = b.subscribe(t)
	}
	_, err := b.pool.Exec(t.Context(), `UPDATE subscription_contracts SET token_digest = (SELECT token_digest FROM subscription_contracts
		WHERE subscription_id = $1)`, subs[0].ID.UUID())
	require.NoError(t, err)
	return subs
}

// failures are when the charges of all subscriptions failed at the provider, and the most of them in a day and in 30 days.
func (b *testBundle) failures() (all, inDay, inMonth int) {
	var at []time.Time
	for _, c := range b.contracts() {
		for _, r := range c.Renewals {
			if r.Status == "F" {
				at = append(at, r.CreatedAt)
			}
		}
	}
	within := func(last time.Time, of time.Duration) (n int) {
		for _, a := range at {
			if !a.After(last) && a.After(last.Add(-of)) {
				n++
			}
		}
		return n
	}
	for _, a := range at {
		inDay, inMonth = max(inDay, within(a, day-time.Minute)), max(inMonth, within(a, 30*day-time.Minute))
	}
	return len(at), inDay, inMonth
}

// The schemes count what is tried with a card, whichever subscription it is for: first charges and retries, also where all of them
// are due at one moment and any number of workers charges.
func TestDunning_KeepsTheSchemesLimitsAcrossSubscriptions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subs := b.sharing(t, 14)
	for _, sub := range subs {
		b.declining(t, sub, "20051", "-1")
	}
	b.passTo(t, subs[len(subs)-1].PeriodEnd.Add(time.Hour))
	all, _, _ := b.failures()
	require.Equal(t, dunning.SchemeDayCap, all)
	b.pass(t, 20*day)
	all, inDay, inMonth := b.failures()
	require.Equal(t, dunning.SchemeMonthCap, all)
	require.LessOrEqual(t, inDay, dunning.SchemeDayCap)
	require.LessOrEqual(t, inMonth, dunning.SchemeMonthCap)
	for _, sub := range subs {
		require.Equal(t, lifecycle.StatusUnpaid, b.get(t, sub.ID).Status)
	}
}

// What succeeds is no failure: nobody waits for another day because many are charged at one moment.
func TestDunning_LimitsHoldNobodyUpWhoPays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subs := b.sharing(t, 12)
	b.passTo(t, subs[len(subs)-1].PeriodEnd.Add(time.Second))
	b.pass(t, 2*time.Minute)
	for _, sub := range subs {
		require.Equal(t, orders.StatusPaid, b.periods(t, sub.ID)[1].Status)
		require.NotContains(t, b.events(t, sub), "past_due")
	}
}
