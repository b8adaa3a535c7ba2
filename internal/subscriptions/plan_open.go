package subscriptions

import (
	"time"

	"tillway/internal/orders"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

// planOpen decides about the order that is being collected.
func planOpen(f facts) step {
	switch {
	case f.open.AmountPaid > 0:
		return planPaid(f)
	case f.open.Status == orders.StatusPending:
		return rest(f, f.now.Add(farAhead)) // its outcome wakes us
	case f.charge != nil && f.charge.Status.Open():
		return rest(f, f.now.Add(farAhead)) // it was begun since the order was read: another worker is at it
	case !f.open.Status.Payable():
		// It was ended: by us, or because nobody paid it for so long.
		return step{sub: restless(f, settled(f.sub)), changed: true}
	case ending(f) != "":
		return ended(f, ending(f)) // what is owed by then is not collected any more
	case f.sub.Collection == ProviderManaged:
		return planManaged(f) // the provider tries again by itself
	case f.sub.Status == lifecycle.StatusPaused:
		// Nothing is billed back after a pause.
		return step{deed: deedCancelOrder, order: f.open.ID, sub: restless(f, settled(f.sub)), changed: true}
	case f.sub.Status == lifecycle.StatusUnpaid:
		return rest(f, endOf(f.sub)) // until a new card pays it
	case f.charge == nil && f.sub.OpenCharges > f.sub.OpenFailures:
		return planSend(f)
	case f.sub.OpenCharges > f.sub.OpenFailures:
		return planFailed(f)
	case f.sub.OpenFailures == 0 && f.chargeable():
		return planTry(f, dunning.FailureTechnical)
	default:
		return planNextTry(f)
	}
}

// restless is a subscription that is looked at again at once.
func restless(f facts, sub Subscription) Subscription {
	sub.nextRunAt = f.now
	return sub
}

func (f facts) chargeable() bool { return f.active != nil && f.active.chargeable() }

// planPaid goes on after a period was paid, whoever paid it: a renewal, or the customer with a new card.
func planPaid(f facts) step {
	st := step{sub: restless(f, settled(f.sub)), paid: f.active}
	st.sub.LastFailure = nil
	if f.sub.Status == lifecycle.StatusUnpaid {
		// What passed while nothing was provided is not billed.
		st.sub = current(f, st.sub)
	}
	st.happens(f, lifecycle.HappeningPaid)
	if lifecycle.Allows(st.sub.Status, lifecycle.CommandCharge) {
		st.sub.NextChargeAt = st.sub.PeriodEnd
	}
	return st
}

// current moves to the period that runs now, where it is not the one that was begun.
func current(f facts, sub Subscription) Subscription {
	if n := sub.Schedule.Index(f.now); n > sub.PeriodIndex {
		sub.PeriodIndex, sub.PeriodStart, sub.PeriodEnd = n, sub.Schedule.Start(n), sub.Schedule.Start(n+1)
	}
	return sub
}

// planSend carries out the charge that was decided on; without anything to charge by, it has failed.
func planSend(f facts) step {
	if f.chargeable() {
		return step{deed: deedCharge, sub: f.sub}
	}
	return judged(f, dunning.FailureAction, f.sub.LastFailure)
}

// planCharge decides on a charge. It is sent once the decision is written.
func planCharge(f facts) step {
	st := step{sub: f.sub, changed: true, charge: chargeID(f.sub, f.open.ID, f.sub.OpenCharges+1)}
	st.sub.OpenCharges++
	st.sub.NextRetryAt = time.Time{}
	st.sub.nextRunAt = f.now.Add(advanceLease)
	return st
}

// planFailed deals with a charge that has not succeeded.
func planFailed(f facts) step {
	failure := f.charge.Resource().Failure
	if failure == nil {
		return judged(f, dunning.FailureTechnical, nil) // it ended without a word
	}
	return judged(f, failureOf(failure), failure)
}

func failureOf(failure *orders.FailureDetails) dunning.Failure {
	code := ""
	if failure.DeclineCode != nil {
		code = *failure.DeclineCode
	}
	return dunning.FailureOf(string(failure.Category), code)
}

// planNextTry waits for the next charge of a period that has failed before, or asks the policy again once its time has come.
func planNextTry(f facts) step {
	if !f.chargeable() {
		return pursue(f, f.sub, dunning.FailureAction)
	}
	failure := dunning.FailureTechnical
	if f.sub.LastFailure != nil {
		failure = failureOf(f.sub.LastFailure)
	}
	at := f.sub.NextRetryAt
	switch {
	case at.IsZero(), !inTime(f.sub, at):
		return pursue(f, f.sub, failure)
	case f.now.Before(at):
		return rest(f, soonest(at, endOf(f.sub)))
	}
	return planTry(f, failure)
}

const (
	// tokenBusy is how long a charge whose outcome is not known keeps others of its token waiting for it, which may soon be allowed.
	tokenBusy = 10 * time.Minute
	tokenLook = time.Minute
)

// planTry charges what is due, where the schemes' limits allow another charge of the token. The first charge of a period is held to
// them as well: one that waits for hours is not held against the customer. The provider takes one charge of a contract a day, which
// that of a card given meanwhile has had.
func planTry(f facts, failure dunning.Failure) step {
	if at := dayAfter(f.active.PaidAt, f.terms.providerZone); f.now.Before(at) {
		return rest(f, soonest(at, endOf(f.sub)))
	}
	c := f.dunningCase(f.sub, failure)
	decision := f.terms.policy.Due(c)
	allowed := func(d dunning.Decision) bool { return d.Action == dunning.ActionRetry && !d.At.After(f.now) }
	if allowed(decision) {
		return planCharge(f)
	}
	c.TokenFailures = nil
	for _, a := range f.attempts {
		if a.settled || !f.now.Before(a.at.Add(tokenBusy)) {
			c.TokenFailures = append(c.TokenFailures, a.at)
		}
	}
	if allowed(f.terms.policy.Due(c)) {
		return rest(f, f.now.Add(tokenLook)) // others are being charged just now, and may well succeed
	}
	return follow(f, f.sub, decision)
}

// dunningCase is what the policy is asked about.
func (f facts) dunningCase(sub Subscription, failure dunning.Failure) dunning.Case {
	c := dunning.Case{
		Failure: failure, FailedAt: sub.FailingSince, Technical: sub.TechnicalFailures, Now: f.now,
	}
	for _, a := range f.attempts {
		c.TokenFailures = append(c.TokenFailures, a.at)
	}
	if f.charge != nil {
		c.AttemptedAt = f.charge.CreatedAt
	}
	return c
}

// judged takes note of a failed charge and asks the policy what follows.
func judged(f facts, failure dunning.Failure, details *orders.FailureDetails) step {
	sub := f.sub
	sub.OpenFailures, sub.LastFailure, sub.NextRetryAt = sub.OpenCharges, details, time.Time{}
	if failure == dunning.FailureTechnical {
		sub.TechnicalFailures++
	} else {
		sub.TechnicalFailures = 0
	}
	if failure != dunning.FailureConfiguration {
		sub.Retries++
		if sub.FailingSince.IsZero() {
			sub.FailingSince = f.now
		}
	}
	return pursue(f, sub, failure)
}

// pursue does what the policy says about a period that is not paid.
func pursue(f facts, sub Subscription, failure dunning.Failure) step {
	return follow(f, sub, f.terms.policy.Decide(f.dunningCase(sub, failure)))
}

// follow does what the policy has decided.
func follow(f facts, sub Subscription, decision dunning.Decision) step {
	st := step{sub: sub, changed: true}
	if decision.PastDue {
		if st.sub.FailingSince.IsZero() {
			st.sub.FailingSince = f.now
		}
		st.happens(f, lifecycle.HappeningOwed)
	}
	switch decision.Action {
	case dunning.ActionRetry:
		st.sub.NextRetryAt = time.Time{}
		if inTime(st.sub, decision.At) {
			st.sub.NextRetryAt = decision.At
		}
	case dunning.ActionGiveUp:
		if !f.now.Before(decision.At) {
			return giveUp(f, st, decision.End)
		}
	case dunning.ActionAlert:
		return alert(f, st, decision.At)
	case dunning.ActionAskForNewCard, dunning.ActionAskForAction, dunning.ActionSettle:
	}
	st.sub.nextRunAt = soonest(decision.At, endOf(st.sub))
	return st.orRest(f)
}

// inTime reports whether the subscription goes on until a moment: a retry after its end is none, and not told of.
func inTime(sub Subscription, at time.Time) bool {
	end := endOf(sub)
	return end.IsZero() || at.Before(end)
}

// orRest makes a step that changes nothing but the time of the next look one that writes nothing else.
func (st step) orRest(f facts) step {
	if st.sub.Status == f.sub.Status && st.sub.OpenFailures == f.sub.OpenFailures && st.sub.NextRetryAt.Equal(f.sub.NextRetryAt) {
		return rest(f, st.sub.nextRunAt)
	}
	return st
}

// giveUp ends the collection of what is past due, as the policy says.
func giveUp(f facts, st step, end dunning.End) step {
	st.sub.nextRunAt = endOf(f.sub)
	if end == dunning.EndUnpaid {
		st.happens(f, lifecycle.HappeningGivenUp)
		return st
	}
	st.happens(f, lifecycle.HappeningCanceled)
	st.sub.nextRunAt = f.now // its order is called off next
	return st
}

// alert leaves to a person what was refused for a reason that lies with us. The next period is charged in its time; what was not
// is theirs.
func alert(f facts, st step, again time.Time) step {
	if st.sub.OpenFailures != f.sub.OpenFailures {
		// It is shown once: what a person has resolved does not come back.
		st.deed, st.order, st.class = deedReview, f.open.ID, orders.ClassRenewalRefused
	}
	if !f.now.Before(f.sub.PeriodEnd) {
		st.sub = restless(f, settled(st.sub))
		st.sub.NextChargeAt = st.sub.PeriodEnd
		return st
	}
	st.sub.nextRunAt = soonest(again, f.sub.PeriodEnd, f.sub.EndsAt)
	return st.orRest(f)
}
