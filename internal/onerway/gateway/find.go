package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

var (
	errPatience = errors.New("the provider did not answer the query in time")
	// errOffTopic is an answer about other payments than the one asked about. It says nothing of ours, least of all that
	// there is none.
	errOffTopic = errors.New("the provider answered about other transactions")
)

// Find asks the provider about a payment. An error means that the question was not answered.
func (g *Gateway) Find(ctx context.Context, query orders.Query) (orders.Evidence, error) {
	if query.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, query.Patience, errPatience)
		defer cancel()
	}
	ev, err := g.find(ctx, query)
	if err != nil {
		return orders.Evidence{}, fmt.Errorf("find %s: %w", query.MerchantTxnID, err)
	}
	return ev, nil
}

func (g *Gateway) find(ctx context.Context, query orders.Query) (orders.Evidence, error) {
	selection := onerway.Selection{MerchantTxnIDs: []string{query.MerchantTxnID}}
	intent, intents, err := g.findIntent(ctx, selection)
	if err != nil {
		return orders.Evidence{}, err
	}
	page, err := ask(ctx, g, "query", func() (onerway.Page[onerway.Transaction], error) {
		return g.provider.ListTransactions(ctx, onerway.ListRequest{Selection: selection})
	})
	if err != nil {
		return orders.Evidence{}, err
	}
	row, found := g.pick(ctx, page.Rows, query.MerchantTxnID, intent.LastTransactionID)
	switch {
	case found:
		a := rowAttempt(row, intent, page.BodyDigest)
		a.method = query.Method
		return g.evidence(ctx, orders.SourceQuery, a), nil
	case intent.PaymentID != "" || intent.PaymentStatus != "":
		a := intentAttempt(intent, intents.BodyDigest)
		if a.method = query.Method; a.method == orders.MethodHosted && intent.PaymentStatus == "U" {
			a.status = onerway.StatusAwaitingPayment // nobody has tried yet, so there is no transaction to say it
		}
		return g.evidence(ctx, orders.SourceQuery, a), nil
	case !bare(page) || !bare(intents):
		return orders.Evidence{}, errOffTopic
	default:
		return orders.Evidence{
			Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound, Digest: digestOf(page.BodyDigest),
		}, nil
	}
}

// findIntent asks about the payment intent; there is none to ask about where payments are transactions. It is asked first:
// what happens between the two questions can then only make the transaction newer than the intent, and the two are unknown
// or open together until the next time, never final too early.
func (g *Gateway) findIntent(
	ctx context.Context, selection onerway.Selection,
) (onerway.PaymentIntent, onerway.Page[onerway.PaymentIntent], error) {
	if !g.intents {
		return onerway.PaymentIntent{}, onerway.Page[onerway.PaymentIntent]{}, nil
	}
	page, err := ask(ctx, g, "query_intent", func() (onerway.Page[onerway.PaymentIntent], error) {
		return g.provider.QueryPayments(ctx, onerway.PaymentsRequest{Selection: selection})
	})
	if err != nil {
		return onerway.PaymentIntent{}, page, err
	}
	for _, row := range page.Rows {
		if row.MerchantTxnID == selection.MerchantTxnIDs[0] {
			return row, page, nil
		}
	}
	if !bare(page) {
		return onerway.PaymentIntent{}, page, errOffTopic
	}
	return onerway.PaymentIntent{}, page, nil
}

// bare tells whether a page says that there is nothing at all: it is the only one, and without rows. A page of others, or
// one whose counters do not fit its rows, says nothing.
func bare[T any](page onerway.Page[T]) bool {
	return len(page.Rows) == 0 && page.TotalElements == 0 && isFirst(page.TotalPages) && isFirst(page.Current)
}

// isFirst is true of the first page's number, and of one that is not told.
func isFirst(page int) bool { return page == 0 || page == 1 }

// ask makes one query when the budget lets it.
func ask[T any](ctx context.Context, g *Gateway, operation string, call func() (onerway.Page[T], error)) (onerway.Page[T], error) {
	return askIn(ctx, g, ratelimit.LaneQuery, operation, call)
}

// askIn makes one query when the lane of the budget lets it.
func askIn[T any](
	ctx context.Context, g *Gateway, lane ratelimit.Lane, operation string, call func() (onerway.Page[T], error),
) (onerway.Page[T], error) {
	if err := g.budget.Acquire(ctx, lane); err != nil {
		return onerway.Page[T]{}, err
	}
	began := g.now()
	page, err := call()
	class := "answered"
	if err != nil {
		class = string(onerway.ClassOf(err))
	}
	g.observer.PSPCall(ctx, operation, class, g.now().Sub(began))
	return page, err
}

// pick is the row that speaks for our payment: of its sales and authorizations the intent's last one where an intent names
// it, else the one that succeeded, else the newest. Refunds and other people's rows do not count.
func (g *Gateway) pick(ctx context.Context, rows []onerway.Transaction, merchantTxnID, last string) (onerway.Transaction, bool) {
	ours := slices.DeleteFunc(slices.Clone(rows), func(row onerway.Transaction) bool {
		return row.MerchantTxnID != merchantTxnID || !collects(row.TxnType) || (last != "" && row.TransactionID != last)
	})
	if len(ours) == 0 {
		return onerway.Transaction{}, false
	}
	slices.SortStableFunc(ours, older)
	paid := slices.DeleteFunc(slices.Clone(ours), func(row onerway.Transaction) bool {
		return row.Outcome() != onerway.StatusSucceeded
	})
	if len(paid) > 1 {
		g.log.ErrorContext(ctx, "several transactions under one reference succeeded", slog.String("merchant_txn_id", merchantTxnID))
	}
	if len(paid) > 0 {
		return paid[0], true // the first one: a later one must not change what we know of it
	}
	return ours[len(ours)-1], true
}

// collects tells whether a transaction of this type collects money for an order.
func collects(txnType string) bool {
	return txnType == string(onerway.TxnSale) || txnType == string(onerway.TxnAuth)
}

// older orders rows by time, which their form sorts as text, then by id, which grows.
func older(a, b onerway.Transaction) int {
	return cmp.Or(
		cmp.Compare(a.TxnTime, b.TxnTime),
		cmp.Compare(len(a.TransactionID), len(b.TransactionID)),
		cmp.Compare(a.TransactionID, b.TransactionID),
	)
}

func rowAttempt(row onerway.Transaction, intent onerway.PaymentIntent, digest string) attempt {
	code, _ := onerway.ParseReason(row.Reason)
	return attempt{
		merchantTxnID: row.MerchantTxnID, transactionID: row.TransactionID, txnType: row.TxnType, letter: row.Status,
		status: row.Outcome(), paymentStatus: intent.PaymentStatus, amount: row.OrderAmount, currency: row.OrderCurrency,
		code: code, eci: row.ECI, brand: strings.ToLower(row.PaymentMethod), country: row.CardBinCountry, last4: last4(row.CardNumber),
		fields: row.Fields, digest: digest,
	}
}

var maskedNumber = regexp.MustCompile(`^[0-9]{6}\*+([0-9]{4})$`)

// last4 reads the last digits of a number that the provider has masked, "" of anything else.
func last4(masked string) string {
	if parts := maskedNumber.FindStringSubmatch(masked); parts != nil {
		return parts[1]
	}
	return ""
}

// intentAttempt is an intent without the transaction that it names.
func intentAttempt(intent onerway.PaymentIntent, digest string) attempt {
	return attempt{
		merchantTxnID: intent.MerchantTxnID, transactionID: intent.LastTransactionID, paymentStatus: intent.PaymentStatus,
		amount: intent.OrderAmount, currency: intent.OrderCurrency, fields: intent.Fields, digest: digest,
	}
}
