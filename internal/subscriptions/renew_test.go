package subscriptions_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
)

func TestRenewals_BeginOnTheAnchorsDayOrTheLastOfAShortMonth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	require.Equal(t, lifecycle.StatusActive, sub.Status)
	require.Equal(t, time.Date(2027, 2, 28, 10, 0, 0, 0, time.UTC), sub.PeriodEnd.Truncate(time.Minute))
	b.passTo(t, time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC))

	var days []string
	for _, o := range b.periods(t, sub.ID) {
		require.Equal(t, orders.StatusPaid, o.Status)
		days = append(days, o.Period.Start.Format(time.DateOnly))
	}
	require.Equal(t, []string{"2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"}, days)
	require.Len(t, b.contracts(), 1)
	require.Len(t, b.contracts()[0].Renewals, 3)
	require.Equal(t, []string{
		"created", "activated", "charge_upcoming", "renewed", "charge_upcoming", "renewed", "charge_upcoming", "renewed",
	}, b.events(t, sub))
	sub = b.get(t, sub.ID)
	require.Equal(t, "2027-05-31", sub.NextChargeAt.Format(time.DateOnly))
}

func TestRenewals_AreChargedOnceByAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t, func(r *subscriptions.CreateRequest) { r.Interval = calendar.IntervalWeek })
	b.ahead.Add(int64(7 * day))
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 3 {
				_ = b.subs.Advance(t.Context(), sub.ID) // some find that it moved on
			}
		})
	}
	running.Wait()
	b.settle(t)
	require.Len(t, b.contracts()[0].Renewals, 1)
	require.Len(t, b.periods(t, sub.ID), 2)
}

func TestRenewals_AfterALostAnswer_AreSettledByAQuestion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.control(t, "/sandbox/faults", `{"fault":"lose_answer","times":1,"match":{"amount":"9.99"}}`)
	b.control(t, "/sandbox/faults", `{"fault":"no_notification","times":1,"match":{"amount":"9.99"}}`)
	b.passTo(t, sub.PeriodEnd.Add(time.Minute))
	b.pass(t, time.Hour)
	require.Len(t, b.contracts()[0].Renewals, 1)
	require.Equal(t, lifecycle.StatusActive, b.get(t, sub.ID).Status)
	require.Contains(t, b.events(t, sub), "renewed")
}

func TestRenewals_AfterAnOutage_OnePeriodIsChargedAndTheOthersAreForAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.ahead.Add(int64(95 * day)) // to 6 May: the periods from 28 February and 31 March have passed
	b.settle(t)
	periods := b.periods(t, sub.ID)
	require.Len(t, periods, 4)
	for i, want := range []struct {
		status orders.Status
		review bool
	}{{orders.StatusPaid, false}, {orders.StatusOpen, true}, {orders.StatusOpen, true}, {orders.StatusPaid, false}} {
		require.Equal(t, want.status, periods[i].Status, i)
		require.Equal(t, want.review, periods[i].NeedsReview, i)
	}
	require.Len(t, b.contracts()[0].Renewals, 1)
	require.Equal(t, "2027-05-31", b.get(t, sub.ID).NextChargeAt.Format(time.DateOnly))

	waived, err := b.orders.Cancel(t.Context(), orders.CancelOrder{Order: periods[1].ID, CorrelationID: "test"})
	require.NoError(t, err)
	require.Equal(t, orders.StatusCanceled, waived.Status)
	b.passTo(t, b.get(t, sub.ID).NextChargeAt.Add(time.Hour))
	require.Len(t, b.contracts()[0].Renewals, 2, "the subscription goes on as before")
}

func TestTrial_VerifiesTheCardAndChargesWhenItIsOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t, func(r *subscriptions.CreateRequest) { r.TrialDays = 14 })
	require.Equal(t, lifecycle.StatusTrialing, sub.Status)
	require.Equal(t, "2027-02-14", sub.NextChargeAt.Format(time.DateOnly))
	b.pass(t, time.Hour)
	verified := b.periods(t, sub.ID)
	require.Len(t, verified, 1)
	require.Equal(t, int64(100), verified[0].Amount.Minor)
	require.Nil(t, verified[0].Period)
	require.NotZero(t, verified[0].AmountRefunded+verified[0].AmountRefundPending)

	b.passTo(t, time.Date(2027, 2, 15, 0, 0, 0, 0, time.UTC))
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusActive, sub.Status)
	require.Equal(t, "2027-03-14", sub.NextChargeAt.Format(time.DateOnly))
	require.Len(t, b.contracts()[0].Renewals, 1)
}

func TestRenewal_ThatTheProviderFindsTooEarly_IsAlertedAndNotTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	b.control(t, "/sandbox/faults", `{"fault":"force","times":1,"status":"F","code":"12006","match":{"amount":"9.99"}}`)
	b.passTo(t, sub.PeriodEnd.Add(5*day))
	require.Len(t, b.contracts()[0].Renewals, 1)
	var classes []string
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT array_agg(class) FROM discrepancies").Scan(&classes))
	require.Equal(t, []string{orders.ClassRenewalRefused}, classes)
	periods := b.periods(t, sub.ID)
	require.True(t, periods[1].NeedsReview)
	require.Equal(t, lifecycle.StatusActive, b.get(t, sub.ID).Status)

	var found [16]byte
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT id FROM discrepancies").Scan(&found))
	_, err := b.orders.ResolveDiscrepancy(t.Context(), orders.Resolve{
		Discrepancy: ids.From[ids.DiscrepancyEntity](found), Reason: "waived", By: "key_1", CorrelationID: "test",
	})
	require.NoError(t, err)
	b.passTo(t, sub.PeriodEnd.Add(32*day))
	require.Equal(t, orders.StatusPaid, b.periods(t, sub.ID)[2].Status)
	require.False(t, b.periods(t, sub.ID)[1].NeedsReview, "what was resolved does not come back")
}
