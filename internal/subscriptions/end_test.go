package subscriptions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

// Nothing is charged for what is owed once the subscription was to end, and it ends although it is owed.
func TestDunning_EndsWithTheSubscription(t *testing.T) {
	t.Parallel()
	weekly := func(r *subscriptions.CreateRequest) { r.Interval = calendar.IntervalWeek }
	for name, c := range map[string]struct {
		code   string
		edit   func(*testBundle, *subscriptions.CreateRequest)
		cancel bool
		after  time.Duration
		tries  int
		status lifecycle.Status
	}{
		"canceled for the period's end": {"20051", nil, true, 7 * day, 4, lifecycle.StatusCanceled},
		"canceled, by a hard decline":   {"20054", nil, true, 7 * day, 1, lifecycle.StatusCanceled},
		"its time is over": {"20051", func(b *testBundle, r *subscriptions.CreateRequest) {
			r.EndsAt = b.now().Add(11 * day)
		}, false, 4 * day, 3, lifecycle.StatusExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sub := b.subscribe(t, weekly, func(r *subscriptions.CreateRequest) {
				if c.edit != nil {
					c.edit(b, r)
				}
			})
			b.declining(t, sub, c.code, "-1")
			begins := sub.PeriodEnd
			b.passTo(t, begins.Add(2*day))
			if c.cancel {
				_, err := b.subs.Cancel(t.Context(), sub.ID, true)
				require.NoError(t, err)
			}
			b.passTo(t, begins.Add(c.after-time.Hour))
			require.Equal(t, lifecycle.StatusPastDue, b.get(t, sub.ID).Status)
			require.Zero(t, b.get(t, sub.ID).NextRetryAt, "none is left before the end")
			b.pass(t, 20*day)
			sub = b.get(t, sub.ID)
			require.Equal(t, c.status, sub.Status)
			require.WithinDuration(t, begins.Add(c.after), sub.EndedAt, 12*time.Hour)
			require.Equal(t, orders.StatusCanceled, b.periods(t, sub.ID)[1].Status)
			require.Len(t, b.contracts()[0].Renewals, c.tries)
			require.NotEqual(t, "1", b.contracts()[0].DataStatus, "its contract is over")
			require.Equal(t, "canceled", b.events(t, sub)[len(b.events(t, sub))-1])
		})
	}
}

// The customer is at their bank while all ends: what verified the card goes back, what paid a period is for a person, and the
// contract that came too late is ended.
func TestNewCard_ThatComesAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, owed := range map[string]bool{"of a period that is owed": true, "to be verified": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sub := b.subscribe(t)
			if owed {
				b.declining(t, sub, "20054", "-1")
				b.passTo(t, sub.PeriodEnd.Add(day))
			}
			link, err := b.subs.NewLink(t.Context(), sub.ID)
			require.NoError(t, err)
			result, err := b.give(t, link, challenged)
			require.NoError(t, err)
			_, err = b.subs.Cancel(t.Context(), sub.ID, false)
			require.NoError(t, err)
			b.pass(t, time.Minute)
			act(t, result.Payment.RedirectURL, "approve")
			b.pass(t, time.Hour)
			late := b.periods(t, sub.ID)[1]
			require.Equal(t, lifecycle.StatusCanceled, b.get(t, sub.ID).Status)
			if owed {
				require.True(t, late.NeedsReview)
				require.Equal(t, int64(999), late.AmountPaid)
			} else {
				b.until(t, func() bool { return b.periods(t, sub.ID)[1].AmountRefunded == 100 })
			}
			b.until(t, func() bool {
				contracts := b.contracts()
				return len(contracts) == 2 && contracts[0].DataStatus == "3" && contracts[1].DataStatus == "3"
			})
			var left int
			require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT count(*) FROM subscription_contracts WHERE status <> 'ended'").Scan(&left))
			require.Zero(t, left)
		})
	}
}

// A charge that was declined turns out to have succeeded when nobody collects it any more: its money is for a person. Where the
// subscription waits to be paid, it is.
func TestDunning_MoneyThatComesAfterAllWasGivenUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    dunning.End
		pause  bool
		status lifecycle.Status
	}{
		"canceled": {dunning.EndCancel, false, lifecycle.StatusCanceled},
		"paused":   {dunning.EndUnpaid, true, lifecycle.StatusPaused},
		"unpaid":   {dunning.EndUnpaid, false, lifecycle.StatusActive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sub := b.subscribe(t, func(r *subscriptions.CreateRequest) {
				r.Policy = &dunning.Policy{GiveUpDays: 1, End: c.end, DayCap: 10, MonthCap: 18}
			})
			b.control(t, "/sandbox/faults", `{"fault":"late_success","delay_ms":259200000,"match":{"amount":"9.99"}}`)
			b.passTo(t, sub.PeriodEnd.Add(time.Hour))
			require.Equal(t, lifecycle.StatusPastDue, b.get(t, sub.ID).Status)
			if c.pause {
				_, err := b.subs.Pause(t.Context(), sub.ID)
				require.NoError(t, err)
			}
			b.pass(t, 4*day)
			b.until(t, func() bool { return b.periods(t, sub.ID)[1].AmountPaid == 999 && b.get(t, sub.ID).Status == c.status })
			require.Equal(t, c.status != lifecycle.StatusActive, b.periods(t, sub.ID)[1].NeedsReview)
		})
	}
}

// A deleted customer comes back from their bank to a subscription that was never begun: what verified the card goes back by itself,
// and is nothing for a person to look at.
func TestErase_WhileTheFirstCardIsVerified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	result, err := b.subs.Create(t.Context(), b.request(t, func(r *subscriptions.CreateRequest) {
		r.TrialDays, r.Purchase.Card = 5, card(challenged)
	}))
	require.NoError(t, err)
	sub := result.Subscription
	_, err = b.customers.Delete(t.Context(), sub.Customer)
	require.NoError(t, err)
	require.NoError(t, b.subs.Erase(t.Context(), sub.Customer))
	b.pass(t, time.Minute)
	act(t, result.Payment.RedirectURL, "approve")
	b.pass(t, time.Hour)
	b.until(t, func() bool {
		return b.periods(t, sub.ID)[0].AmountRefunded == 100 && b.contracts()[0].DataStatus == "3"
	})
	require.Equal(t, lifecycle.StatusCanceled, b.get(t, sub.ID).Status)
	require.False(t, b.periods(t, sub.ID)[0].NeedsReview)
}
