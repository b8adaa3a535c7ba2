package gateway

import (
	"context"

	"tillway/internal/onerway"
	"tillway/internal/orders"
)

// NotificationEvidence reads a verified notification about a payment: whose it is and what it says. Notifications of
// anything else than a sale or an authorization (refunds, captures, chargebacks, card bindings) are not relevant.
//
// The card's brand is left out: it stands in a member that is not signed (§3.4).
func (g *Gateway) NotificationEvidence(n onerway.Notification) (string, orders.Evidence, bool) {
	if n.NotifyType != "TXN" || !collects(n.TxnType) {
		return "", orders.Evidence{}, false
	}
	code, _ := onerway.ParseReason(n.Reason)
	ev := g.evidence(context.Background(), orders.SourceNotification, attempt{
		merchantTxnID: n.MerchantTxnID, transactionID: n.TransactionID, txnType: n.TxnType, letter: n.Status,
		status: n.Outcome(), paymentStatus: n.PaymentStatus, amount: n.OrderAmount, currency: n.OrderCurrency,
		code: code, eci: n.ECI, country: n.CardBinCountry, fields: n.Fields, digest: n.BodyDigest,
	})
	return n.MerchantTxnID, ev, true
}
