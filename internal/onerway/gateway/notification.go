package gateway

import (
	"context"
	"errors"
	"fmt"

	"tillway/internal/onerway"
	"tillway/internal/orders"
)

// ErrNoPaymentNews is returned for notifications of anything else than a sale or an authorization: refunds, captures,
// chargebacks, card bindings.
var ErrNoPaymentNews = errors.New("the notification is not about the charging of a payment")

// NotificationEvidence reads a verified notification: of which payment it tells, by our reference, and what. It returns
// ErrNoPaymentNews for those that tell of none.
//
// The card's brand is left out: it stands in a member that is not signed (§3.4).
func (g *Gateway) NotificationEvidence(ctx context.Context, n onerway.Notification) (string, orders.Evidence, error) {
	if n.NotifyType != "TXN" || !collects(n.TxnType) {
		return "", orders.Evidence{}, fmt.Errorf("%w: %.32q %.32q", ErrNoPaymentNews, n.NotifyType, n.TxnType)
	}
	code, _ := onerway.ParseReason(n.Reason)
	return n.MerchantTxnID, g.evidence(ctx, orders.SourceNotification, attempt{
		merchantTxnID: n.MerchantTxnID, transactionID: n.TransactionID, txnType: n.TxnType, letter: n.Status,
		status: n.Outcome(), paymentStatus: n.PaymentStatus, amount: n.OrderAmount, currency: n.OrderCurrency,
		code: code, eci: n.ECI, country: n.CardBinCountry, fields: n.Fields, digest: n.BodyDigest,
	}), nil
}
