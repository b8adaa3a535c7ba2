package gateway

import (
	"context"
	"fmt"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

var _ orders.CancellationGateway = (*Gateway)(nil)

// Cancel asks the provider to cancel a transaction that is stuck (§8.10).
func (g *Gateway) Cancel(ctx context.Context, transactionID string) error {
	if err := g.budget.Acquire(ctx, ratelimit.LaneSale); err != nil {
		return notAsked(err)
	}
	began := g.now()
	_, err := g.provider.CancelTransaction(ctx, transactionID)
	class := "accepted"
	if err != nil {
		class = string(onerway.ClassOf(err))
	}
	g.observer.PSPCall(ctx, "cancel", class, g.now().Sub(began))
	switch {
	case err == nil:
		return nil
	case onerway.ClassOf(err) == onerway.Refused:
		return fault.New(fault.Conflict, "payment_not_cancelable",
			"The payment provider does not cancel the payment: it may be final by now.").Because(err)
	case onerway.ClassOf(err) == onerway.NeverSent:
		return notAsked(err)
	default:
		return fmt.Errorf("cancel transaction %s: %w", transactionID, err)
	}
}

func notAsked(err error) error {
	return fault.Down("provider_unavailable", circuitRetry, err, "The payment provider cannot be reached. Nothing was canceled.")
}

// GivenBack asks whether the provider has given back what a canceled transaction took: by a refund of it, or a void, that has no
// reference of ours, since we asked for none (§8.10).
func (g *Gateway) GivenBack(ctx context.Context, query orders.GivenBackQuery) (bool, error) {
	now := g.now()
	selection := onerway.Selection{
		From: now.Add(-min(max(query.Age, 0), longestLook) - refundMargin/2), To: now.Add(refundMargin / 2),
		TxnTypes: []string{string(onerway.TxnRefund), string(onerway.TxnVoid)}, Size: refundPage,
	}
	found := false
	err := g.walk(ctx, selection, func(page onerway.Page[onerway.Transaction]) bool {
		for _, row := range page.Rows {
			found = found || givesBack(row, query.TransactionID, query.Amount)
		}
		return found
	})
	if err != nil {
		return false, fmt.Errorf("look for what was given back of %s: %w", query.TransactionID, err)
	}
	return found, nil
}

// givesBack tells whether a row is money that went back because its transaction was canceled, all of it.
func givesBack(row onerway.Transaction, origin string, amount money.Amount) bool {
	kind := onerway.TxnType(row.TxnType)
	return (kind == onerway.TxnRefund || kind == onerway.TxnVoid) && row.MerchantTxnID == "" && row.OriginTransactionID == origin &&
		row.Outcome() == onerway.StatusSucceeded && readAmount(row.OrderAmount, row.OrderCurrency) == amount
}

// walk reads the pages of a selection until one is enough, or the last has been read.
func (g *Gateway) walk(
	ctx context.Context, selection onerway.Selection, enough func(onerway.Page[onerway.Transaction]) bool,
) error {
	for selection.Page = 1; ; selection.Page++ {
		page, err := g.list(ctx, selection)
		if err != nil {
			return err
		}
		switch {
		case enough(page):
			return nil
		case page.Current != selection.Page && (!isFirst(page.Current) || selection.Page != 1):
			return errOffTopic
		case lastPage(page, selection.Page):
			return nil
		case selection.Page == maxRefundPages:
			return errTooMany
		}
	}
}
