package subscriptions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/customers"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
)

func TestCreate_WithAChallenge_IsIncompleteUntilItIsPassed(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]lifecycle.Status{"approve": lifecycle.StatusActive, "fail": lifecycle.StatusExpired} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			result, err := b.subs.Create(t.Context(), b.request(t, func(r *subscriptions.CreateRequest) { r.Purchase.Card = card(challenged) }))
			require.NoError(t, err)
			require.Equal(t, lifecycle.StatusIncomplete, result.Subscription.Status)
			require.Equal(t, orders.PaymentRequiresAction, result.Payment.Status)
			act(t, result.Payment.RedirectURL, action)
			b.until(t, func() bool { return b.get(t, result.Subscription.ID).Status == want })
		})
	}
}

func TestCreate_ThatIsDeclined_Expires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	result, err := b.subs.Create(t.Context(), b.request(t, func(r *subscriptions.CreateRequest) { r.Purchase.Card = card("4000009900000012") }))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentFailed, result.Payment.Status)
	require.Equal(t, lifecycle.StatusExpired, result.Subscription.Status)
	require.Equal(t, orders.StatusCanceled, b.periods(t, result.Subscription.ID)[0].Status)
}

func TestCreate_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for param, edit := range map[string]func(*subscriptions.CreateRequest){
		"customer": func(r *subscriptions.CreateRequest) {
			r.Customer = ids.New[ids.CustomerEntity]()
		},
		"billing_details.email": func(r *subscriptions.CreateRequest) {
			created, err := b.customers.Create(t.Context(), customers.CreateRequest{CorrelationID: "test"})
			require.NoError(t, err)
			r.Customer = created.Customer.ID
		},
		"amount":                     func(r *subscriptions.CreateRequest) { r.Amount = 0 },
		"currency":                   func(r *subscriptions.CreateRequest) { r.Currency = "eux" },
		"interval":                   func(r *subscriptions.CreateRequest) { r.Interval = "fortnight" },
		"interval_count":             func(r *subscriptions.CreateRequest) { r.IntervalCount = 13 },
		"time_zone":                  func(r *subscriptions.CreateRequest) { r.TimeZone = "Mars/Olympus" },
		"collection":                 func(r *subscriptions.CreateRequest) { r.Collection = "by_hand" },
		"trial_days":                 func(r *subscriptions.CreateRequest) { r.TrialDays = -1 },
		"ends_at":                    func(r *subscriptions.CreateRequest) { r.TrialDays, r.EndsAt = 30, january.Add(20*day) },
		"payment_method.card.number": func(r *subscriptions.CreateRequest) { r.Purchase.Card.Number = "4" },
	} {
		_, err := b.subs.Create(t.Context(), b.request(t, edit))
		refused := (*fault.Error)(nil)
		require.ErrorAs(t, err, &refused, param)
		require.Equal(t, param, refused.Param)
	}
	_, err := b.subs.Create(t.Context(), b.request(t, func(r *subscriptions.CreateRequest) { r.Customer = ids.Customer{} }))
	require.ErrorContains(t, err, "customer is required")
	var rows int
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT count(*) FROM subscriptions").Scan(&rows))
	require.Zero(t, rows)
}

// Each tells an event of its customer, who is locked for that.
func TestCreate_ManyAtOnce_OfOneCustomer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := b.request(t)
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			_, err := b.subs.Create(t.Context(), req)
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Len(t, b.contracts(), 8)
}

// A customer who is erased meanwhile gets no subscription: whichever of the two is first is seen by the other.
func TestCreate_NamesOnlyACustomerWhoIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := b.customer(t)
	_, err := b.customers.Delete(t.Context(), gone)
	require.NoError(t, err)
	kept := b.subscribe(t)
	_, err = b.pool.Exec(t.Context(), "INSERT INTO subscriptions SELECT (jsonb_populate_record(s, jsonb_build_object('id', $1::uuid, 'customer_id', $2::uuid))).* FROM subscriptions s WHERE id = $3",
		ids.New[ids.SubscriptionEntity]().UUID(), gone.UUID(), kept.ID.UUID())
	require.ErrorContains(t, err, "is not there")
}

func TestCancel_EndsTheContractToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now, later := b.subscribe(t), b.subscribe(t)
	_, err := b.subs.Cancel(t.Context(), now.ID, false)
	require.NoError(t, err)
	later, err = b.subs.Cancel(t.Context(), later.ID, true)
	require.NoError(t, err)
	require.True(t, later.CancelAtPeriodEnd)
	require.Nil(t, later.Resource().NextChargeAt, "it is charged no more")
	b.pass(t, time.Hour)
	require.Equal(t, lifecycle.StatusCanceled, b.get(t, now.ID).Status)
	require.Equal(t, lifecycle.StatusActive, b.get(t, later.ID).Status)
	require.Equal(t, "canceled", b.contracts()[0].SubscriptionStatus)
	require.Equal(t, "active", b.contracts()[1].SubscriptionStatus)
	b.passTo(t, later.PeriodEnd.Add(2*day))
	require.Equal(t, lifecycle.StatusCanceled, b.get(t, later.ID).Status)
	require.Equal(t, "canceled", b.contracts()[1].SubscriptionStatus)
	require.Empty(t, b.contracts()[1].Renewals)
	var kept int
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT count(*) FROM subscription_contracts WHERE token_sealed IS NOT NULL").Scan(&kept))
	require.Zero(t, kept, "nothing is left to charge by")
}

// What is paid for and cannot be charged later would wait for ever.
func TestCancel_WhatWaitsForItsContract(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, fault := range []string{"lose_answer", "no_notification"} {
		b.control(t, "/sandbox/faults", `{"fault":"`+fault+`","times":1,"match":{"amount":"9.99"}}`)
	}
	result, err := b.subs.Create(t.Context(), b.request(t))
	require.NoError(t, err)
	id := result.Subscription.ID
	_, err = b.subs.Cancel(t.Context(), id, false)
	require.ErrorContains(t, err, "is incomplete and cannot be canceled", "its money may be on its way")
	b.pass(t, time.Hour)
	b.pass(t, 26*time.Hour)
	first := b.periods(t, id)[0]
	require.Equal(t, []any{orders.StatusPaid, true}, []any{first.Status, first.NeedsReview})
	require.Equal(t, lifecycle.StatusIncomplete, b.get(t, id).Status)
	_, err = b.subs.Cancel(t.Context(), id, true)
	require.ErrorContains(t, err, "cannot be canceled")

	canceled, err := b.subs.Cancel(t.Context(), id, false)
	require.NoError(t, err)
	require.Equal(t, lifecycle.StatusCanceled, canceled.Status)
	b.pass(t, 26*time.Hour)
	require.Equal(t, []string{"created", "canceled"}, b.events(t, canceled))
	require.Equal(t, orders.StatusPaid, b.periods(t, id)[0].Status, "nothing is refunded by itself")
}

func TestPause_BillsNothingBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	_, err := b.subs.Pause(t.Context(), sub.ID)
	require.NoError(t, err)
	b.passTo(t, time.Date(2027, 4, 10, 0, 0, 0, 0, time.UTC))
	require.Empty(t, b.contracts()[0].Renewals)
	sub, err = b.subs.Resume(t.Context(), sub.ID)
	require.NoError(t, err)
	require.Equal(t, lifecycle.StatusActive, sub.Status)
	require.Equal(t, "2027-04-30", sub.NextChargeAt.Format(time.DateOnly))
	b.passTo(t, time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC))
	require.Len(t, b.contracts()[0].Renewals, 1)
	require.Len(t, b.periods(t, sub.ID), 2)
}

func TestUpdate_CountsFromTheNextPeriod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	amount, interval := int64(1999), calendar.IntervalYear
	sub, err := b.subs.Update(t.Context(), sub.ID, subscriptions.Patch{Amount: &amount, Interval: &interval})
	require.NoError(t, err)
	require.Equal(t, "2027-02-28", sub.NextChargeAt.Format(time.DateOnly))
	b.passTo(t, sub.NextChargeAt.Add(time.Hour))
	periods := b.periods(t, sub.ID)
	require.Equal(t, int64(1999), periods[1].Amount.Minor)
	require.Equal(t, "2028-02-28", b.get(t, sub.ID).NextChargeAt.Format(time.DateOnly))

	b.passTo(t, b.get(t, sub.ID).PeriodEnd.Add(-day)) // late in a period as well
	every := 11
	month := calendar.IntervalMonth
	sub, err = b.subs.Update(t.Context(), sub.ID, subscriptions.Patch{Interval: &month, IntervalCount: &every})
	require.NoError(t, err)
	require.Equal(t, "2028-02-28", sub.NextChargeAt.Format(time.DateOnly))

	week := calendar.IntervalDay
	_, err = b.subs.Update(t.Context(), sub.ID, subscriptions.Patch{Interval: &week})
	require.ErrorContains(t, err, "agreed")
}

func TestEndsAt_EndsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t, func(r *subscriptions.CreateRequest) { r.EndsAt = january.AddDate(0, 2, 10) })
	require.NotNil(t, sub.Resource().NextChargeAt)
	b.passTo(t, sub.EndsAt.Add(-time.Hour))
	require.Nil(t, b.get(t, sub.ID).Resource().NextChargeAt, "no other period begins")
	b.passTo(t, sub.EndsAt.Add(day))
	require.Equal(t, lifecycle.StatusExpired, b.get(t, sub.ID).Status)
	require.Len(t, b.contracts()[0].Renewals, 2)
	require.Equal(t, "canceled", b.contracts()[0].SubscriptionStatus)
}

// Nobody was there between the beginning of its last periods and its end.
func TestEndsAt_DuringAnOutage_ShowsWhatWasLeftOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t, func(r *subscriptions.CreateRequest) { r.EndsAt = january.AddDate(0, 2, 10) })
	b.ahead.Add(int64(100 * day))
	b.settle(t)
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusExpired, sub.Status)
	require.Empty(t, b.contracts()[0].Renewals)
	periods := b.periods(t, sub.ID)
	require.Len(t, periods, 3)
	for _, o := range periods[1:] {
		require.Equal(t, []any{orders.StatusOpen, true}, []any{o.Status, o.NeedsReview})
	}
	require.Equal(t, periods[2].ID, sub.LatestOrder)
}

func TestErase_EndsWhatTheCustomerHas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	_, err := b.customers.Delete(t.Context(), sub.Customer)
	require.NoError(t, err)
	require.NoError(t, b.subs.Erase(t.Context(), sub.Customer))
	b.pass(t, time.Hour)
	sub = b.get(t, sub.ID)
	require.Equal(t, lifecycle.StatusCanceled, sub.Status)
	require.Empty(t, sub.Description)
	require.Equal(t, "canceled", b.contracts()[0].SubscriptionStatus)
	var told int
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT count(*) FROM customer_events WHERE object::text LIKE '%Plus%'").Scan(&told))
	require.Zero(t, told)
}
