package dunning

import (
	"slices"
	"time"
)

// Failure is what came of the last attempt at charging a period.
type Failure string

// The failures.
const (
	// FailureSoft: the issuer declined, and the same card may work later.
	FailureSoft Failure = "soft"
	// FailureHard: the card will not work any more.
	FailureHard Failure = "hard"
	// FailureTechnical: settled as not charged for a fault on the way; nothing was decided about the card.
	FailureTechnical Failure = "technical"
	// FailureConfiguration: the request itself was refused. The merchant's set-up, or our schedule, must be mended.
	FailureConfiguration Failure = "configuration"
	// FailureAction: the issuer wants to see the cardholder, who is not there.
	FailureAction Failure = "action"
	// FailureUnknown: not settled. The money may have been taken.
	FailureUnknown Failure = "unknown"
)

// Failures lists every failure.
func Failures() []Failure {
	return []Failure{
		FailureSoft, FailureHard, FailureTechnical, FailureConfiguration, FailureAction, FailureUnknown,
	}
}

// FailureOf is the failure of a payment that has failed for good, by its failure's category and decline code (API.md §2). A
// charge that the provider finds too early (12006) is a soft decline there, and ours to mend here: trying the schedule again
// tells nothing new. A category of another version is a hard one: trying a card without knowing why it was declined costs fines.
func FailureOf(category, declineCode string) Failure {
	switch {
	case declineCode == "recurring_not_due":
		return FailureConfiguration
	case category == string(FailureSoft) && (declineCode == "authentication_failed" || declineCode == "authentication_timeout"):
		return FailureAction
	case category == string(FailureSoft), category == string(FailureTechnical), category == string(FailureConfiguration):
		return Failure(category)
	}
	return FailureHard
}

// Case is a period that is not paid, after an attempt at it.
type Case struct {
	// Failure is what came of that attempt.
	Failure Failure
	// FailedAt is when the period's first attempt failed for a reason that counts, which those of configuration and unknown ones
	// do not; zero while none has. With the attempt at hand it may be zero still: then it is Now.
	FailedAt time.Time
	// AttemptedAt is when the attempt at hand was sent.
	AttemptedAt time.Time
	// Technical is how many attempts in a row, that at hand included, have failed technically.
	Technical int
	// Now is when is being decided.
	Now time.Time
	// TokenFailures are when the attempts of the last 30 days with the token were sent that did not succeed, of all
	// subscriptions, the attempt at hand and those not settled included, in any order. What was never sent is not among them.
	TokenFailures []time.Time
}

// Action is what to do next.
type Action string

// The actions.
const (
	// ActionRetry: charge again at Decision.At.
	ActionRetry Action = "retry"
	// ActionAskForNewCard: charge this card no more. The customer may give another until Decision.At; then decide again.
	ActionAskForNewCard Action = "ask_for_new_card"
	// ActionAskForAction: do not charge by ourselves; the customer must authenticate, or give another card, until Decision.At;
	// then decide again.
	ActionAskForAction Action = "ask_for_action"
	// ActionSettle: ask the provider, and decide again when it is known what happened. Charge nothing before.
	ActionSettle Action = "settle"
	// ActionAlert: a person must look. Decide again at Decision.At, unless that is zero.
	ActionAlert Action = "alert"
	// ActionGiveUp: at Decision.At, which may have come, end as Decision.End says.
	ActionGiveUp Action = "give_up"
)

// Decision is what follows a failed attempt.
type Decision struct {
	Action Action
	// At is when the action is due or, for those that wait on somebody, when to decide again; zero where nothing is due.
	At time.Time
	// End is what giving up means, with ActionGiveUp only.
	End End
	// PastDue tells whether the customer owes the period: the subscription becomes past_due. What is our fault, or not known, or
	// tried again within hours, is not held against the customer.
	PastDue bool
}

// Day and Month are the times within which the attempts with a token are counted.
const (
	Day   = 24 * time.Hour
	Month = 30 * Day
)

// Between two attempts on retry days lies at least this, though one was late or its answer was: an issuer that has just said
// no says it again.
const apart = 12 * time.Hour

// soon is how long after a technical failure the charge is tried again. After the last of these it waits for the plan's next
// day, like a decline, and each day of the plan then gets one attempt.
func soon() []time.Duration { return []time.Duration{15 * time.Minute, time.Hour, 4 * time.Hour} }

// Decide says what follows. It is total, and what it says lies in the future or is due now. The policy is a valid one.
//
//	failure        before the end is due                                      afterwards
//	soft           retry on the plan's next day; after the last, give up      give up
//	hard           ask_for_new_card                                           give up
//	action         ask_for_action                                             give up
//	technical      retry within hours, then as soft                           give up
//	configuration  alert                                                      give up
//	unknown        settle                                                     settle
//
// The end is due GiveUpDays after the first failure that counts. A period without one, because all that failed was our
// configuration, is never given up: nothing was asked of the customer, and a person has been told. What is unknown is settled
// first, however late: giving up money that may have been taken would deny the customer what was paid for.
//
// A retry that a cap forbids is moved to the first moment at which the caps allow it, and dropped when that is past the end.
func (p Policy) Decide(c Case) Decision {
	if c.Failure == FailureUnknown {
		return Decision{Action: ActionSettle}
	}
	if c.FailedAt.IsZero() {
		if !c.Failure.counts() {
			return Decision{Action: ActionAlert}
		}
		c.FailedAt = c.Now
	}
	end := p.end(c)
	if !c.Now.Before(end) {
		return Decision{Action: ActionGiveUp, At: c.Now, End: p.End, PastDue: true}
	}
	switch c.Failure {
	case FailureHard:
		return Decision{Action: ActionAskForNewCard, At: end, PastDue: true}
	case FailureAction:
		return Decision{Action: ActionAskForAction, At: end, PastDue: true}
	case FailureSoft, FailureTechnical:
		return p.retry(c, end)
	case FailureConfiguration, FailureUnknown:
	}
	return Decision{Action: ActionAlert, At: end}
}

// counts tells whether the failure begins the time after which the period is given up.
func (f Failure) counts() bool {
	switch f {
	case FailureSoft, FailureHard, FailureTechnical, FailureAction:
		return true
	case FailureConfiguration, FailureUnknown:
	}
	return false
}

// retry finds the next time to charge, before the end.
func (p Policy) retry(c Case, end time.Time) Decision {
	waits := soon()
	if c.Failure == FailureTechnical && c.Technical <= len(waits) {
		at := p.earliest(c.Now.Add(waits[max(c.Technical, 1)-1]), c.TokenFailures)
		if at.Before(end) {
			return Decision{Action: ActionRetry, At: at, PastDue: c.owed(at)}
		}
	}
	for _, d := range p.RetryDays {
		at := c.FailedAt.Add(time.Duration(d) * Day)
		if !at.After(c.Now) || at.Before(c.AttemptedAt.Add(apart)) {
			continue
		}
		if at = p.earliest(at, c.TokenFailures); at.Before(end) {
			return Decision{Action: ActionRetry, At: at, PastDue: true}
		}
	}
	return Decision{Action: ActionGiveUp, At: end, End: p.End, PastDue: true}
}

// Due decides on a retry that has come due, or that a person asks for who was alerted, by the case that it was decided on and
// what is so now: another subscription may have used the token since, or nobody was there to charge in time. It is ActionRetry,
// now or at the later moment when the caps allow it, or ActionGiveUp.
func (p Policy) Due(c Case) Decision {
	at := p.earliest(c.Now, c.TokenFailures)
	if end := p.end(c); !c.FailedAt.IsZero() && !at.Before(end) {
		return Decision{Action: ActionGiveUp, At: later(c.Now, end), End: p.End, PastDue: true}
	}
	return Decision{Action: ActionRetry, At: at, PastDue: c.owed(at)}
}

// end is when the period of a case with a first failure is given up.
func (p Policy) end(c Case) time.Time { return c.FailedAt.Add(time.Duration(p.GiveUpDays) * Day) }

// owed tells whether a period that is tried again at a moment is held against the customer.
func (c Case) owed(at time.Time) bool {
	if c.Failure == FailureTechnical {
		return c.Technical > len(soon()) || at.After(c.Now.Add(Day))
	}
	return c.Failure.counts()
}

// earliest is the first moment, not before at, when the caps allow one more attempt with a token whose attempts in failures
// did not succeed or are not settled.
func (p Policy) earliest(at time.Time, failures []time.Time) time.Time {
	latest := slices.SortedFunc(slices.Values(failures), func(a, b time.Time) int { return b.Compare(a) })
	if len(latest) >= p.DayCap {
		// The oldest of as many as may fail must have left the window.
		at = later(at, latest[p.DayCap-1].Add(Day))
	}
	if len(latest) >= p.MonthCap {
		at = later(at, latest[p.MonthCap-1].Add(Month))
	}
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
