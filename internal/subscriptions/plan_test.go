package subscriptions

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

func eur(minor int64) money.Amount {
	currency, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.New(minor, currency)
}

func drawTime(t *rapid.T, name string) time.Time {
	hours := rapid.IntRange(-24*60, 24*60).Draw(t, name)
	if rapid.IntRange(0, 3).Draw(t, name+" is there") == 0 {
		return time.Time{}
	}
	return noon.Add(time.Duration(hours) * time.Hour)
}

// drawFacts makes facts that may be read of a database, and some that may not.
func drawFacts(t *rapid.T) facts {
	schedule := calendar.Schedule{
		Anchor: noon.AddDate(0, -rapid.IntRange(0, 30).Draw(t, "age"), -3), Zone: time.UTC,
		Interval: rapid.SampledFrom(calendar.Intervals()).Draw(t, "interval"), Count: 1,
	}
	n := max(schedule.Index(noon)-rapid.IntRange(0, 2).Draw(t, "behind"), -1)
	sub := Subscription{
		ID: ids.New[ids.SubscriptionEntity](), Status: rapid.SampledFrom(lifecycle.Statuses()).Draw(t, "status"),
		Collection: rapid.SampledFrom([]Collection{SelfManaged, ProviderManaged}).Draw(t, "collection"), Amount: eur(999),
		Schedule: schedule, PeriodIndex: n, PeriodStart: schedule.Start(max(n, 0)), PeriodEnd: schedule.Start(n + 1),
		EndsAt: drawTime(t, "ends_at"), NextRetryAt: drawTime(t, "next_retry_at"),
		FailingSince: drawTime(t, "failing_since"), CancelAtPeriodEnd: rapid.Bool().Draw(t, "cancel_at_period_end"),
		OpenCharges: rapid.IntRange(0, 3).Draw(t, "charges"), CreatedAt: schedule.Anchor,
	}
	if rapid.Bool().Draw(t, "is charged") {
		sub.NextChargeAt = sub.PeriodEnd
	}
	sub.OpenFailures = max(sub.OpenCharges-rapid.IntRange(0, 1).Draw(t, "not judged"), 0)
	f := facts{now: noon, sub: sub, terms: terms{
		policy: dunning.Default(), upcoming: 72 * time.Hour, patience: time.Minute, providerZone: time.UTC,
	}}
	if rapid.Bool().Draw(t, "collects") {
		o := orders.Order{
			ID: ids.New[ids.OrderEntity](), Amount: eur(999), NeedsReview: rapid.Bool().Draw(t, "review"),
			Status: rapid.SampledFrom([]orders.Status{orders.StatusOpen, orders.StatusPending, orders.StatusPaid, orders.StatusCanceled}).Draw(t, "order"),
		}
		if o.Status == orders.StatusPaid {
			o.AmountPaid, o.PaidAt = 999, noon.Add(-time.Hour)
		}
		f.open, f.sub.OpenOrder = &o, o.ID
	} else {
		f.sub.OpenCharges, f.sub.OpenFailures = 0, 0
	}
	if f.sub.OpenCharges > 0 && rapid.Bool().Draw(t, "begun") {
		category := rapid.SampledFrom([]orders.FailureCategory{orders.FailureSoft, orders.FailureHard, orders.FailureTechnical, orders.FailureConfiguration}).Draw(t, "why")
		f.charge = &orders.Payment{
			Status: orders.PaymentFailed, Amount: eur(999), CreatedAt: noon.Add(-time.Hour), Failure: &orders.Failure{Code: "x", Category: category},
		}
		if rapid.Bool().Draw(t, "begun since the order was read") {
			f.charge.Status = rapid.SampledFrom([]orders.PaymentStatus{orders.PaymentProcessing, orders.PaymentUnknown}).Draw(t, "under way")
			f.charge.Failure = nil
		}
	}
	if rapid.Bool().Draw(t, "contract") {
		f.active = &contract{Payment: ids.New[ids.PaymentEntity](), ID: "1", sealed: []byte{1}, digest: []byte{1}, frequency: 13, PaidAt: drawTime(t, "paid_at")}
	}
	return f
}

// Whatever the facts are: nothing is charged that may not be, what has ended stays ended, a charge is decided on before it is sent,
// and every plan comes to rest.
func TestPlan_ChargesOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t)
		st := plan(f)
		if !st.charge.IsZero() {
			require.True(t, lifecycle.Allows(f.sub.Status, lifecycle.CommandCharge))
			require.Equal(t, SelfManaged, f.sub.Collection)
			require.Equal(t, orders.StatusOpen, f.open.Status)
			require.True(t, f.chargeable())
			require.Equal(t, f.sub.OpenCharges+1, st.sub.OpenCharges)
			require.Equal(t, f.sub.OpenFailures, f.sub.OpenCharges, "the one before is settled")
		}
		if st.deed == deedCharge {
			require.Nil(t, f.charge)
			require.Positive(t, f.sub.OpenCharges)
			require.Equal(t, orders.StatusOpen, f.open.Status)
			require.True(t, lifecycle.Allows(f.sub.Status, lifecycle.CommandCharge))
		}
		if f.charge != nil && f.charge.Status.Open() && !f.sub.Status.Final() && f.open.AmountPaid == 0 {
			require.Equal(t, step{sub: st.sub}, st, "nothing is made of a charge that is under way")
			require.Equal(t, f.sub.OpenFailures, st.sub.OpenFailures)
		}
		if st.deed == deedBill {
			require.Nil(t, f.open, "one period at a time")
			require.False(t, f.sub.NextChargeAt.After(f.now))
			require.False(t, st.sub.PeriodStart.After(f.now))
			require.True(t, st.sub.PeriodEnd.After(f.now) || !f.sub.EndsAt.IsZero())
		}
		if f.sub.Status.Final() {
			require.Equal(t, f.sub.Status, st.sub.Status)
			require.Empty(t, st.events)
		}
		if st.sub.Status.Final() && !f.sub.Status.Final() {
			require.Equal(t, f.active != nil, len(st.end) == 1)
		}
		require.Equal(t, st, plan(f), "the same facts, the same step")
	})
}

func TestPlan_ChargesOnePeriodADay(t *testing.T) {
	t.Parallel()
	f := facts{now: noon, terms: terms{policy: dunning.Default(), providerZone: time.FixedZone("", 8*60*60)}}
	f.sub = Subscription{Status: lifecycle.StatusActive, Collection: SelfManaged, Schedule: calendar.Schedule{
		Anchor: noon.AddDate(0, 0, -10), Zone: time.UTC, Interval: calendar.IntervalDay, Count: 1,
	}, PeriodIndex: 8, PeriodEnd: noon.AddDate(0, 0, -1), NextChargeAt: noon.AddDate(0, 0, -1)}
	f.active = &contract{ID: "1", sealed: []byte{1}, PaidAt: noon.Add(-time.Hour)}
	st := plan(f)
	require.False(t, st.changed)
	require.Equal(t, "2027-03-16 00:00:00 +0800", st.sub.nextRunAt.Format("2006-01-02 15:04:05 -0700"))
	f.now = st.sub.nextRunAt
	require.Equal(t, []int{9, 10}, plan(f).periods, "the one that was missed is shown, the one that runs is charged")
}

// A refund that fails gives its amount back to the order: asked for again under its key, it would be that refund for ever.
func TestPlan_AVerificationIsGivenBackOnce_AndDoesNotHoldTheRestUp(t *testing.T) {
	t.Parallel()
	p := purchase{
		contract: contract{Payment: ids.New[ids.PaymentEntity](), ID: "1", sealed: []byte{1}, CreatedAt: noon},
		order:    &orders.Order{ID: ids.New[ids.OrderEntity](), Status: orders.StatusPaid, AmountPaid: 100, Amount: eur(100)},
		payment:  &orders.Payment{Status: orders.PaymentSucceeded, FinalAt: noon},
	}
	f := facts{now: noon, purchases: []purchase{p}, terms: terms{policy: dunning.Default(), providerZone: time.UTC}}
	f.sub = Subscription{Status: lifecycle.StatusIncomplete, Collection: SelfManaged, CreatedAt: noon, TrialEnd: noon.AddDate(0, 0, 7), Schedule: calendar.Schedule{
		Anchor: noon.AddDate(0, 0, 7), Zone: time.UTC, Interval: calendar.IntervalMonth, Count: 1,
	}}
	require.Equal(t, deedRefund, plan(f).deed)
	f.purchases[0].returned = true
	st := plan(f)
	require.Equal(t, deedNone, st.deed)
	require.Equal(t, lifecycle.StatusTrialing, st.sub.Status)
}
