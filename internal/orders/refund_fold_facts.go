package orders

import "time"

// unsentRetry is how soon, at the earliest, a refund that never left us is sent again.
const unsentRetry = 15 * time.Second

// schedule decides when the refund is sent, or the provider asked about it, next.
func (c *refundChange) schedule(rules rules, now time.Time) {
	r := &c.refund
	switch {
	case c.asks(rules):
		r.NextCheckAt = now
	case r.Status.Open():
		r.NextCheckAt = rules.schedule.Next(r.since(), now)
		if r.SentAt.IsZero() {
			r.NextCheckAt = now.Add(max(now.Sub(r.CreatedAt)/10, unsentRetry))
		}
		c.giveUpWaiting(now)
	case c.discrepancy != nil && c.discrepancy.class == classStatus && now.Sub(r.since()) < queriedUntil:
		r.NextCheckAt = rules.schedule.Next(r.since(), now) // what ended is doubted: it is asked about until it is clear
	case c.order.NeedsReview && c.evidence.Source != SourceQuery:
		// A question that doubt made us ask stays open until it is answered.
	case r.Status == RefundFailed:
		if r.Status != c.before.Status || c.evidence.Source == SourceQuery { // only an answer makes the question go away
			r.NextCheckAt = lookAgain(r.FinalAt, now)
		}
	default:
		r.NextCheckAt = time.Time{}
	}
}

// asks reports whether the news makes us ask the provider at once.
func (c *refundChange) asks(rules rules) bool {
	if c.evidence.Source != SourceNotification {
		return c.overtaken
	}
	doubtful := c.verdict == VerdictMismatch || c.verdict == VerdictConflict || c.verdict == VerdictUnproven
	ended := (c.verdict == VerdictMove || c.verdict == VerdictLate) && !c.refund.Status.Open()
	return (doubtful && rules.confirm != ConfirmNever) || (ended && rules.confirm == ConfirmAlways)
}

// giveUpWaiting calls for a person when a refund has been open for as long as we settle it on our own.
func (c *refundChange) giveUpWaiting(now time.Time) {
	if r := c.refund; now.Sub(r.since()) > queriedUntil {
		c.missNews(r.MerchantTxnID, c.disagreement(classUnsettled))
	}
}

// settleAmounts moves the refund's amount between reserved and refunded on its payment and, unless the payment is surplus,
// on its order, and derives the order's status.
func (c *refundChange) settleAmounts() {
	pending, refunded := c.refund.holds()
	wasPending, wasRefunded := c.before.holds()
	c.payment.AmountRefundPending += pending - wasPending
	c.payment.AmountRefunded += refunded - wasRefunded
	c.payment.RefundCount += c.refund.counted() - c.before.counted()
	c.cover(refunded + pending - wasRefunded - wasPending)
	if c.payment.Surplus {
		return
	}
	o := &c.order
	o.AmountRefundPending += pending - wasPending
	o.AmountRefunded += refunded - wasRefunded
	o.RefundCount += c.refund.counted() - c.before.counted()
	o.Status = DeriveStatus(Facts{
		Paid: o.AmountPaid, Authorized: o.AmountAuthorized, Refunded: o.AmountRefunded,
		LivePayment: o.Status == StatusPending, Canceled: !o.CanceledAt.IsZero(), Expired: !o.ExpiredAt.IsZero(),
	})
	if refunded > wasRefunded { // a refund that is undone is told by its own event: "paid" would ship the goods again
		c.emit(orderEvent(o.Status))
	}
}

// cover takes anew what disputes claim, now that the refund holds so much more. That is less where it succeeds after its amount had
// been freed, and was less already when it was adopted from the provider's portal: then both the provider and the bank have given
// the money back.
func (c *refundChange) cover(more int64) {
	c.coverDisputes()
	adopted := c.refund.Origin == RefundFromPortal && c.refund.Status == RefundSucceeded && c.before.Status != RefundSucceeded
	if (more > 0 || adopted) && c.payment.uncovered() > 0 {
		c.findOverDisputed(c.disagreement(classOverDispute))
	}
}

// ends reports whether the news ends a discrepancy of the order.
func (c *refundChange) ends(d Discrepancy) bool {
	r := c.refund
	switch d.Class {
	case classAmount, classCurrency:
		return d.Subject == r.MerchantTxnID && c.agrees() && !c.evidence.Amount.IsZero()
	case classTransaction:
		return d.Subject == r.MerchantTxnID && c.agrees() && c.evidence.ProviderTransactionID != ""
	case classStatus, classRefundMatch:
		return d.Subject == r.MerchantTxnID && c.agrees()
	case classUnsettled:
		return d.Subject == r.MerchantTxnID && !r.Status.Open()
	case classOverRefund:
		return d.Subject == r.ProviderTransactionID // there is room for it now
	case classOverDispute:
		return d.Payment == r.Payment && c.payment.uncovered() == 0
	case classLatePayment, classSurplus, classRefund:
		return d.Payment == r.Payment && c.payment.allBack()
	}
	return false
}

// agrees reports whether the provider's own record says what ours does, now that it has been heard.
func (c *refundChange) agrees() bool {
	accepted := c.verdict == VerdictSame || c.refund.Status != c.before.Status
	return c.evidence.Source == SourceQuery && accepted && refundKnown(c.evidence.Outcome)
}
