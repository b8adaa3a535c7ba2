package subscriptions

import (
	"time"

	"tillway/internal/orders"
	"tillway/internal/subscriptions/lifecycle"
)

// contractPatience is how long the provider may take to tell of a contract whose purchase is paid, before a person is asked.
const contractPatience = 24 * time.Hour

// planPurchases decides about the first purchase whose outcome asks for something; false when none does.
func planPurchases(f facts) (step, bool) {
	for _, p := range f.purchases {
		if st, ok := planPurchase(f, p); ok {
			return st, true
		}
	}
	return step{}, false
}

func planPurchase(f facts, p purchase) (step, bool) {
	switch {
	case p.payment == nil:
		// Whoever recorded it may still be about to send it.
		if until := f.givenUpAt(p); f.now.Before(until) {
			return restIfAlone(f, until)
		}
		return planFailedPurchase(f, p), true
	case p.payment.Status == orders.PaymentSucceeded:
		return planBoughtContract(f, p)
	case !p.payment.Status.Live():
		return planFailedPurchase(f, p), true
	default:
		return restIfAlone(f, f.now.Add(farAhead))
	}
}

// givenUpAt is until when whoever recorded a purchase may take to begin it.
func (f facts) givenUpAt(p purchase) time.Time {
	if p.Payment == f.abandoned {
		return p.CreatedAt
	}
	return p.CreatedAt.Add(f.terms.patience)
}

// unbegunUntil is when the first purchase that was recorded and is not begun is given up; zero for none.
func (f facts) unbegunUntil() time.Time {
	var first time.Time
	for _, p := range f.purchases {
		if p.payment == nil {
			first = soonest(first, f.givenUpAt(p))
		}
	}
	return first
}

// restIfAlone waits for a purchase beside which nothing else goes on: that of a subscription which is not begun.
func restIfAlone(f facts, until time.Time) (step, bool) {
	return rest(f, until), f.sub.Status == lifecycle.StatusIncomplete
}

// planBoughtContract takes a contract into use once the provider has told what it is charged by. What was only to verify the
// card is given back first.
func planBoughtContract(f facts, p purchase) (step, bool) {
	if p.order.Period == nil && p.order.Status == orders.StatusPaid && !p.returned {
		return step{deed: deedRefund, order: p.order.ID, sub: f.sub}, true
	}
	if f.sub.Status.Final() {
		return step{sub: f.sub, changed: true, end: []contract{p.contract}}, true // it came too late to be of use
	}
	if !p.chargeable() && (f.sub.Collection == SelfManaged || p.ID == "") {
		due := p.payment.FinalAt.Add(contractPatience)
		if !f.now.Before(due) && !p.order.NeedsReview {
			return step{deed: deedReview, order: p.order.ID, class: orders.ClassContractMissing, sub: f.sub}, true
		}
		if f.now.Before(due) {
			return restIfAlone(f, due)
		}
		return restIfAlone(f, f.now.Add(farAhead))
	}
	c := p.contract
	c.StartedAt = p.payment.FinalAt
	st := step{sub: f.sub, changed: true, activate: &c}
	if f.active != nil {
		st.end = []contract{*f.active}
	}
	st.sub.Card, st.sub.nextRunAt = p.Card, f.now
	if f.sub.Status == lifecycle.StatusIncomplete {
		begin(f, &st)
	}
	return st, true
}

// begin starts the trial or the first period of a subscription whose first purchase is paid.
func begin(f facts, st *step) {
	st.sub = settled(st.sub)
	st.sub.ActivatedAt = f.now
	sub := &st.sub
	sub.PeriodStart, sub.PeriodEnd = sub.Schedule.Anchor, sub.Schedule.Start(1)
	happening := lifecycle.HappeningBegun
	if !sub.TrialEnd.IsZero() {
		happening = lifecycle.HappeningTrialBegun
		sub.PeriodIndex, sub.PeriodStart, sub.PeriodEnd = -1, sub.CreatedAt, sub.TrialEnd
	}
	st.happens(f, happening)
	sub.NextChargeAt = sub.PeriodEnd
}

// planFailedPurchase gives up a purchase that brought nothing, and with the first one the subscription.
func planFailedPurchase(f facts, p purchase) step {
	if p.order == nil {
		// Whoever recorded it might still come and pay: there must be an order for it to find, and it must be canceled.
		st := step{deed: deedForestall, purchase: p.contract, sub: f.sub}
		if f.sub.Status.Final() {
			st.changed, st.end = true, []contract{p.contract}
		}
		return st
	}
	st := step{sub: f.sub, changed: true}
	st.sub.nextRunAt = f.now
	first := f.sub.Status == lifecycle.StatusIncomplete
	if (p.order.Period == nil || first) && p.order.Status.Cancelable() {
		st.deed, st.order = deedCancelOrder, p.order.ID
	}
	if first {
		st.sub = settled(st.sub)
		if p.payment != nil {
			st.sub.LastFailure = p.payment.Resource().Failure
		}
		st.happens(f, lifecycle.HappeningNotBegun)
		return st
	}
	st.end = []contract{p.contract}
	return st
}
