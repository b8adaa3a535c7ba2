package gateway

import (
	"context"
	"fmt"

	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

var _ orders.ModificationGateway = (*Gateway)(nil)

// Modify captures or voids an authorization once and says what is known of it (§8.9). It must not be called twice for one
// reference.
func (g *Gateway) Modify(ctx context.Context, order orders.ModificationOrder) orders.Evidence {
	kind := onerway.TxnCapture
	if order.Kind == orders.ModificationVoid {
		kind = onerway.TxnVoid
	}
	request := onerway.AuthPaymentRequest{
		MerchantTxnID: order.MerchantTxnID, OriginTransactionID: order.OriginTransactionID, TxnType: kind,
	}
	if !order.Amount.IsZero() {
		amount, ok := wireDecimal(order.Amount)
		if !ok {
			return inexpressible()
		}
		request.OrderAmount = amount
	}
	if err := g.budget.Acquire(ctx, ratelimit.LaneSale); err != nil {
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeNeverSent}
	}
	began := g.now()
	response, err := g.provider.AuthPayment(onerway.WithSandboxFault(ctx, order.SandboxFault), request)
	took := g.now().Sub(began)
	var ev orders.Evidence
	if err != nil {
		ev = g.saleFailure(ctx, order.MerchantTxnID, err)
	} else {
		ev = g.answer(ctx, order.MerchantTxnID, orders.MethodCard, kind, response)
	}
	g.observer.PSPCall(ctx, string(order.Kind), classOf(ev), took)
	return ev
}

// FindModification asks the provider about a capture or void. An error means that the question was not answered.
func (g *Gateway) FindModification(ctx context.Context, query orders.Query) (orders.Evidence, error) {
	if query.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, query.Patience, errPatience)
		defer cancel()
	}
	page, err := g.list(ctx, onerway.Selection{MerchantTxnIDs: []string{query.MerchantTxnID}})
	if err == nil {
		for _, row := range page.Rows {
			if row.MerchantTxnID == query.MerchantTxnID && modifies(row.TxnType) {
				return g.evidence(ctx, orders.SourceQuery, rowAttempt(row, onerway.PaymentIntent{}, page.BodyDigest)), nil
			}
		}
		if bare(page) {
			return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound, Digest: digestOf(page.BodyDigest)}, nil
		}
		err = errOffTopic
	}
	return orders.Evidence{}, fmt.Errorf("find %s: %w", query.MerchantTxnID, err)
}

// modifies tells whether a transaction of this type ends an authorization.
func modifies(txnType string) bool {
	return txnType == string(onerway.TxnCapture) || txnType == string(onerway.TxnVoid)
}

// ofModification is what a message says of a capture or void by itself: the intent that it names is the authorization's,
// which a void closes (§6: S/N).
func ofModification(a attempt) attempt {
	a.paymentStatus = ""
	return a
}
