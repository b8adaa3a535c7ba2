package audit

import (
	"strings"

	"tillway/internal/ids"
	"tillway/internal/sandbox"
)

// theirRefund holds a refund in the provider's books to ours. One that a person was called to look at may differ.
func (a *auditor) theirRefund(t sandbox.BookedTransaction) {
	r, known := a.ours.refunds[t.MerchantTxnID]
	if !known {
		a.find("the provider has refund %s (%s), which we do not", t.MerchantTxnID, t.Status)
		return
	}
	minor := minorOf(t.OrderAmount, t.OrderCurrency)
	if r.Amount != minor || !strings.EqualFold(r.Currency, t.OrderCurrency) {
		a.find("refund %s: %s %s there, %d here", r.name(), t.OrderAmount, t.OrderCurrency, r.Amount)
	}
	if t.Status == "S" {
		a.givenBack[t.MerchantTxnID] = true
		a.report.GivenBack += minor
	}
	if r.Approval != "" && r.Approval != "approved" {
		a.find("refund %s was sent, its approval is %s", r.name(), r.Approval)
	}
	switch reviewed := a.inReview(r); {
	case t.Status == "S" && r.Status == "succeeded", reviewed && r.Open:
	case t.Status == "S":
		a.find("refund %s was carried out and is %s here", r.name(), r.Status)
	case t.Status == "F" || t.Status == "N":
		if r.Status == "succeeded" {
			a.find("refund %s is succeeded and was not carried out: %s", r.name(), t.Status)
		}
	default:
		a.find("the provider has not ended refund %s: %s", r.name(), t.Status)
	}
}

// ourRefunds holds every refund to what the provider did, and every payment's sums to its refunds.
func (a *auditor) ourRefunds() {
	refunded, pending := map[string]int64{}, map[string]int64{}
	for id, r := range a.ours.refunds {
		a.report.Refunds++
		a.approval(r)
		of := ids.From[ids.PaymentEntity](r.PaymentID).String()
		switch {
		case r.Open:
			pending[of] += r.Amount
			if !a.inReview(r) {
				a.find("refund %s is still open: %s", r.name(), r.Status)
			}
		case r.Status == "succeeded":
			refunded[of] += r.Amount
			a.report.Refunded += r.Amount
			if !a.givenBack[id] {
				a.find("refund %s is succeeded and was not carried out", r.name())
			}
		}
	}
	for _, p := range a.ours.payments {
		if p.Refunded != refunded[p.name()] || p.RefundPending != pending[p.name()] {
			a.find("payment %s: %d refunded and %d pending, its refunds say %d and %d",
				p.name(), p.Refunded, p.RefundPending, refunded[p.name()], pending[p.name()])
		}
	}
}

func (a *auditor) inReview(r *refund) bool {
	return a.ours.orders[ids.From[ids.OrderEntity](r.OrderID).String()].Reviewed
}

// approval holds a refund to the second person that it needed.
func (a *auditor) approval(r *refund) {
	switch r.Approval {
	case "approved":
		a.report.Approved++
	case "rejected":
		a.report.Rejected++
		if r.Status != "rejected" {
			a.find("refund %s was not approved and is %s", r.name(), r.Status)
		}
	}
	if r.DecidedBy != "" && r.DecidedBy == r.CreatedBy {
		a.find("refund %s was decided on by who asked for it", r.name())
	}
}

// bursts holds refunds that were asked for at once to the room that there was: one is accepted, and another only after the
// first came to nothing.
func (a *auditor) bursts() {
	accepted, counts := map[string]int{}, map[string]int{}
	for _, r := range a.ours.refunds {
		of := ids.From[ids.PaymentEntity](r.PaymentID).String()
		accepted[of]++
		if r.Open || r.Status == "succeeded" {
			counts[of]++
		}
	}
	for _, payment := range a.c.Bursts {
		a.report.Bursts++
		switch {
		case accepted[payment] == 0:
			a.find("of the refunds of payment %s that were asked for at once none was accepted", payment)
		case counts[payment] > 1:
			a.find("of the refunds of payment %s that were asked for at once %d were accepted", payment, counts[payment])
		}
	}
}
