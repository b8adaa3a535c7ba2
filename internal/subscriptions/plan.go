package subscriptions

import (
	"time"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

// facts are everything that a decision about a subscription rests on.
type facts struct {
	now time.Time
	sub Subscription
	// open is the order that is being collected; nil for none.
	open *orders.Order
	// charge is the last charge of it that was decided on; nil when it was not begun.
	charge *orders.Payment
	// latest is the latest payment of it, whoever began it; nil for none. Read where the provider begins them.
	latest *orders.Payment
	// active is what later charges are made by; nil for none.
	active *contract
	// purchases are those whose contract has not begun, the oldest first.
	purchases []purchase
	// abandoned is one of them that its request will not begin any more; zero for none.
	abandoned ids.Payment
	// attempts are the charges of the active contract's token, by any subscription, that have not succeeded in the last 30 days.
	attempts []attempt
	terms    terms
}

// attempt is a charge of a token; settled is one that has failed, else its outcome is not known.
type attempt struct {
	at      time.Time
	settled bool
}

// purchase is a cardholder-initiated charge that begins a contract. Order and payment are nil when they were not begun.
type purchase struct {
	contract

	order   *orders.Order
	payment *orders.Payment
	// returned: it was asked for that its money goes back. A refund that fails is for a person, not for another one.
	returned bool
}

// terms are the settings that decisions rest on.
type terms struct {
	policy       dunning.Policy
	upcoming     time.Duration
	patience     time.Duration
	providerZone *time.Location
}

// step is what is decided: a deed that may be repeated, then what is written, in one transaction. A step with neither is rest.
type step struct {
	deed deed
	// order, class, periods and purchase are what the deed is about.
	order    ids.Order
	class    string
	periods  []int
	purchase contract

	// sub is the row as it becomes; events are told of it as it is then. Changed is false when only the time of the next look is
	// written.
	sub     Subscription
	events  []lifecycle.Event
	changed bool
	// activate and end move contracts, paid marks the one that a period was paid by, charge records a decided charge.
	activate, paid *contract
	end            []contract
	charge         ids.Payment
}

// deed is what a step does outside the subscription's row, before it is written. Every deed may be repeated.
type deed string

// The deeds.
const (
	deedNone deed = ""
	// deedBill creates the orders of periods; all but the last are left to a person.
	deedBill deed = "bill"
	// deedCharge begins the charge that was decided on.
	deedCharge deed = "charge"
	// deedCancelOrder ends an order that will not be collected any more.
	deedCancelOrder deed = "cancel_order"
	// deedForestall makes sure that a purchase which was recorded and never begun never will be.
	deedForestall deed = "forestall"
	// deedRefund gives back what only verified a card.
	deedRefund deed = "refund"
	// deedAsk asks the provider how a contract stands that it charges by itself.
	deedAsk deed = "ask"
	// deedMissed creates the orders of periods that nobody has told of, or that nobody charges, and leaves them to a person.
	deedMissed deed = "missed"
	// deedReview leaves an order to a person.
	deedReview deed = "review"
)

// farAhead is when a subscription that waits for news is looked at even if none came.
const farAhead = 6 * time.Hour

// plan decides the next step. It is pure: the same facts, the same step.
func plan(f facts) step {
	if st, ok := planPurchases(f); ok {
		return st
	}
	switch {
	case f.sub.Status.Final():
		return planAfterEnd(f)
	case f.sub.Status == lifecycle.StatusIncomplete:
		return rest(f, f.now.Add(farAhead))
	case f.open != nil:
		return planOpen(f)
	default:
		return planPeriod(f)
	}
}

// rest waits until the given time, or until the subscription is woken.
func rest(f facts, until time.Time) step {
	sub := f.sub
	sub.nextRunAt = until
	return step{sub: sub}
}

// happens makes of something that happens what the state machine does: the status, and what is told of it.
func (st *step) happens(f facts, happening lifecycle.Happening) {
	from := st.sub.Status
	next, _ := lifecycle.Next(from, happening)
	st.events = append(st.events, lifecycle.Events(from, happening)...)
	st.changed = true
	if next == from {
		return
	}
	sub := &st.sub
	sub.Status = next
	sub.PausedAt, sub.UnpaidAt = time.Time{}, time.Time{}
	switch next {
	case lifecycle.StatusPaused:
		sub.PausedAt = f.now
	case lifecycle.StatusUnpaid:
		sub.UnpaidAt = f.now
	case lifecycle.StatusCanceled, lifecycle.StatusExpired:
		sub.EndedAt = f.now
		st.end = f.charged()
	case lifecycle.StatusIncomplete, lifecycle.StatusTrialing, lifecycle.StatusActive, lifecycle.StatusPastDue:
	}
	if next != lifecycle.StatusPastDue {
		sub.NextRetryAt = time.Time{}
	}
	if !lifecycle.Allows(next, lifecycle.CommandCharge) {
		sub.NextChargeAt = time.Time{}
	}
}

// charged is what later charges are made by. What a purchase under way may bring is ended once its outcome is known: its money may
// have to go back.
func (f facts) charged() []contract {
	if f.active == nil {
		return nil
	}
	return []contract{*f.active}
}

// planAfterEnd looks after what was being collected when all ended: it is called off, or, where its money arrives after all,
// left to a person.
func planAfterEnd(f facts) step {
	if f.open == nil {
		return rest(f, f.unbegunUntil())
	}
	st := step{sub: settled(f.sub), changed: true, order: f.open.ID}
	st.sub.nextRunAt = f.unbegunUntil()
	switch {
	case f.open.Status == orders.StatusPending:
		return rest(f, f.now.Add(farAhead))
	case f.open.Status.Cancelable():
		st.deed = deedCancelOrder
	case f.open.Period != nil && f.open.PaidAt.After(f.sub.EndedAt): // what verified a card goes back by itself
		st.deed, st.class = deedReview, orders.ClassPaidAfterEnd
	}
	return st
}

// settled is a subscription that collects nothing just now.
func settled(sub Subscription) Subscription {
	sub.OpenOrder, sub.OpenCharges, sub.OpenFailures = ids.Order{}, 0, 0
	sub.FailingSince, sub.NextRetryAt, sub.Retries, sub.TechnicalFailures = time.Time{}, time.Time{}, 0, 0
	return sub
}

// soonest is the earliest of the times that are not zero.
func soonest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
