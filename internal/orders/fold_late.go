package orders

import (
	"time"

	"tillway/internal/ids"
)

// DeclineReversed is the decline code of a payment that ended because the provider took its charge back.
const DeclineReversed = "reversed"

// receiveLate handles money that arrives after the payment had ended. On an order that another payment holds or pays, or may
// yet pay, it is surplus and never counts as paid; otherwise it counts. What becomes of it is the order's policy:
//
//	policy    counts, captured        surplus, captured       only held
//	accept    nothing more to do      a refund is recorded    a person decides
//	refund    a refund is recorded    a refund is recorded    a person decides
//	review    a person decides        a person decides        a person decides
//
// A person decides as well where the shopper's bank has taken the money back already, for to refund it would give it twice; and where
// it would be accepted for a period that its subscription has given up.
func (c *change) receiveLate(now time.Time) {
	o := c.order
	if o.AmountPaid > 0 || o.AmountAuthorized > 0 || o.Status == StatusPending {
		c.payment.Surplus = true
	}
	switch {
	case c.payment.Status == PaymentAuthorized, o.LatePayment == LatePaymentReview, c.payment.AmountClaimed > 0, o.givenUp():
		c.find(c.lateMoney())
	case c.payment.Surplus:
		c.owe(RefundFromSurplus, now)
	case o.LatePayment == LatePaymentRefund:
		c.owe(RefundFromLatePayment, now)
	}
}

// givenUp reports whether the order is of a period that its subscription collects no more: it has ended, or was paused.
func (o Order) givenUp() bool {
	return o.LatePayment == LatePaymentAccept && !o.Subscription.IsZero() && !o.CanceledAt.IsZero()
}

func (c *change) lateMoney() *discrepancyDraft {
	d := &discrepancyDraft{
		class:  classLatePayment,
		ours:   map[string]any{"status": c.before.Status},
		theirs: map[string]any{"status": c.payment.Status, "amount": c.payment.Amount.Minor},
		atRisk: c.payment.Amount,
	}
	if c.payment.Surplus {
		d.class = classSurplus
	}
	return d
}

// owe records a refund of everything that the payment captured. It commits together with the news, so no crash can part the
// two, and the sweep sends it right after. The reservation is part of it.
func (c *change) owe(origin RefundOrigin, now time.Time) {
	p := &c.payment
	id := ids.New[ids.RefundEntity]()
	refund := Refund{
		ID: id, Order: c.order.ID, Payment: p.ID, Livemode: p.Livemode, Reason: RefundOther, Origin: origin,
		Status: RefundPending, MerchantTxnID: id.String(), CorrelationID: p.CorrelationID,
		CreatedAt: now, UpdatedAt: now, NextCheckAt: now,
	}
	refund.Amount = p.Amount
	refund.Amount.Minor = p.AmountCaptured
	if origin == RefundFromSurplus {
		refund.Reason = RefundDuplicate
	}
	c.owed = &refund
	p.AmountRefundPending += refund.Amount.Minor
	p.RefundCount++
	if !p.Surplus {
		c.order.AmountRefundPending += refund.Amount.Minor
		c.order.RefundCount++
	}
}

// goesBack reports whether the money that this news brings will not stay: the order counts as paid, but to say so would make
// the merchant ship.
func (c *change) goesBack() bool { return c.owed != nil && c.owed.Origin == RefundFromLatePayment }

// reverse ends a payment whose charge the provider has taken back. What was refunded of it meanwhile cannot be taken back
// as well: then nothing moves, and a person compares.
func (c *change) reverse(to PaymentStatus, now time.Time) {
	d := mismatchOfStatus(c.payment, c.evidence)
	d.class = classReversal
	if !c.untouched() {
		c.doubt(VerdictConflict, d)
		return
	}
	if c.before.Status == PaymentSucceeded || c.verdict == VerdictConflict {
		c.find(d) // the release of a mere hold is in order
	}
	c.keep, c.record = true, true
	c.payment.Status = to
	c.payment.Confirmed, c.payment.Surplus = true, false
	c.learn()
	c.settlePayment(now)
	c.emitPayment()
}

// untouched reports whether nothing of the payment has been given back, is being given back, or is disputed.
func (c *change) untouched() bool {
	return c.before.AmountRefunded+c.before.AmountRefundPending+c.before.AmountDisputed == 0
}

// reversed reports whether the payment ended because its charge was taken back. A success told of it afterwards may be the
// charge that was taken back: it moves nothing.
func reversed(p Payment) bool {
	return p.Status == PaymentCanceled && p.Failure != nil && p.Failure.DeclineCode == DeclineReversed
}

// ends reports whether the news ends a discrepancy of the order.
func (c *change) ends(d Discrepancy) bool {
	p, ev := c.payment, c.evidence
	switch d.Class {
	case classAmount, classCurrency:
		return d.Subject == p.MerchantTxnID && c.agrees() && !ev.Amount.IsZero()
	case classTransaction:
		return d.Subject == p.MerchantTxnID && c.agrees() && ev.ProviderTransactionID != ""
	case classStatus:
		return d.Subject == p.MerchantTxnID && c.agrees()
	case classUnsettled:
		return d.Subject == p.MerchantTxnID && !p.Status.Open() && (p.Confirmed || !p.Status.Live())
	case classLatePayment, classSurplus, classRefund:
		return d.Payment == p.ID && p.allBack()
	case ClassPeriodMissed, ClassRenewalRefused:
		return c.order.AmountPaid >= c.order.Amount.Minor
	}
	return false
}

// agrees reports whether the provider's own record says what ours does, now that it has been heard.
func (c *change) agrees() bool {
	accepted := c.verdict == VerdictSame || c.payment.Status != c.before.Status
	return c.evidence.Source == SourceQuery && accepted && knows(c.evidence.Outcome)
}

// allBack reports whether no money of the payment is with us or held for us.
func (p Payment) allBack() bool {
	return p.AmountAuthorized == 0 || (p.AmountCaptured > 0 && p.AmountRefunded == p.AmountCaptured)
}
