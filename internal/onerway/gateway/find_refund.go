package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tillway/internal/onerway"
	"tillway/internal/orders"
)

const (
	// refundMargin widens the time in which a refund is looked for by more than clocks differ.
	refundMargin = time.Hour
	// longestLook is the widest time range that the provider lists (§8.11), less the margins.
	longestLook = 89 * 24 * time.Hour
	// refundPage and maxRefundPages bound how many of the provider's refunds are read to find one.
	refundPage     = 100
	maxRefundPages = 50
)

// errTooMany says that the provider has had more refunds in the time than we read: ours may be among the others.
var errTooMany = errors.New("too many refunds to look through")

// FindRefund asks the provider about a refund: by its transaction, else by our reference, else, since a row may lack that
// (§8.8), among the refunds of its time where the query is a thorough one. An error means that the question was not answered.
func (g *Gateway) FindRefund(ctx context.Context, query orders.RefundQuery) (orders.RefundEvidence, error) {
	if query.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, query.Patience, errPatience)
		defer cancel()
	}
	ev, err := g.findRefund(ctx, query)
	if err != nil {
		return orders.RefundEvidence{}, fmt.Errorf("find refund %s: %w", query.MerchantTxnID, err)
	}
	return ev, nil
}

func (g *Gateway) findRefund(ctx context.Context, query orders.RefundQuery) (orders.RefundEvidence, error) {
	selections := []onerway.Selection{{MerchantTxnIDs: []string{query.MerchantTxnID}}}
	if query.ProviderTransactionID != "" {
		selections = slices.Insert(selections, 0, onerway.Selection{TransactionIDs: []string{query.ProviderTransactionID}})
	}
	var digest string
	for _, selection := range selections {
		page, err := g.list(ctx, selection)
		if err != nil {
			return orders.RefundEvidence{}, err
		}
		if row, found := namedRefund(page.Rows, query); found {
			return g.refundRow(ctx, row, page.BodyDigest), nil
		}
		if !bare(page) {
			return orders.RefundEvidence{}, errOffTopic
		}
		digest = page.BodyDigest
	}
	if query.ProviderTransactionID != "" || query.OriginTransactionID == "" || !query.Thorough {
		return noRefund(digest), nil
	}
	return g.findNameless(ctx, query)
}

func (g *Gateway) list(ctx context.Context, selection onerway.Selection) (onerway.Page[onerway.Transaction], error) {
	return ask(ctx, g, "query", func() (onerway.Page[onerway.Transaction], error) {
		return g.provider.ListTransactions(ctx, onerway.ListRequest{Selection: selection})
	})
}

// namedRefund is the row that bears the refund's own transaction or reference.
func namedRefund(rows []onerway.Transaction, query orders.RefundQuery) (onerway.Transaction, bool) {
	for _, row := range rows {
		named := row.MerchantTxnID == query.MerchantTxnID ||
			(query.ProviderTransactionID != "" && row.TransactionID == query.ProviderTransactionID)
		if row.TxnType == string(onerway.TxnRefund) && named {
			return row, true
		}
	}
	return onerway.Transaction{}, false
}

// findNameless looks for the refund among those of its time whose rows name no reference. It is the only one of its payment
// and amount that is not another of our refunds, or it is not told which it is.
//
// The time range is the provider's: a refund is at most Age old, whatever our service's clock says.
func (g *Gateway) findNameless(ctx context.Context, query orders.RefundQuery) (orders.RefundEvidence, error) {
	now := g.now()
	selection := onerway.Selection{
		From: now.Add(-min(max(query.Age, 0), longestLook) - refundMargin/2), To: now.Add(refundMargin / 2),
		TxnTypes: []string{string(onerway.TxnRefund)}, Size: refundPage,
	}
	var candidates []onerway.Transaction
	var digest string
	var named *onerway.Transaction
	err := g.walk(ctx, selection, func(page onerway.Page[onerway.Transaction]) bool {
		digest = page.BodyDigest
		if row, found := namedRefund(page.Rows, query); found {
			named = &row
			return true
		}
		candidates = append(candidates, nameless(page.Rows, query)...)
		return false
	})
	switch {
	case err != nil:
		return orders.RefundEvidence{}, err
	case named != nil:
		return g.refundRow(ctx, *named, digest), nil
	default:
		return g.onlyOne(ctx, candidates, query, digest), nil
	}
}

// lastPage tells whether a range goes on behind a page: by the provider's count of pages, or by the rows where it gives none.
func lastPage(page onerway.Page[onerway.Transaction], number int) bool {
	if page.TotalPages > 0 {
		return number >= page.TotalPages
	}
	return len(page.Rows) < refundPage
}

// nameless are the rows that could be the refund.
func nameless(rows []onerway.Transaction, query orders.RefundQuery) []onerway.Transaction {
	var could []onerway.Transaction
	for _, row := range rows {
		if row.TxnType == string(onerway.TxnRefund) && row.MerchantTxnID == "" &&
			row.OriginTransactionID == query.OriginTransactionID &&
			readAmount(row.OrderAmount, row.OrderCurrency) == query.Amount && !slices.Contains(query.Bound, row.TransactionID) {
			could = append(could, row)
		}
	}
	return could
}

func (g *Gateway) onlyOne(
	ctx context.Context, candidates []onerway.Transaction, query orders.RefundQuery, digest string,
) orders.RefundEvidence {
	switch {
	case len(candidates) == 0:
		return noRefund(digest)
	case len(candidates) == 1 && query.Rivals == 0:
		return g.refundRow(ctx, candidates[0], digest)
	default:
		return orders.RefundEvidence{
			Source: orders.SourceQuery, Outcome: orders.RefundOutcomeUnknown, Ambiguous: true, Digest: digestOf(digest),
		}
	}
}

func (g *Gateway) refundRow(ctx context.Context, row onerway.Transaction, digest string) orders.RefundEvidence {
	return g.refundEvidence(ctx, orders.SourceQuery, rowAttempt(row, onerway.PaymentIntent{}, digest))
}

func noRefund(digest string) orders.RefundEvidence {
	return orders.RefundEvidence{
		Source: orders.SourceQuery, Outcome: orders.RefundOutcomeNotFound, Digest: digestOf(digest),
	}
}
