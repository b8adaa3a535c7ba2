package subscriptions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
)

// manage begins a subscription that the provider charges by itself.
func (b *testBundle) manage(t *testing.T) subscriptions.Subscription {
	t.Helper()
	sub := b.subscribe(t, func(r *subscriptions.CreateRequest) { r.Collection = subscriptions.ProviderManaged })
	require.Equal(t, lifecycle.StatusActive, sub.Status)
	return sub
}

// Bought on the provider's 31st and our 30th: its periods begin a day before ours in months of thirty days.
func TestManaged_CountsByTheProvidersDays_EachChargeIsAPeriod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ahead.Add(int64(58*day + 10*time.Hour)) // to 30 March, 20:00
	sub := b.manage(t)
	for n := 2; n <= 5; n++ {
		b.passTo(t, b.get(t, sub.ID).PeriodEnd.Add(time.Minute))
		b.until(t, b.paid(t, sub, n))
	}
	require.Len(t, b.contracts()[0].Renewals, 4)
	for _, o := range b.periods(t, sub.ID) {
		require.Equal(t, []any{orders.StatusPaid, false}, []any{o.Status, o.NeedsReview}, o.Period.Start)
	}
}

// paid tells whether so many periods of a subscription are paid.
func (b *testBundle) paid(t *testing.T, sub subscriptions.Subscription, n int) func() bool {
	return func() bool {
		paid := 0
		for _, o := range b.periods(t, sub.ID) {
			if o.Status == orders.StatusPaid {
				paid++
			}
		}
		return paid == n
	}
}

func TestManaged_FollowsWhatTheProviderCharges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.manage(t)
	for n := 2; n <= 4; n++ {
		b.passTo(t, b.get(t, sub.ID).PeriodEnd.Add(time.Minute))
		b.until(t, b.paid(t, sub, n))
	}
	periods := b.periods(t, sub.ID)
	require.Len(t, periods, 4)
	require.Equal(t, "2027-02-28", periods[1].Period.Start.Format(time.DateOnly))
	require.Equal(t, "2027-03-31", periods[2].Period.Start.Format(time.DateOnly))
	require.Len(t, b.contracts()[0].Renewals, 3)
	require.Equal(t, []string{
		"created", "activated", "charge_upcoming", "renewed", "charge_upcoming", "renewed", "charge_upcoming", "renewed",
	}, b.events(t, sub))
}

// The clock jumps over several periods of several subscriptions: each charge is told with its own time.
func TestManaged_AfterALongSilence_EveryChargeIsItsPeriods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	monthly := b.manage(t)
	weekly := b.subscribe(t, func(r *subscriptions.CreateRequest) {
		r.Collection, r.Interval = subscriptions.ProviderManaged, calendar.IntervalWeek
	})
	b.ahead.Add(int64(30 * day))
	b.provider.Advance(0)
	b.until(t, b.paid(t, weekly, 5))
	b.until(t, b.paid(t, monthly, 2))
	require.Len(t, b.periods(t, weekly.ID), 5)
}

func TestManaged_IsPastDueWhileTheProviderTriesAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.manage(t)
	b.declining(t, sub, "20051", "1")
	b.passTo(t, sub.PeriodEnd.Add(time.Minute))
	b.until(t, func() bool { return b.get(t, sub.ID).Status == lifecycle.StatusPastDue })
	require.Equal(t, "insufficient_funds", b.get(t, sub.ID).LastFailure.Code)
	b.pass(t, day+time.Hour)
	b.until(t, b.paid(t, sub, 2))
	b.until(t, func() bool { return b.get(t, sub.ID).Status == lifecycle.StatusActive })
	require.Len(t, b.periods(t, sub.ID), 2)
	require.Contains(t, b.events(t, sub), "recovered")
}

func TestManaged_WhoseNewsIsLost_IsShownToAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.manage(t)
	b.control(t, "/sandbox/faults", `{"fault":"no_notification","times":-1,"match":{"path":"managed_renewal"}}`)
	b.passTo(t, sub.PeriodEnd.Add(6*day))
	periods := b.periods(t, sub.ID)
	require.Len(t, periods, 2)
	require.True(t, periods[1].NeedsReview)
	require.Equal(t, orders.StatusOpen, periods[1].Status, "what is not known is not paid")
}

func TestManaged_CancellationTakesEffectBeforeTheNextCharge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.manage(t)
	_, err := b.subs.Cancel(t.Context(), sub.ID, true)
	require.NoError(t, err)
	b.pass(t, time.Hour)
	require.Equal(t, lifecycle.StatusActive, b.get(t, sub.ID).Status)
	require.Equal(t, "canceled", b.contracts()[0].SubscriptionStatus)
	b.passTo(t, sub.PeriodEnd.Add(day))
	require.Equal(t, lifecycle.StatusCanceled, b.get(t, sub.ID).Status)
	require.Empty(t, b.contracts()[0].Renewals)
}

func TestManaged_EndsWithItsContract(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.manage(t)
	var contract string
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT contract_id FROM subscription_contracts WHERE subscription_id = $1", sub.ID.UUID()).Scan(&contract))
	over, err := b.gateway.EndContract(t.Context(), contract) // as in the provider's portal
	require.NoError(t, err)
	require.True(t, over)
	b.passTo(t, sub.PeriodEnd.Add(2*day))
	require.Equal(t, lifecycle.StatusCanceled, b.get(t, sub.ID).Status)
}

// Nobody was there to ask in the days in which the provider would have been asked.
func TestManaged_AfterAnOutage_IsAskedAboutBeforeAPeriodIsMissed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.manage(t)
	var contract string
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT contract_id FROM subscription_contracts WHERE subscription_id = $1", sub.ID.UUID()).Scan(&contract))
	_, err := b.gateway.EndContract(t.Context(), contract)
	require.NoError(t, err)
	b.ahead.Add(int64(sub.PeriodEnd.Add(managedOutage).Sub(b.now())))
	b.settle(t)
	require.Equal(t, lifecycle.StatusCanceled, b.get(t, sub.ID).Status)
	require.Len(t, b.periods(t, sub.ID), 1)
}

const managedOutage = 10 * day

func TestManaged_RefusesWhatTheProviderCannotDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.subs.Create(t.Context(), b.request(t, func(r *subscriptions.CreateRequest) {
		r.Collection, r.TrialDays = subscriptions.ProviderManaged, 7
	}))
	require.ErrorContains(t, err, "trial")
	for message, edit := range map[string]func(*subscriptions.CreateRequest){
		"interval_count must be 1 to 14 for interval week": func(r *subscriptions.CreateRequest) { r.Interval, r.IntervalCount = calendar.IntervalWeek, 15 },
		"interval_count must be 1 to 99 for interval day":  func(r *subscriptions.CreateRequest) { r.Interval, r.IntervalCount = calendar.IntervalDay, 100 },
		"ends_at must be on a later day":                   func(r *subscriptions.CreateRequest) { r.EndsAt = january.Add(2 * time.Hour) },
	} {
		_, err := b.subs.Create(t.Context(), b.request(t, func(r *subscriptions.CreateRequest) { r.Collection = subscriptions.ProviderManaged }, edit))
		require.ErrorContains(t, err, message)
	}
	sub := b.manage(t)
	_, err = b.subs.Pause(t.Context(), sub.ID)
	require.ErrorContains(t, err, "cannot be told to pause")
	amount := int64(1)
	_, err = b.subs.Update(t.Context(), sub.ID, subscriptions.Patch{Amount: &amount})
	require.ErrorContains(t, err, "terms that it began with")
	_, err = b.subs.NewLink(t.Context(), sub.ID)
	require.ErrorContains(t, err, "cannot be changed")
}
