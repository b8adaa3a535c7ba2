package orders

import (
	"cmp"
	"time"

	"tillway/internal/ids"
)

const (
	// disputeCheck is how often the provider is asked about a dispute that may still move: a decision takes weeks.
	disputeCheck = 24 * time.Hour
	// appealWindow is for how long after the first decision it is asked whether the case goes on.
	appealWindow = 60 * 24 * time.Hour
)

// disputeChange is what one piece of evidence makes of a dispute, its payment and its order.
type disputeChange struct {
	entry

	before   Dispute
	dispute  Dispute
	evidence DisputeEvidence
	verdict  Verdict
	// isNew: the dispute was not on record before.
	isNew bool
	// foreign: the evidence names another payment than the dispute is of.
	foreign bool
	// keep is false when there is nothing to write; record says whether the evidence is worth a row.
	keep, record bool
}

// foldDispute judges one piece of evidence about a dispute; known is nil for one that is not on record. It is pure but for the
// ids that it draws.
//
// What is believed of whom: the payment, from a query alone, since no signature covers it in a notification. Stage and status of a
// case that is on record, from a notification too, since they are signed and a case only goes forward, so that an old message sent
// again moves nothing. Other amounts than ours, and what contradicts a decision, from a query alone: the notification makes us ask.
func foldDispute(a account, known *Dispute, foreign bool, ev DisputeEvidence, rules rules, now time.Time) *disputeChange {
	c := &disputeChange{entry: entry{account: a}, evidence: ev, foreign: foreign, record: ev.Source != SourceQuery}
	if known == nil {
		c.open(now)
	} else {
		c.before, c.dispute = *known, *known
		c.hear(now)
	}
	c.dispute.Claimed = c.dispute.claim(c.payment)
	c.payment.AmountClaimed += c.dispute.Claimed - c.before.Claimed
	c.coverDisputes()
	if c.payment.uncovered() > 0 && c.dispute.Claimed > c.before.Claimed {
		c.findOverDisputed(c.disagreement(classOverDispute))
	}
	c.tellDispute()
	c.schedule(rules, now)
	c.review(Discrepancy{Subject: c.dispute.ID.String()}, c.ends, a.order.NeedsReview, now)
	c.keep = c.keep || c.record || len(c.noted) > 0 || !c.dispute.NextCheckAt.Equal(c.before.NextCheckAt)
	if c.keep {
		c.order.UpdatedAt, c.payment.UpdatedAt, c.dispute.UpdatedAt = now, now, now
	}
	return c
}

// open records a dispute that was not known. A word that we do not know is taken for a chargeback that has begun: the bank has
// the money until we hear otherwise.
func (c *disputeChange) open(now time.Time) {
	ev := c.evidence
	c.isNew, c.keep, c.record, c.verdict = true, true, true, VerdictMove
	c.dispute = Dispute{
		ID: ids.New[ids.DisputeEntity](), Order: c.order.ID, Payment: c.payment.ID, Livemode: c.order.Livemode,
		Stage: DisputePreDispute, Status: DisputeWarning, Amount: ev.Amount, ProviderDisputeID: ev.ProviderDisputeID,
		CorrelationID: c.payment.CorrelationID, CreatedAt: now, MovedAt: now,
	}
	if ev.Amount.IsZero() {
		c.dispute.Amount = c.payment.Amount // of a warning that names none
	}
	c.learn()
	if !ev.warns() {
		phase := cmp.Or(ev.Outcome.Phase(), PhaseRaised)
		c.dispute.Stage = DisputeChargeback
		c.become(phase, now)
	}
	if c.dispute.Amount.Currency != c.payment.Amount.Currency {
		c.further = append(c.further, c.disagreement(classCurrency))
		c.order.NeedsReview = true
	}
}

// hear judges news of a dispute that is on record.
func (c *disputeChange) hear(now time.Time) {
	ev := c.evidence
	switch {
	case c.foreign:
		c.doubt(VerdictMismatch, classTransaction)
		return
	case ev.warns():
		c.verdict = VerdictSame
		c.keep = c.learn()
		return
	case ev.Outcome == DisputeOutcomeNotFound && c.dispute.NotFoundCount+1 < notFoundAnswers:
		c.verdict, c.keep = VerdictUnproven, true
		c.dispute.NotFoundCount++
		return
	case c.otherMoney() && ev.Source != SourceQuery:
		c.doubt(VerdictMismatch, c.classOfMoney())
		return
	}
	if ev.Outcome.Phase() != "" && c.dispute.NotFoundCount > 0 {
		c.dispute.NotFoundCount, c.keep = 0, true
	}
	c.move(now)
}

// move lets the state machine speak.
func (c *disputeChange) move(now time.Time) {
	ev := c.evidence
	to, verdict := NextDispute(phaseOf(c.dispute.Stage, c.dispute.Status), ev.Outcome)
	if verdict == VerdictConflict && ev.Source == SourceQuery && ev.Outcome.Phase() != "" && !overtaken(ev.AskedAt, c.dispute.MovedAt) {
		to, verdict = ev.Outcome.Phase(), VerdictMove // the provider's own record wins
	}
	c.verdict = verdict
	switch verdict {
	case VerdictMove:
		c.keep, c.record = true, true
		c.learn()
		c.become(to, now)
	case VerdictSame:
		c.keep = c.learn() || c.keep
		c.record = c.record || c.keep
	case VerdictConflict:
		c.doubt(VerdictConflict, classStatus)
	case VerdictStale, VerdictLate, VerdictMismatch, VerdictUnproven:
	}
}

// become gives the dispute the stage and status of a phase.
func (c *disputeChange) become(phase DisputePhase, now time.Time) {
	d := &c.dispute
	d.Stage, d.Status = phase.shown(d.Stage)
	d.MovedAt, d.ClosedAt = now, time.Time{}
	if d.Status.Closed() {
		d.ClosedAt = now
	}
}

// learn takes over what the evidence tells besides the outcome, and reports whether any of it was new. The amount is taken over
// from a query only. The reason may be told in the cardholder's own words: of an erased order nothing is kept of it.
func (c *disputeChange) learn() bool {
	d, ev := &c.dispute, c.evidence
	before := *d
	if !c.order.Erased() {
		d.Reason = cmp.Or(ev.Reason, d.Reason)
	}
	d.ReasonCode = cmp.Or(ev.ReasonCode, d.ReasonCode)
	d.ARN, d.ProviderStatus = cmp.Or(ev.ARN, d.ARN), cmp.Or(ev.ProviderStatus, d.ProviderStatus)
	if !ev.RaisedAt.IsZero() {
		d.RaisedAt = ev.RaisedAt
	}
	if !ev.EvidenceDueBy.IsZero() {
		d.EvidenceDueBy = ev.EvidenceDueBy
	}
	if ev.Source == SourceQuery && !ev.Amount.IsZero() {
		d.Amount = ev.Amount
	}
	return *d != before
}

// otherMoney reports whether the evidence names another amount than the dispute's.
func (c *disputeChange) otherMoney() bool {
	return !c.evidence.Amount.IsZero() && c.evidence.Amount != c.dispute.Amount
}

func (c *disputeChange) classOfMoney() string {
	if c.evidence.Amount.Currency != c.dispute.Amount.Currency {
		return classCurrency
	}
	return classAmount
}

// doubt records a disagreement: nothing moves, a person is asked to look.
func (c *disputeChange) doubt(v Verdict, class string) {
	c.verdict, c.keep, c.record = v, true, true
	c.find(c.disagreement(class))
}

// disagreement describes what the evidence says beside what we know.
func (c *disputeChange) disagreement(class string) *discrepancyDraft {
	d, ev := c.dispute, c.evidence
	if !c.isNew {
		d = c.before
	}
	return &discrepancyDraft{
		class: class,
		ours: map[string]any{
			"dispute": d.ID, "stage": d.Stage, "status": d.Status, "amount": d.Amount.Minor, "currency": d.Amount.Currency.Lower(),
			"payment_currency": c.payment.Amount.Currency.Lower(),
		},
		theirs: map[string]any{
			"status": ev.Outcome, "amount": ev.Amount.Minor, "currency": ev.Amount.Currency.Lower(),
			"provider_dispute_id": ev.ProviderDisputeID, "provider_status": ev.ProviderStatus, "origin": ev.Origin,
		},
		atRisk: d.Amount,
	}
}

// tellDispute writes the dispute's events, and asks for a person when a case opens, or opens again after a decision. Nobody is
// asked twice about one that goes on.
func (c *disputeChange) tellDispute() {
	d, moved := c.dispute, c.dispute.Stage != c.before.Stage || c.dispute.Status != c.before.Status
	switch {
	case c.isNew:
		c.emit("dispute.opened")
		if d.Status.Closed() {
			c.emit("dispute.closed")
		}
	case moved && d.Status.Closed():
		c.emit("dispute.closed")
	case moved || d.Amount != c.before.Amount || !d.EvidenceDueBy.Equal(c.before.EvidenceDueBy):
		c.emit("dispute.updated")
	}
	if !d.Status.Closed() && (c.isNew || c.before.Status.Closed()) {
		c.further = append(c.further, c.disagreement(classDispute))
		c.order.NeedsReview = true
	}
}

// schedule decides when the provider is asked next: at once where news of its own made us doubt, and by the day while the case
// may go on.
func (c *disputeChange) schedule(rules rules, now time.Time) {
	d := &c.dispute
	doubtful := c.discrepancy != nil && c.evidence.Source == SourceNotification && rules.confirm != ConfirmNever
	confirmed := c.verdict == VerdictMove && c.evidence.Source == SourceNotification && rules.confirm == ConfirmAlways
	switch {
	case d.Stage == DisputePreDispute:
		d.NextCheckAt = time.Time{} // there is nothing to ask about a warning
	case doubtful || confirmed:
		d.NextCheckAt = now
	case c.order.NeedsReview && c.evidence.Source == SourceNotification && c.verdict != VerdictMove:
		// A question that doubt made us ask stays open until it is answered.
	case c.goesOn(now):
		d.NextCheckAt = now.Add(disputeCheck)
	default:
		d.NextCheckAt = time.Time{}
	}
}

// goesOn reports whether the case may still move by itself.
func (c *disputeChange) goesOn(now time.Time) bool {
	d := c.dispute
	return !d.Status.Closed() || (d.Stage == DisputeFirstAppeal && d.Status != DisputeWithdrawn && now.Sub(d.ClosedAt) < appealWindow)
}

// ends reports whether the news ends a discrepancy of the order.
func (c *disputeChange) ends(d Discrepancy) bool {
	if d.Class == classOverDispute {
		return d.Payment == c.payment.ID && c.payment.uncovered() == 0
	}
	if d.Subject != c.dispute.ID.String() {
		return false
	}
	agrees := c.evidence.Source == SourceQuery && (c.verdict == VerdictSame || c.verdict == VerdictMove)
	switch d.Class {
	case classDispute:
		return c.dispute.Status.Closed()
	case classStatus:
		return agrees
	case classAmount, classCurrency:
		return agrees && c.dispute.Amount.Currency == c.payment.Amount.Currency
	}
	return false
}
