package orders

import (
	"cmp"
	"time"
)

// refundChange is what one piece of evidence makes of a refund, its payment and its order.
type refundChange struct {
	entry

	before Refund
	// disputedBefore is what disputes took of the payment before.
	disputedBefore int64

	refund   Refund
	evidence RefundEvidence
	verdict  Verdict
	// keep is false when there is nothing to write; record says whether the evidence is worth a row.
	keep, record bool
	// overtaken: the answer contradicts what was learned while it was on its way. The provider is asked again at once.
	overtaken bool
}

// foldRefund judges one piece of evidence about a refund, as fold does for payments.
func foldRefund(a account, r Refund, ev RefundEvidence, rules rules, now time.Time) *refundChange {
	c := &refundChange{
		entry: entry{account: a}, before: r, refund: r, evidence: ev, record: ev.Source != SourceQuery,
		disputedBefore: a.payment.AmountDisputed,
	}
	if refundKnown(ev.Outcome) && r.NotFoundCount > 0 {
		c.refund.NotFoundCount, c.keep = 0, true
	}
	if d := c.mismatch(); d != nil {
		c.doubt(VerdictMismatch, d)
	} else if ev.Ambiguous {
		c.doubt(VerdictConflict, c.disagreement(classRefundMatch))
	} else if c.unproven(rules, now) {
		c.leaveUnproven()
	} else if c.forgotten() || c.remembered() {
		c.doubt(VerdictConflict, c.disagreement(classStatus))
	} else {
		c.move(now)
	}
	c.schedule(rules, now)
	c.settleAmounts()
	c.review(Discrepancy{Subject: r.MerchantTxnID, Refund: r.ID}, c.ends, a.order.NeedsReview, now)
	c.keep = c.keep || c.record || len(c.noted) > 0 || !c.refund.NextCheckAt.Equal(r.NextCheckAt)
	if c.keep {
		c.order.UpdatedAt, c.payment.UpdatedAt, c.refund.UpdatedAt = now, now, now
	}
	return c
}

// refundKnown reports whether the outcome is one that only a provider who knows the refund can tell.
func refundKnown(outcome RefundOutcome) bool {
	switch outcome {
	case RefundOutcomeInReview, RefundOutcomeProcessing, RefundOutcomeSucceeded, RefundOutcomeDeclined,
		RefundOutcomeRejected, RefundOutcomeWithdrawn:
		return true
	case RefundOutcomeUnknown, RefundOutcomeNeverSent, RefundOutcomeNotFound:
	}
	return false
}

// mismatch reports the first field in which the evidence speaks of another refund than ours, nil when it fits.
func (c *refundChange) mismatch() *discrepancyDraft {
	r, ev := c.refund, c.evidence
	d := c.disagreement("")
	switch {
	case ev.claimedElsewhere:
		d.class = classTransaction
	case !ev.Amount.IsZero() && ev.Amount.Currency != r.Amount.Currency:
		d.class = classCurrency
	case !ev.Amount.IsZero() && ev.Amount.Minor != r.Amount.Minor:
		d.class = classAmount
	case r.ProviderTransactionID != "" && ev.ProviderTransactionID != "" && r.ProviderTransactionID != ev.ProviderTransactionID:
		d.class = classTransaction
	default:
		return nil
	}
	return d
}

// disagreement describes what the evidence says beside what we know.
func (c *refundChange) disagreement(class string) *discrepancyDraft {
	r, ev := c.before, c.evidence
	return &discrepancyDraft{
		class: class,
		ours: map[string]any{
			"status": r.Status, "amount": r.Amount.Minor, "currency": r.Amount.Currency.Lower(),
			"provider_transaction_id": r.ProviderTransactionID,
		},
		theirs: map[string]any{
			"status": ev.Outcome, "amount": ev.Amount.Minor, "currency": ev.Amount.Currency.Lower(),
			"provider_transaction_id": ev.ProviderTransactionID, "provider_status": ev.ProviderStatus,
			"provider_code": ev.ProviderCode,
		},
		atRisk: r.Amount,
	}
}

// unproven reports whether the evidence claims more than it shows: money given back without naming an amount, or a "not
// found" that has not been repeated often and late enough to be believed.
func (c *refundChange) unproven(rules rules, now time.Time) bool {
	switch c.evidence.Outcome {
	case RefundOutcomeSucceeded:
		return c.evidence.Amount.IsZero()
	case RefundOutcomeNotFound:
		return c.refund.NotFoundCount+1 < notFoundAnswers || now.Sub(c.refund.since()) < rules.notFoundAfter
	case RefundOutcomeInReview, RefundOutcomeProcessing, RefundOutcomeDeclined, RefundOutcomeRejected,
		RefundOutcomeWithdrawn, RefundOutcomeUnknown, RefundOutcomeNeverSent:
	}
	return false
}

// forgotten reports whether the provider denies a refund that it has named to us itself. To free its amount on this word
// could give it back twice.
func (c *refundChange) forgotten() bool {
	return c.evidence.Outcome == RefundOutcomeNotFound && c.refund.Status.Open() && c.refund.ProviderTransactionID != ""
}

// remembered reports whether the provider is at work on a refund that it had denied for so long that we freed its amount.
func (c *refundChange) remembered() bool {
	denied := c.refund.Failure != nil && c.refund.Failure.Code == failureRefundNotReceived
	return denied && (c.evidence.Outcome == RefundOutcomeInReview || c.evidence.Outcome == RefundOutcomeProcessing)
}

// doubt records a disagreement: nothing moves, a person is asked to look.
func (c *refundChange) doubt(v Verdict, d *discrepancyDraft) {
	c.verdict, c.keep, c.record = v, true, true
	c.find(d)
	c.admitUnknown()
}

func (c *refundChange) leaveUnproven() {
	c.verdict, c.keep = VerdictUnproven, true
	if c.evidence.Outcome == RefundOutcomeNotFound {
		c.refund.NotFoundCount++
		return
	}
	c.admitUnknown()
}

// admitUnknown ends `pending` after an answer that cannot be used: the application is no longer on its way.
func (c *refundChange) admitUnknown() {
	if c.evidence.Source == SourceAnswer && c.refund.Status == RefundPending {
		c.refund.Status = RefundUnknown
	}
}

// move lets the state machine speak and carries its verdict out on the refund.
func (c *refundChange) move(now time.Time) {
	to, verdict := NextRefund(c.refund.Status, c.evidence.Outcome)
	c.verdict = verdict
	switch verdict {
	case VerdictMove:
		c.become(to, now)
	case VerdictLate:
		// What disputes have taken meanwhile yields: the provider has given it back all the same.
		if c.payment.notGivenBack() < c.refund.Amount.Minor {
			c.doubt(VerdictConflict, c.disagreement(classOverRefund)) // its amount has been used since
			return
		}
		c.become(to, now)
	case VerdictSame:
		if c.evidence.Outcome == RefundOutcomeNeverSent {
			c.waitToBeSent()
			return
		}
		learned := c.learn()
		c.record = c.record && (learned || c.evidence.Source == SourceAnswer)
		c.keep = c.keep || learned
	case VerdictConflict:
		if overtaken(c.evidence.askedAt, c.before.FinalAt) {
			c.verdict, c.overtaken, c.record = VerdictStale, true, true
			return
		}
		c.doubt(verdict, c.disagreement(classStatus))
		if to, refuted := c.refuted(); refuted {
			c.discrepancy.class = classReversal
			c.become(to, now)
		}
	case VerdictStale, VerdictMismatch, VerdictUnproven:
	}
}

// waitToBeSent frees a refund to be sent again: not one byte of the application has left us. It speaks for its own sending
// only, since somebody else may have taken the refund to be sent meanwhile.
func (c *refundChange) waitToBeSent() {
	if c.evidence.send == c.refund.Sends {
		c.refund.SentAt, c.keep = time.Time{}, true
	}
}

// refuted reports whether the provider's own record denies a success that we were told of, and what it became: of two
// finals that disagree the query wins (design §3).
func (c *refundChange) refuted() (RefundStatus, bool) {
	if c.evidence.Source != SourceQuery || c.evidence.Outcome == RefundOutcomeNotFound || c.before.Status != RefundSucceeded {
		return "", false
	}
	to, _ := nextOpenRefund(RefundUnknown, c.evidence.Outcome)
	return to, true
}

// become gives the refund its new status, with everything that the status implies.
func (c *refundChange) become(to RefundStatus, now time.Time) {
	r := &c.refund
	c.keep, c.record = true, true
	r.Status, r.NotFoundCount = to, 0
	r.Failure, r.FinalAt = nil, time.Time{}
	c.learn()
	if refundKnown(c.evidence.Outcome) && r.SentAt.IsZero() {
		r.SentAt = now // whatever our side believes: the provider has it
	}
	if to.Open() {
		return
	}
	r.FinalAt = now
	if to == RefundFailed || to == RefundRejected {
		r.Failure = c.failure()
	}
	c.emit("refund." + string(to))
	if to != RefundSucceeded && r.Origin.owed() && c.discrepancy == nil {
		c.find(c.disagreement(classRefund))
	}
}

// learn takes over the provider's transaction and reports whether it was new.
func (c *refundChange) learn() bool {
	before := c.refund.ProviderTransactionID
	c.refund.ProviderTransactionID = cmp.Or(before, c.evidence.ProviderTransactionID)
	return c.refund.ProviderTransactionID != before
}

// failure explains an unsuccessful end: in the gateway's words, or in ours where the provider gave no reason.
func (c *refundChange) failure() *RefundFailure {
	if c.evidence.Failure != nil {
		return c.evidence.Failure
	}
	f := &RefundFailure{
		Code: failureRefundFailed, Message: "The provider could not carry the refund out. No money went back.",
		ProviderCode: c.evidence.ProviderCode,
	}
	switch {
	case c.refund.Status == RefundRejected:
		f.Code, f.Message = failureRefundRejected, "The provider's review turned the refund down. No money went back."
	case c.evidence.Outcome == RefundOutcomeNotFound:
		f.Code, f.Message = failureRefundNotReceived, "The refund never reached the provider. No money went back."
	}
	return f
}
