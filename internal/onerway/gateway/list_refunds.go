package gateway

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

var _ orders.RefundBooks = (*Gateway)(nil)

// ListRefunds pages through the refunds that were made within a time range, off the way of everything else (§8.11).
func (g *Gateway) ListRefunds(ctx context.Context, from, to time.Time, number int) ([]orders.BookedRefund, bool, error) {
	page, err := askIn(ctx, g, ratelimit.LaneReconciliation, "list_refunds", func() (onerway.Page[onerway.Transaction], error) {
		return g.provider.ListTransactions(ctx, onerway.ListRequest{Selection: onerway.Selection{
			From: from, To: to, TxnTypes: []string{string(onerway.TxnRefund)}, Page: number, Size: refundPage,
		}})
	})
	if err != nil {
		return nil, false, err
	}
	if !isPage(page, number) {
		return nil, false, errOffTopic
	}
	var found []orders.BookedRefund
	for _, row := range page.Rows {
		if row.TxnType == string(onerway.TxnRefund) {
			found = append(found, g.bookedRefund(ctx, row, page.BodyDigest))
		}
	}
	return found, !lastPage(page, number), nil
}

// FindBooked asks for a refund by its transaction. Whose it is stands in its row, which is believed: it comes over a connection
// that we opened ourselves, while the member of a notification that says so is not signed (§10.4).
func (g *Gateway) FindBooked(ctx context.Context, transactionID string) (orders.BookedRefund, bool, error) {
	page, err := g.list(ctx, onerway.Selection{TransactionIDs: []string{transactionID}})
	if err != nil {
		return orders.BookedRefund{}, false, fmt.Errorf("find refund %s: %w", transactionID, err)
	}
	for _, row := range page.Rows {
		if row.TransactionID == transactionID && row.TxnType == string(onerway.TxnRefund) {
			return g.bookedRefund(ctx, row, page.BodyDigest), true, nil
		}
	}
	return orders.BookedRefund{}, false, nil
}

func (g *Gateway) bookedRefund(ctx context.Context, row onerway.Transaction, digest string) orders.BookedRefund {
	return orders.BookedRefund{
		MerchantTxnID: row.MerchantTxnID, Origin: row.OriginTransactionID, Evidence: g.refundRow(ctx, row, digest),
	}
}
