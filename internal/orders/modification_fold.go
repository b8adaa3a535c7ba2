package orders

import (
	"cmp"
	"time"

	"tillway/internal/postgres/dbsqlc"
)

// modificationChange is what one piece of evidence makes of a capture or void, and of its payment and order.
type modificationChange struct {
	// payment is what becomes of the payment and order.
	payment *change

	before       Modification
	modification Modification
	evidence     Evidence
	verdict      Verdict
}

// foldModification judges one piece of evidence about a capture or void. What has been carried out is news of the payment as
// well: the money is taken, or the hold is gone.
func foldModification(a account, m Modification, ev Evidence, r rules, now time.Time) *modificationChange {
	c := &modificationChange{before: m, modification: m, evidence: ev}
	if knows(ev.Outcome) {
		c.modification.NotFoundCount = 0
	}
	c.payment = &change{entry: entry{account: a}, before: a.payment, evidence: ev}
	needed := a.order.NeedsReview
	switch {
	case c.foreign():
		c.verdict = VerdictMismatch
		c.payment.find(differing(classTransaction, a.payment, ev))
	case c.unproven(r, now):
		c.verdict = VerdictUnproven
		c.modification.NotFoundCount++
	case ev.Outcome == OutcomeNotFound && m.ProviderTransactionID != "":
		c.verdict = VerdictConflict // it has named it to us itself
	case ev.Outcome == OutcomeSucceeded:
		c.carryOut(a, r, now)
		needed = c.payment.order.NeedsReview // its events are told
	default:
		c.move(now)
	}
	c.schedule(r, now)
	c.payment.review(Discrepancy{Subject: m.MerchantTxnID}, c.ends, needed, now)
	c.payment.keep = c.payment.keep || len(c.payment.noted) > 0
	return c
}

// foreign reports whether the evidence speaks of another transaction than ours.
func (c *modificationChange) foreign() bool {
	ours, theirs := c.modification.ProviderTransactionID, c.evidence.ProviderTransactionID
	return c.evidence.claimedElsewhere || (ours != "" && theirs != "" && ours != theirs)
}

// unproven reports whether a "not found" has not been repeated often and late enough to be believed (design §3).
func (c *modificationChange) unproven(r rules, now time.Time) bool {
	return c.evidence.Outcome == OutcomeNotFound &&
		(c.modification.NotFoundCount+1 < notFoundAnswers || now.Sub(c.modification.SentAt) < r.notFoundAfter)
}

// carryOut hands the success on to the payment. Where the payment cannot believe it, a person is asked, and the capture or
// void stays open.
func (c *modificationChange) carryOut(a account, r rules, now time.Time) {
	news := c.evidence
	news.ProviderTransactionID = "" // the capture's own is not the payment's
	news.due = c.before.Amount
	if c.before.Kind == ModificationCapture {
		a.payment.CaptureAmount = 0
		if c.before.Amount.Minor < a.payment.Amount.Minor {
			a.payment.CaptureAmount = c.before.Amount.Minor
		}
	}
	if c.before.Kind == ModificationVoid {
		news.Outcome = OutcomeClosed
		news.Failure = &Failure{
			Code: "processing_error", DeclineCode: declineVoided, Category: FailureTechnical,
			Message: "The authorization was voided. Nothing was charged.",
		}
	}
	c.payment = fold(a, news, r, now)
	c.payment.discrepancy, c.payment.silence = nil, nil // written up by the fold already
	switch c.payment.verdict {
	case VerdictMove, VerdictLate, VerdictSame, VerdictStale:
		c.move(now)
	case VerdictConflict, VerdictMismatch, VerdictUnproven:
		c.verdict = c.payment.verdict
		if c.evidence.Source == SourceAnswer && c.modification.Status == ModificationPending {
			c.modification.Status = ModificationUnknown
		}
	}
}

// move lets the state machine speak.
func (c *modificationChange) move(now time.Time) {
	m := &c.modification
	to, verdict := NextModification(m.Status, c.evidence.Outcome)
	c.verdict = verdict
	switch verdict {
	case VerdictMove, VerdictLate:
		m.Status, m.NotFoundCount, m.Failure, m.FinalAt = to, 0, nil, time.Time{}
		m.ProviderTransactionID = cmp.Or(m.ProviderTransactionID, c.evidence.ProviderTransactionID)
		if !to.Open() {
			m.FinalAt = now
		}
		if to == ModificationFailed {
			m.Failure = c.failure()
		}
	case VerdictSame:
		m.ProviderTransactionID = cmp.Or(m.ProviderTransactionID, c.evidence.ProviderTransactionID)
	case VerdictConflict:
		d := mismatchOfStatus(c.payment.payment, c.evidence)
		d.ours = map[string]any{"status": m.Status, "kind": m.Kind}
		c.payment.find(d)
	case VerdictStale, VerdictMismatch, VerdictUnproven:
	}
}

// failure explains why the hold stands as before: in the provider's words, or in ours.
func (c *modificationChange) failure() *Failure {
	f := &Failure{
		Code: "provider_refused", Message: "The provider refused it. The authorization stands as before.",
		ProviderCode: c.evidence.ProviderCode,
	}
	why := ""
	if c.evidence.Outcome == OutcomeNotFound {
		why = "The request never reached the provider."
	}
	if c.evidence.Outcome == OutcomeNeverSent {
		why = "The request could not be sent to the provider."
	}
	if why != "" {
		f.Code, f.Message = "provider_unavailable", why+" The authorization stands as before."
	}
	return f
}

// schedule decides when the provider is asked next, and calls for a person when it has been silent for too long. What failed
// is looked at again, as payments are: it may have been carried out after all.
func (c *modificationChange) schedule(r rules, now time.Time) {
	m := &c.modification
	switch {
	case m.Status == ModificationFailed && c.evidence.Outcome != OutcomeNeverSent:
		if m.Status != c.before.Status || c.evidence.Source == SourceQuery {
			m.NextCheckAt = lookAgain(m.FinalAt, now)
		}
		return
	case !m.Status.Open():
		m.NextCheckAt = time.Time{}
		return
	}
	m.NextCheckAt = r.schedule.Next(m.SentAt, now)
	if now.Sub(m.SentAt) > queriedUntil {
		c.payment.missNews(m.MerchantTxnID, &discrepancyDraft{
			ours:   map[string]any{"status": m.Status, "kind": m.Kind},
			theirs: map[string]any{}, atRisk: m.Amount,
		})
	}
}

// ends reports whether the news ends a discrepancy of the order.
func (c *modificationChange) ends(d Discrepancy) bool {
	return d.Subject == c.modification.MerchantTxnID && c.evidence.Source == SourceQuery && !c.modification.Status.Open()
}

// params writes the modification out as the arguments of ModificationApply.
func (c *modificationChange) params(now time.Time) dbsqlc.ModificationApplyParams {
	m := c.modification
	args := dbsqlc.ModificationApplyParams{
		ID: m.ID.UUID(), Status: string(m.Status), ProviderTransactionID: nilIfEmpty(m.ProviderTransactionID),
		NotFoundCount: int32(m.NotFoundCount), //nolint:gosec // a handful
		NextCheckAt:   timeOrNil(m.NextCheckAt), FinalAt: timeOrNil(m.FinalAt), Now: now,
		// The answers to a key name the payment alone, so the key may begin another capture or void of it.
		ReleaseKey: c.verdict == VerdictMove && (c.evidence.Outcome == OutcomeNeverSent || c.evidence.Outcome == OutcomeNotFound),
	}
	if f := m.Failure; f != nil {
		args.FailureCode, args.FailureMessage, args.FailureProviderCode = &f.Code, &f.Message, &f.ProviderCode
	}
	return args
}
