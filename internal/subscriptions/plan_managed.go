package subscriptions

import (
	"time"

	"tillway/internal/orders"
	"tillway/internal/subscriptions/lifecycle"
)

const (
	// managedGrace is how long after a period's beginning the provider may take to tell of its charge before it is asked how the
	// contract stands, and how often it is then asked.
	managedGrace = 24 * time.Hour
	// managedSilence is how long it may say nothing before the period is shown to a person.
	managedSilence = 5 * 24 * time.Hour
)

// planManaged decides for a subscription that the provider charges by itself: it is past due while the provider's charge has
// failed, asked about when the provider is silent, and shown to a person when it stays so. Its charges are announced as ours are.
func planManaged(f facts) step {
	sub := f.sub
	if failed := f.failed(); failed != nil && sub.Status != lifecycle.StatusPastDue {
		st := step{sub: restless(f, sub)}
		st.sub.FailingSince, st.sub.Retries, st.sub.LastFailure = f.now, sub.Retries+1, failed.Resource().Failure
		st.happens(f, lifecycle.HappeningOwed)
		return st
	}
	begins := sub.PeriodEnd
	switch {
	case f.active == nil || begins.IsZero():
		return rest(f, endOf(sub))
	case f.now.Before(begins) && !sub.NextChargeAt.IsZero():
		return planUpcoming(f)
	case f.now.Before(begins.Add(managedGrace)):
		return rest(f, soonest(begins.Add(managedGrace), endOf(sub)))
	case !f.now.Before(begins.Add(managedSilence)):
		return planSilent(f)
	default:
		st := step{deed: deedAsk, sub: sub, changed: true}
		st.sub.nextRunAt = soonest(f.now.Add(managedGrace), endOf(sub))
		return st
	}
}

// planSilent shows a period to a person of whose charge the provider has told nothing. News of it is applied all the same.
func planSilent(f facts) step {
	n := f.sub.PeriodIndex + 1
	st := step{deed: deedMissed, periods: []int{n}, order: orderID(f.sub, f.sub.Schedule.Start(n)), changed: true}
	st.class = orders.ClassPeriodMissed
	st.sub = restless(f, settled(f.sub))
	st.sub.OpenOrder, st.sub.LatestOrder = st.order, st.order
	st.sub.PeriodIndex, st.sub.PeriodStart, st.sub.PeriodEnd = n, f.sub.Schedule.Start(n), f.sub.Schedule.Start(n+1)
	st.sub.NextChargeAt = st.sub.PeriodEnd
	return st
}

// failed is the provider's last charge of the open order, where it has failed; nil where it has not.
func (f facts) failed() *orders.Payment {
	if f.latest == nil || f.latest.Status.Live() || f.latest.Status == orders.PaymentProcessing {
		return nil
	}
	return f.latest
}
