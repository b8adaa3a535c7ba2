package orders

import (
	"time"
)

// Verdicts that evidence gets before the state machine sees it.
const (
	// VerdictMismatch: the amount, currency or transaction differs from ours; nothing moves.
	VerdictMismatch Verdict = "mismatch"
	// VerdictUnproven: a success that names no amount, or a "not found" that came too early; nothing moves.
	VerdictUnproven Verdict = "unproven"
)

// notFoundAnswers is how often the provider must deny a payment before we believe it (design §3).
const notFoundAnswers = 3

// ConfirmByQuery says when a notification makes us ask the provider as well (API.md §3).
type ConfirmByQuery string

// The confirmation policies.
const (
	// ConfirmAlways: after every notification that ends a payment.
	ConfirmAlways ConfirmByQuery = "always"
	// ConfirmMismatch: when a notification does not fit what we know.
	ConfirmMismatch ConfirmByQuery = "mismatch"
	// ConfirmNever: on the usual schedule only.
	ConfirmNever ConfirmByQuery = "never"
)

// rules are the settings that judging evidence depends on.
type rules struct {
	schedule      Schedule
	notFoundAfter time.Duration
	confirm       ConfirmByQuery
	// keyFreeWithin is how soon after sending a payment that turns out never to have left us sets its idempotency key free.
	// Later, a repeated request may have been told of the payment, and the key stays with it.
	keyFreeWithin time.Duration
	// holdLasts is how long an authorization holds the money; zero for ever.
	holdLasts time.Duration
	// landedBefore is set where the clock is one that tests move: the calls of payments that were recorded before this moment
	// in real time have ended. A clock that is moved must not turn a call that is under way into one that never arrived.
	landedBefore *time.Time
}

// change is what one piece of evidence makes of a payment and its order: their new facts, and everything that is written
// with them in one transaction.
type change struct {
	entry

	before   Payment
	evidence Evidence
	verdict  Verdict
	// owed is the refund that a policy asks for, nil for none.
	owed *Refund
	// keep is false when there is nothing to write; record says whether the evidence is worth a row.
	keep, record bool
	// keyFree: the request never left us and did nothing, so its idempotency key may be used again (API.md §1).
	keyFree bool
	// overtaken: the answer contradicts what was learned while it was on its way. The provider is asked again at once.
	overtaken bool
	// mayBeBack: the money that it tells of may have gone back since.
	mayBeBack bool
}

// fold judges one piece of evidence. It is pure but for the ids that it draws: the same account, evidence and clock give the
// same change, and folding the same evidence again into the result changes nothing.
func fold(a account, ev Evidence, r rules, now time.Time) *change {
	before := a
	if r.lapsed(a.payment, ev, now) {
		ev.Outcome, ev.Failure = OutcomeClosed, lapse()
	}
	ev = asTold(a.payment, a.payment.unattended(ev), now)
	c := &change{entry: entry{account: a}, before: a.payment, evidence: ev, record: ev.Source != SourceQuery}
	if knows(ev.Outcome) && c.payment.NotFoundCount > 0 {
		c.payment.NotFoundCount, c.keep = 0, true // denials count only when nothing speaks against them in between
	}
	c.noteCancelFailed(now)
	if d := mismatch(c.payment, ev); d != nil {
		c.doubt(VerdictMismatch, d)
	} else if c.mayBeBack = c.mayGoBack(now); c.mayBeBack || unproven(c.payment, ev, r, now) {
		c.leaveUnproven()
	} else if forgotten(c.payment, ev) {
		c.doubt(VerdictConflict, mismatchOfStatus(c.payment, ev))
	} else {
		c.move(now)
	}
	c.keyFree = c.verdict == VerdictMove && ev.Outcome == OutcomeNeverSent && now.Sub(c.payment.SentAt) < r.keyFreeWithin
	c.schedule(r, now)
	c.settleOrder(now)
	c.review(Discrepancy{Subject: c.payment.MerchantTxnID}, c.ends, before.order.NeedsReview, now)
	c.keep = c.keep || c.record || len(c.noted) > 0 || !c.payment.NextCheckAt.Equal(before.payment.NextCheckAt)
	if c.keep {
		c.order.UpdatedAt, c.payment.UpdatedAt = now, now
	}
	return c
}

// knows reports whether the outcome is one that only a provider who knows the payment can tell.
func knows(outcome Outcome) bool {
	switch outcome {
	case OutcomeSucceeded, OutcomeAuthorized, OutcomeDeclined, OutcomeAttemptFailed, OutcomeClosed, OutcomeReversed,
		OutcomeActionRequired, OutcomeProcessing:
		return true
	case OutcomeUnknown, OutcomeNeverSent, OutcomeNotFound:
	}
	return false
}

// forgotten reports whether the provider denies a payment that it has named to us itself. That proves no end of it: to let
// the shopper pay again on this word could charge twice.
func forgotten(p Payment, ev Evidence) bool {
	return ev.Outcome == OutcomeNotFound && p.Status.Open() && p.ProviderTransactionID != ""
}

// mismatch reports the first field in which the evidence speaks of other money than ours, nil when it fits.
func mismatch(p Payment, ev Evidence) *discrepancyDraft {
	due := ev.dueOf(p)
	switch {
	case ev.claimedElsewhere:
		return differing(classTransaction, p, ev)
	case !ev.Amount.IsZero() && ev.Amount.Currency != due.Currency:
		return differing(classCurrency, p, ev)
	case !ev.Amount.IsZero() && ev.Amount.Minor != due.Minor:
		return differing(classAmount, p, ev)
	case p.anotherAttempt(ev) && (!p.taken() || ev.Outcome == OutcomeAttemptFailed):
		return nil
	case p.ProviderTransactionID != "" && ev.ProviderTransactionID != "" && p.ProviderTransactionID != ev.ProviderTransactionID:
		return differing(classTransaction, p, ev)
	}
	return nil
}

// differing is the disagreement about a payment, with both sides' word on everything that identifies its money.
func differing(class string, p Payment, ev Evidence) *discrepancyDraft {
	return &discrepancyDraft{
		class: class,
		ours: map[string]any{
			"status": p.Status, "amount": ev.dueOf(p).Minor, "currency": p.Amount.Currency.Lower(),
			"provider_transaction_id": p.ProviderTransactionID,
		},
		theirs: map[string]any{
			"status": ev.Outcome, "amount": ev.Amount.Minor, "currency": ev.Amount.Currency.Lower(),
			"provider_transaction_id": ev.ProviderTransactionID,
		},
		atRisk: p.Amount,
	}
}

// unproven reports whether the evidence claims more than it shows: money taken or given back without naming an amount,
// or a "not found" that has not been repeated often and late enough to be believed: late by the clock, and with the call over in real time.
func unproven(p Payment, ev Evidence, r rules, now time.Time) bool {
	switch ev.Outcome {
	case OutcomeSucceeded, OutcomeAuthorized, OutcomeReversed:
		return ev.Amount.IsZero()
	case OutcomeNotFound:
		return p.NotFoundCount+1 < notFoundAnswers || now.Sub(p.SentAt) < r.notFoundAfter || mayBeUnderWay(p, r)
	case OutcomeDeclined, OutcomeAttemptFailed, OutcomeClosed, OutcomeActionRequired, OutcomeProcessing, OutcomeUnknown,
		OutcomeNeverSent:
	}
	return false
}

// mayBeUnderWay reports whether a payment is too young, in real time, for its call to have ended.
func mayBeUnderWay(p Payment, r rules) bool {
	return r.landedBefore != nil && !p.begunAt().Before(*r.landedBefore)
}

// doubt records a disagreement: nothing moves, a person is asked to look.
func (c *change) doubt(v Verdict, d *discrepancyDraft) {
	c.verdict, c.keep, c.record = v, true, true
	c.find(d)
	c.admitUnknown()
}

func (c *change) leaveUnproven() {
	c.verdict, c.keep = VerdictUnproven, true
	if c.evidence.Outcome == OutcomeNotFound {
		c.payment.NotFoundCount++
		return
	}
	c.admitUnknown()
}

// admitUnknown ends `processing` after an answer that cannot be used: the request is no longer on its way.
func (c *change) admitUnknown() {
	if c.evidence.Source == SourceAnswer && c.payment.Status == PaymentProcessing {
		c.payment.Status = PaymentUnknown
		c.emitPayment()
	}
}

// move lets the state machine speak and carries its verdict out on the payment.
func (c *change) move(now time.Time) {
	outcome := c.evidence.Outcome
	acts := outcome == OutcomeActionRequired || outcome == OutcomeAttemptFailed
	if acts && !c.actionKnown() {
		outcome = OutcomeUnknown // an action that nobody can perform
	}
	to, verdict := NextPayment(c.payment.Status, outcome)
	if verdict == VerdictLate && reversed(c.before) {
		verdict = VerdictConflict
		if !c.before.CancelAskedAt.IsZero() && c.evidence.Source != SourceQuery {
			verdict = VerdictStale // the success that was canceled; a query has looked for its return, and does not tell of it
		}
	}
	if verdict == VerdictLate && outcome == OutcomeAuthorized && c.before.released() {
		verdict = VerdictStale // old news: the provider's record of an authorization stays what it was (Onerway contract §8.9)
	}
	c.verdict = verdict
	switch verdict {
	case VerdictMove, VerdictLate:
		if outcome == OutcomeReversed {
			c.reverse(to, now)
			return
		}
		c.become(to, now)
	case VerdictSame:
		learned, confirms := c.learn(), c.evidence.Source.Authoritative() && !to.Open() && !c.payment.Confirmed
		if confirms {
			c.payment.Confirmed = true
		}
		c.record = c.record && (learned || confirms || c.evidence.Source == SourceAnswer)
		c.keep = c.keep || learned || confirms
	case VerdictConflict:
		if overtaken(c.evidence.askedAt, c.before.FinalAt) {
			c.verdict, c.overtaken, c.record = VerdictStale, true, true
			return
		}
		if c.refuted() {
			c.reverse(refutedTo(outcome), now)
			return
		}
		c.doubt(VerdictConflict, mismatchOfStatus(c.payment, c.evidence))
	case VerdictStale, VerdictMismatch, VerdictUnproven:
	}
}

// overtaken reports whether a question was asked before something came to its end here: the answer may tell of a time
// before that, and then contradicts nothing. A late success that was notified meanwhile must not look refuted.
func overtaken(askedAt, finalAt time.Time) bool { return !askedAt.IsZero() && askedAt.Before(finalAt) }

// become gives the payment its new status, with everything that the status implies.
func (c *change) become(to PaymentStatus, now time.Time) {
	c.keep, c.record = true, true
	c.payment.Status = to
	c.payment.NotFoundCount = 0
	c.payment.Confirmed = c.evidence.Source.Authoritative() && !to.Open()
	c.learn()
	c.settlePayment(now)
	c.emitPayment()
	if c.verdict == VerdictLate || (c.payment.Surplus && to == PaymentSucceeded) {
		c.receiveLate(now)
	}
	if c.owed != nil {
		c.emit("refund.created")
	}
}

// refuted reports whether the provider's own record denies the success or authorization that we believe in. Of two finals
// that disagree the query wins (design §3), unless money has been given back since: then a person compares. A "not found"
// refutes nothing.
func (c *change) refuted() bool {
	ended := c.evidence.Outcome == OutcomeDeclined || c.evidence.Outcome == OutcomeClosed
	return c.evidence.Source == SourceQuery && ended && c.before.Status.Live() && c.untouched()
}

func refutedTo(outcome Outcome) PaymentStatus {
	if outcome == OutcomeClosed {
		return PaymentCanceled
	}
	return PaymentFailed
}

func mismatchOfStatus(p Payment, ev Evidence) *discrepancyDraft {
	return &discrepancyDraft{
		class:  classStatus,
		ours:   map[string]any{"status": p.Status},
		theirs: map[string]any{"status": ev.Outcome, "provider_status": ev.ProviderStatus, "provider_code": ev.ProviderCode},
		atRisk: p.Amount,
	}
}
