package audit

import "tillway/internal/sandbox"

// theirHold holds an authorization in the provider's books to ours: whatever became of the hold, we must know.
func (a *auditor) theirHold(t sandbox.BookedTransaction, p *payment) {
	a.report.Holds++
	want := map[string]string{"A": "authorized", "S": "succeeded", "N": "canceled"}[t.PaymentStatus]
	if p.Status != want {
		a.find("the hold of payment %s is %s there and the payment %s here", p.name(), t.PaymentStatus, p.Status)
	}
}

// theirEnding holds a capture or void in the provider's books to ours, and what it did to the money.
func (a *auditor) theirEnding(t sandbox.BookedTransaction) {
	m, known := a.ours.modifications[t.MerchantTxnID]
	if !known {
		a.find("the provider has %s %s (%s), which we do not", t.TxnType, t.MerchantTxnID, t.Status)
		return
	}
	switch {
	case t.Status == "S":
		a.ended[t.MerchantTxnID] = true
		if m.Status != "succeeded" {
			a.find("%s was carried out and is %s here", m.name(), m.Status)
		}
		if t.TxnType == "CAPTURE" {
			a.charge(t, a.ours.byID[m.PaymentID])
		}
	case t.Status != "F":
		a.find("the provider has not ended %s: %s", m.name(), t.Status)
	}
}

// ourEndings holds every capture and void to what the provider did.
func (a *auditor) ourEndings() {
	for id, m := range a.ours.modifications {
		if m.Open {
			a.find("%s is still open: %s", m.name(), m.Status)
		}
		if m.Status != "succeeded" {
			continue
		}
		if m.Kind == "capture" {
			a.report.Captures++
		} else {
			a.report.Voids++
		}
		if !a.ended[id] {
			a.find("%s is succeeded and was not carried out", m.name())
		}
	}
}
