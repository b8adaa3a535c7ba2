package gateway

import (
	"context"
	"errors"
	"fmt"

	"tillway/internal/onerway"
	"tillway/internal/orders"
)

// ErrNoPaymentNews is returned for notifications of anything that no payment, refund and dispute learns from.
var ErrNoPaymentNews = errors.New("the notification is not about a payment, a refund or a dispute")

// News reads a verified notification: what it is about, by what its signature covers, and what it says. It returns
// ErrNoPaymentNews for those that say nothing of a payment, a refund or a dispute.
//
// The original transaction, by which a refund names its payment, and the card's brand stand in members that are not signed
// (§3.4): they are left out. Of a dispute it is handed on as the hint that it is.
func (g *Gateway) News(ctx context.Context, n onerway.Notification) (orders.News, error) {
	switch {
	case n.NotifyType == "TXN" && collects(n.TxnType):
		ev := g.evidence(ctx, orders.SourceNotification, told(n))
		ev.Contract = g.contractOf(ctx, n.MerchantTxnID, n.ContractID, n.TokenID)
		at, _ := n.TransactionTime(g.zone)
		return orders.PaymentNews{MerchantTxnID: n.MerchantTxnID, Evidence: ev, Scenario: scenarioOf(n.Scenarios), At: at}, nil
	case n.NotifyType == "TXN" && n.TxnType == string(onerway.TxnBindCard) && n.Outcome() == onerway.StatusSucceeded:
		// A card is kept, beside the purchase's own news (§10.5). It has a transaction of its own.
		contract := g.contractOf(ctx, n.MerchantTxnID, n.ContractID, n.TokenID)
		return orders.ContractNews{MerchantTxnID: n.MerchantTxnID, Contract: contract}, nil
	case n.NotifyType == "TXN" && modifies(n.TxnType):
		ev := g.evidence(ctx, orders.SourceNotification, told(n))
		return orders.ModificationNews{MerchantTxnID: n.MerchantTxnID, Evidence: ev}, nil
	case n.NotifyType == "TXN" && n.TxnType == string(onerway.TxnRefund):
		return refundNews(n, g.refundEvidence(ctx, orders.SourceNotification, told(n))), nil
	case n.NotifyType == "REFUND_AUDIT" && n.Outcome() == onerway.StatusFailed:
		// Sent on rejection only, with little more than the refund's transaction (§10.5).
		ev := g.refundEvidence(ctx, orders.SourceNotification, told(n))
		ev.Outcome = orders.RefundOutcomeRejected
		return refundNews(n, ev), nil
	case n.NotifyType == "CANCEL" && n.Outcome() == onerway.StatusSucceeded:
		return orders.PaymentNews{MerchantTxnID: n.MerchantTxnID, Evidence: g.reversal(n)}, nil
	case n.NotifyType == "CANCEL" && n.Outcome() == onerway.StatusFailed:
		// The transaction goes on; what became of it, a query tells.
		ev := g.reversal(n)
		ev.Outcome, ev.NotCanceled = orders.OutcomeProcessing, true
		return orders.PaymentNews{MerchantTxnID: n.MerchantTxnID, Evidence: ev}, nil
	case n.NotifyType == "CHARGEBACK":
		return g.disputeNews(ctx, n), nil
	case n.NotifyType == "PRE_DISPUTE":
		return g.warning(n), nil
	default:
		return nil, fmt.Errorf("%w: %.32q %.32q", ErrNoPaymentNews, n.NotifyType, n.TxnType)
	}
}

func refundNews(n onerway.Notification, ev orders.RefundEvidence) orders.RefundNews {
	return orders.RefundNews{
		Name:     orders.RefundName{MerchantTxnID: n.MerchantTxnID, ProviderTransactionID: n.TransactionID},
		Evidence: ev,
	}
}

// reversal is the provider's word that a cancellation went through: whether the charge had failed or was given back, no
// money remains taken (§8.10). The transaction may be the cancellation's own, so it is not held against the payment's.
func (g *Gateway) reversal(n onerway.Notification) orders.Evidence {
	code, _ := onerway.ParseReason(n.Reason)
	return orders.Evidence{
		Source: orders.SourceNotification, Outcome: orders.OutcomeReversed, Amount: readAmount(n.OrderAmount, n.OrderCurrency),
		ProviderStatus: n.NotifyType + "/" + n.Status, ProviderCode: code, Digest: digestOf(n.BodyDigest), Body: bodyOf(n.Fields),
	}
}

// told is what a notification says of its transaction.
func told(n onerway.Notification) attempt {
	code, _ := onerway.ParseReason(n.Reason)
	return attempt{
		merchantTxnID: n.MerchantTxnID, transactionID: n.TransactionID, txnType: n.TxnType, letter: n.Status,
		status: n.Outcome(), paymentStatus: n.PaymentStatus, amount: n.OrderAmount, currency: n.OrderCurrency,
		code: code, eci: n.ECI, country: n.CardBinCountry, fields: n.Fields, digest: n.BodyDigest,
	}
}
