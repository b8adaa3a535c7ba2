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

// declining has the provider decline the next renewals of a subscription, negative times for all.
func (b *testBundle) declining(t *testing.T, sub subscriptions.Subscription, code, times string) {
	t.Helper()
	var contract string
	require.NoError(t, b.pool.QueryRow(t.Context(),
		"SELECT contract_id FROM subscription_contracts WHERE subscription_id = $1 AND status = 'active'", sub.ID.UUID()).Scan(&contract))
	b.control(t, "/sandbox/contracts/"+contract+"/decline", `{"code":"`+code+`","times":`+times+`}`)
}

// pastDue is a subscription whose second period was declined; the provider is told to decline with a code, so many times in all.
func (b *testBundle) pastDue(t *testing.T, code, times string) subscriptions.Subscription {
	t.Helper()
	sub := b.subscribe(t)
	b.declining(t, sub, code, times)
	b.passTo(t, sub.PeriodEnd.Add(time.Hour))
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusPastDue, sub.Status)
	return sub
}

func TestDunning_TriesASoftDeclineAgainUntilItIsPaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.pastDue(t, "20051", "3")
	require.Equal(t, 1, sub.Retries)
	require.Equal(t, "insufficient_funds", sub.LastFailure.Code)
	require.WithinDuration(t, sub.PeriodStart.Add(day), sub.NextRetryAt, time.Minute)

	b.pass(t, 4*day) // the tries of day 1 and 3
	require.Equal(t, 3, b.get(t, sub.ID).Retries)
	b.pass(t, 2*day)
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusActive, sub.Status)
	require.Zero(t, sub.Retries)
	require.Nil(t, sub.LastFailure)
	require.Len(t, b.contracts()[0].Renewals, 4)
	require.Equal(t, []string{"created", "activated", "charge_upcoming", "past_due", "renewed", "recovered"}, b.events(t, sub))
	require.Equal(t, "2027-03-31", sub.NextChargeAt.Format(time.DateOnly), "as if nothing had been")
}

func TestDunning_GivesUpAsThePolicySays(t *testing.T) {
	t.Parallel()
	for end, want := range map[dunning.End]struct {
		status lifecycle.Status
		order  orders.Status
	}{
		dunning.EndUnpaid: {lifecycle.StatusUnpaid, orders.StatusOpen},
		dunning.EndCancel: {lifecycle.StatusCanceled, orders.StatusCanceled},
	} {
		t.Run(string(end), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			policy := dunning.Default()
			policy.End = end
			sub := b.subscribe(t, func(r *subscriptions.CreateRequest) { r.Policy = &policy })
			b.declining(t, sub, "20051", "-1")
			b.passTo(t, sub.PeriodEnd.Add(13*day))
			require.Equal(t, lifecycle.StatusPastDue, b.get(t, sub.ID).Status)
			b.pass(t, 2*day)
			require.Equal(t, want.status, b.get(t, sub.ID).Status)
			require.Equal(t, want.order, b.periods(t, sub.ID)[1].Status)
			require.Len(t, b.contracts()[0].Renewals, 6, "the first, and days 1, 3, 5, 7, 10")
			var sorted bool
			require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT array_agg(attempt ORDER BY id) = array_agg(attempt ORDER BY attempt) FROM payments WHERE order_id = $1",
				b.periods(t, sub.ID)[1].ID.UUID()).Scan(&sorted))
			require.True(t, sorted, "lists show the latest first by its id")
			b.pass(t, 60*day)
			require.Len(t, b.contracts()[0].Renewals, 6)
		})
	}
}

func TestDunning_StopsAtOnceAfterAHardDecline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.declining(t, sub, "20054", "-1")
	b.passTo(t, sub.PeriodEnd.Add(12*day))
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusPastDue, sub.Status)
	require.True(t, sub.NextRetryAt.IsZero())
	require.Len(t, b.contracts()[0].Renewals, 1)
	b.pass(t, 3*day)
	require.Equal(t, lifecycle.StatusUnpaid, b.get(t, sub.ID).Status)
}

func TestNewCard_PaysWhatIsOwedAndTakesTheOthersPlace(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"past due": 2 * day, "unpaid": 20 * day} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sub := b.subscribe(t)
			b.declining(t, sub, "20054", "-1")
			b.passTo(t, sub.PeriodEnd.Add(wait))
			link, err := b.subs.NewLink(t.Context(), sub.ID)
			require.NoError(t, err)
			visit, err := b.subs.Visit(t.Context(), link.Token)
			require.NoError(t, err)
			require.True(t, visit.Usable)
			require.False(t, visit.Verifies)
			require.Equal(t, int64(999), visit.Due)

			declined, err := b.give(t, link, "4000009900000012")
			require.NoError(t, err)
			require.Equal(t, orders.PaymentFailed, declined.Payment.Status)
			b.settle(t)

			result, err := b.give(t, link, challenged)
			require.NoError(t, err)
			require.Equal(t, orders.PaymentRequiresAction, result.Payment.Status)
			act(t, result.Payment.RedirectURL, "approve")
			b.pass(t, time.Minute)
			b.until(t, func() bool { return b.get(t, sub.ID).Card.Last4 == challenged[12:] })
			sub = b.get(t, sub.ID)
			require.Equal(t, lifecycle.StatusActive, sub.Status)
			require.Equal(t, orders.StatusPaid, b.periods(t, sub.ID)[1].Status)
			require.Equal(t, "2027-03-31", sub.NextChargeAt.Format(time.DateOnly))

			_, err = b.give(t, link, frictionless)
			require.ErrorContains(t, err, "used")
			b.passTo(t, time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC))
			require.Equal(t, orders.StatusPaid, b.periods(t, sub.ID)[2].Status)
			contracts := b.contracts()
			require.Equal(t, "canceled", contracts[0].SubscriptionStatus)
			require.Equal(t, "active", contracts[len(contracts)-1].SubscriptionStatus)
		})
	}
}

func TestNewCard_WhileNothingIsOwed_IsOnlyVerified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.pass(t, 3*day)
	link, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	result, err := b.give(t, link, frictionless)
	require.NoError(t, err)
	require.Equal(t, int64(100), result.Payment.Amount.Minor)
	b.pass(t, time.Hour)
	b.until(t, func() bool { return b.periods(t, sub.ID)[1].AmountRefunded == 100 })
	b.passTo(t, sub.PeriodEnd.Add(time.Hour))
	require.Equal(t, lifecycle.StatusActive, b.get(t, sub.ID).Status)
	require.Len(t, b.contracts(), 2)
	require.Len(t, b.contracts()[1].Renewals, 1)
	require.Empty(t, b.contracts()[0].Renewals)
}

func TestDunning_TriesAFaultOnTheWayAgainWithinTheHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.control(t, "/sandbox/faults", `{"fault":"force","times":1,"status":"F","code":"20096","match":{"amount":"9.99"}}`)
	b.passTo(t, sub.PeriodEnd.Add(time.Minute))
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusActive, sub.Status, "it is not held against the customer")
	require.WithinDuration(t, sub.PeriodStart.Add(15*time.Minute), sub.NextRetryAt, 5*time.Minute)
	b.pass(t, time.Hour)
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusActive, sub.Status)
	require.True(t, sub.NextRetryAt.IsZero())
	require.Equal(t, orders.StatusPaid, b.periods(t, sub.ID)[1].Status)
	require.Len(t, b.contracts()[0].Renewals, 2)
	require.NotContains(t, b.events(t, sub), "past_due")
}

func TestUnpaid_OutlivesTheOrderThatNobodyPaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.declining(t, sub, "20054", "-1")
	b.passTo(t, sub.PeriodEnd.Add(15*day))
	require.Equal(t, lifecycle.StatusUnpaid, b.get(t, sub.ID).Status)
	b.ahead.Add(int64(365 * day))
	_, err := b.settler.Expire(t.Context())
	require.NoError(t, err)
	b.settle(t)
	require.Equal(t, orders.StatusExpired, b.periods(t, sub.ID)[1].Status)
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusUnpaid, sub.Status)
	require.True(t, sub.OpenOrder.IsZero(), "nobody waits for it any more")

	link, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	visit, err := b.subs.Visit(t.Context(), link.Token)
	require.NoError(t, err)
	require.False(t, visit.Verifies)
	require.Equal(t, int64(999), visit.Due, "a new card pays the period that runs")
	result, err := b.give(t, link, frictionless)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	b.until(t, func() bool { return b.get(t, sub.ID).Status == lifecycle.StatusActive })
	require.True(t, b.get(t, sub.ID).PeriodEnd.After(b.now()))
}

// What was to be canceled with its period is so too where dunning has given up before.
func TestDunning_GivenUp_EndsWithItsPeriodIfThatWasAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.declining(t, sub, "20051", "-1")
	b.passTo(t, sub.PeriodEnd.Add(time.Hour))
	sub, err := b.subs.Cancel(t.Context(), sub.ID, true)
	require.NoError(t, err)
	require.Equal(t, lifecycle.StatusPastDue, sub.Status)
	b.passTo(t, sub.PeriodEnd.Add(-time.Hour))
	require.Equal(t, lifecycle.StatusUnpaid, b.get(t, sub.ID).Status)
	_, err = b.subs.Cancel(t.Context(), sub.ID, true)
	require.ErrorContains(t, err, "it can be canceled at once")
	b.pass(t, 2*time.Hour)
	require.Equal(t, lifecycle.StatusCanceled, b.get(t, sub.ID).Status)
	require.Equal(t, orders.StatusCanceled, b.periods(t, sub.ID)[1].Status)
	told := b.events(t, sub)
	require.Equal(t, []string{"unpaid", "canceled"}, told[len(told)-2:])
}

func TestDunning_FollowsAPolicyThatIsChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.declining(t, sub, "20051", "-1")
	b.passTo(t, sub.PeriodEnd.Add(3*day+time.Hour))
	sub = b.get(t, sub.ID)
	require.WithinDuration(t, sub.FailingSince.Add(5*day), sub.NextRetryAt, time.Second)
	change := func(retryDays ...int) subscriptions.Subscription {
		policy := dunning.Policy{RetryDays: retryDays, GiveUpDays: 6, End: dunning.EndCancel, DayCap: 10, MonthCap: 18}
		sub, err := b.subs.Update(t.Context(), sub.ID, subscriptions.Patch{Policy: &policy})
		require.NoError(t, err)
		return sub
	}
	require.WithinDuration(t, sub.FailingSince.Add(4*day), change(1, 4).NextRetryAt, time.Second)
	require.Zero(t, change(1).NextRetryAt)
	b.passTo(t, sub.FailingSince.Add(6*day-time.Hour))
	require.Equal(t, lifecycle.StatusPastDue, b.get(t, sub.ID).Status)
	b.pass(t, 2*time.Hour)
	require.Equal(t, lifecycle.StatusCanceled, b.get(t, sub.ID).Status)
	require.Len(t, b.contracts()[0].Renewals, 3)
}
