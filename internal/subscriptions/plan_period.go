package subscriptions

import (
	"strconv"
	"time"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/subscriptions/lifecycle"
)

// planPeriod decides for a subscription that owes nothing: whether its next period begins, whether it ends, or what to wait for.
func planPeriod(f facts) step {
	sub := f.sub
	switch {
	case ending(f) != "":
		if st, some := planLeftOut(f); some {
			return st
		}
		return ended(f, ending(f))
	case sub.Collection == ProviderManaged:
		return planManaged(f)
	case sub.NextChargeAt.IsZero():
		return rest(f, endOf(sub))
	case !f.now.Before(sub.NextChargeAt):
		return planDue(f)
	default:
		return planUpcoming(f)
	}
}

// ending is how the subscription ends now, by its time or because it was canceled for the end of its period; "" where it goes on.
func ending(f facts) lifecycle.Happening {
	switch {
	case !f.sub.EndsAt.IsZero() && !f.now.Before(f.sub.EndsAt):
		return lifecycle.HappeningEnded
	case f.sub.CancelAtPeriodEnd && !f.now.Before(f.sub.PeriodEnd):
		return lifecycle.HappeningCanceled
	}
	return ""
}

// endOf is when the subscription ends by itself, zero for never.
func endOf(sub Subscription) time.Time {
	if sub.CancelAtPeriodEnd {
		return soonest(sub.PeriodEnd, sub.EndsAt)
	}
	return sub.EndsAt
}

// ended is the end of a subscription, of which nothing is being charged just now.
func ended(f facts, happening lifecycle.Happening) step {
	st := step{sub: restless(f, f.sub)}
	st.happens(f, happening)
	return st
}

// planUpcoming announces the next charge in time.
func planUpcoming(f facts) step {
	sub := f.sub
	tell := sub.NextChargeAt.Add(-f.terms.upcoming)
	told := sub.UpcomingToldOf.Equal(sub.NextChargeAt)
	if sub.nextCharge().IsZero() {
		return rest(f, endOf(sub))
	}
	if told {
		return rest(f, soonest(sub.NextChargeAt, endOf(sub)))
	}
	if f.now.Before(tell) {
		return rest(f, soonest(tell, endOf(sub)))
	}
	sub.UpcomingToldOf = sub.NextChargeAt
	sub.nextRunAt = soonest(sub.NextChargeAt, endOf(sub))
	return step{sub: sub, changed: true, events: []lifecycle.Event{lifecycle.EventChargeUpcoming}}
}

// planDue begins the period that runs now. Those that an outage left out are billed to nobody but shown to a person: charging
// several at once is no one's expectation. At most one a day is charged, by the provider's days.
func planDue(f facts) step {
	if f.active != nil {
		if at := dayAfter(f.active.PaidAt, f.terms.providerZone); f.now.Before(at) {
			return rest(f, at)
		}
	}
	sub := f.sub
	first := sub.PeriodIndex + 1
	now := max(first, sub.Schedule.Index(f.now))
	st := step{deed: deedBill, changed: true}
	for n := first; n <= now; n++ {
		st.periods = append(st.periods, n)
	}
	sub.PeriodIndex, sub.PeriodStart, sub.PeriodEnd = now, sub.Schedule.Start(now), sub.Schedule.Start(now+1)
	sub.OpenOrder, sub.OpenCharges, sub.OpenFailures = orderID(sub, sub.PeriodStart), 0, 0
	sub.LatestOrder = sub.OpenOrder
	sub.NextChargeAt = sub.PeriodEnd
	sub.nextRunAt = f.now
	st.sub = sub
	return st
}

// planLeftOut shows periods to a person that an outage left out and that began before the subscription's end: now that it has come, nothing
// is charged any more. False where there are none.
func planLeftOut(f facts) (step, bool) {
	sub := f.sub
	if sub.Collection == ProviderManaged || sub.nextCharge().IsZero() {
		return step{}, false
	}
	st := step{deed: deedMissed, class: orders.ClassPeriodMissed, changed: true}
	n := sub.PeriodIndex
	for sub.Schedule.Start(n + 1).Before(sub.EndsAt) {
		n++
		st.periods = append(st.periods, n)
	}
	if len(st.periods) == 0 {
		return step{}, false
	}
	sub.PeriodIndex, sub.PeriodStart, sub.PeriodEnd = n, sub.Schedule.Start(n), sub.Schedule.Start(n+1)
	sub.NextChargeAt, sub.LatestOrder, sub.nextRunAt = sub.PeriodEnd, orderID(sub, sub.PeriodStart), f.now
	st.sub, st.order = sub, sub.LatestOrder
	return st, true
}

// dayAfter is when the provider's day after a moment begins; zero for no moment.
func dayAfter(at time.Time, zone *time.Location) time.Time {
	if at.IsZero() {
		return at
	}
	at = at.In(zone)
	return time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, zone)
}

// orderID names the order of a period: whoever begins it, and however often, begins the same.
func orderID(sub Subscription, start time.Time) ids.Order {
	return ids.Derive[ids.OrderEntity](start, sub.ID.String(), "period")
}

// chargeID names the n-th charge of an order that we make. Lists show payments by their ids: a later charge has a later one.
func chargeID(sub Subscription, order ids.Order, n int) ids.Payment {
	return ids.Derive[ids.PaymentEntity](order.Time().Add(time.Duration(n)*time.Millisecond), sub.ID.String(), order.String(), strconv.Itoa(n))
}
