package orders_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
)

// fakeRefunds takes every application into review, and tells of it what its test says.
type fakeRefunds struct {
	mu       sync.Mutex
	applied  []orders.RefundApplication
	answer   func(orders.RefundApplication) orders.RefundEvidence
	withdraw func(orders.RefundApplication) error
	find     func(orders.RefundQuery) (orders.RefundEvidence, error)
}

func (g *fakeRefunds) AcceptsRefund(money.Amount) error { return nil }

func (g *fakeRefunds) Refund(_ context.Context, a orders.RefundApplication) orders.RefundEvidence {
	g.mu.Lock()
	g.applied = append(g.applied, a)
	answer := g.answer
	g.mu.Unlock()
	if answer == nil {
		return refundNews(orders.SourceAnswer, orders.RefundOutcomeInReview, a)
	}
	return answer(a)
}

func (g *fakeRefunds) Withdraw(_ context.Context, a orders.RefundApplication) error {
	return g.withdraw(a)
}

func (g *fakeRefunds) FindRefund(_ context.Context, q orders.RefundQuery) (orders.RefundEvidence, error) {
	if g.find == nil {
		return orders.RefundEvidence{}, errors.New("the provider does not answer")
	}
	return g.find(q)
}

// sent returns the applications so far.
func (g *fakeRefunds) sent() []orders.RefundApplication {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]orders.RefundApplication(nil), g.applied...)
}

// refundNews is news of a refund as the provider's transaction "t-" and our reference.
func refundNews(source orders.Source, outcome orders.RefundOutcome, a orders.RefundApplication) orders.RefundEvidence {
	return orders.RefundEvidence{
		Source: source, Outcome: outcome, Amount: a.Amount, ProviderTransactionID: "t-" + a.MerchantTxnID,
		Body: []byte(`{}`), Digest: []byte("digest"),
	}
}

// refundBundle is a service with a paid order of 27.00 EUR.
type refundBundle struct {
	*testBundle

	refunds *fakeRefunds
	paid    orders.Order
	payment orders.Payment
}

func setupRefunds(t *testing.T, adjust ...func(*orders.Config)) *refundBundle {
	t.Helper()
	refunds := &fakeRefunds{}
	b := setup(t, append(adjust, func(c *orders.Config) { c.Refunds, c.DuplicateWindow = refunds, 10*time.Minute })...)
	o := b.order()
	p := b.pay(o, "pay")
	b.apply(p, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID))
	return &refundBundle{testBundle: b, refunds: refunds, paid: b.get(o.ID), payment: b.payment(p.ID)}
}

func (b *refundBundle) request(amount int64, name string) orders.RefundRequest {
	req := orders.RefundRequest{Payment: b.payment.ID, Reason: orders.RefundRequestedByCustomer, CorrelationID: "test"}
	if amount > 0 {
		req.Amount = &amount
	}
	if name != "" {
		req.Idempotency = key(name)
	}
	return req
}

// refund gives back the amount, 0 for all that remains, and expects an answer that is no error.
func (b *refundBundle) refund(amount int64) orders.Refund {
	b.t.Helper()
	req := b.request(amount, "")
	req.AllowDuplicate = true
	result, err := b.service.Refund(b.t.Context(), req)
	require.NoError(b.t, err)
	return result.Refund
}

func (b *refundBundle) hear(r orders.Refund, source orders.Source, outcome orders.RefundOutcome) orders.Refund {
	b.t.Helper()
	ev := refundNews(source, outcome, orders.RefundApplication{MerchantTxnID: r.MerchantTxnID, Amount: r.Amount})
	heard, _, err := b.service.ApplyRefund(b.t.Context(), orders.RefundName{MerchantTxnID: r.MerchantTxnID}, ev, nil)
	require.NoError(b.t, err)
	return heard
}

// sweep brings forward what is due.
func (b *refundBundle) sweep() {
	b.t.Helper()
	due, err := b.service.ClaimDueRefunds(b.t.Context(), 10)
	require.NoError(b.t, err)
	for _, r := range due {
		_ = b.service.SettleRefund(b.t.Context(), r, time.Second)
	}
}

func (b *refundBundle) getRefund(id ids.Refund) orders.Refund {
	b.t.Helper()
	r, err := b.service.GetRefund(b.t.Context(), id)
	require.NoError(b.t, err)
	return r
}

// amounts are the order's: paid, refunded, refund pending.
func (b *refundBundle) amounts() [3]int64 {
	o := b.get(b.paid.ID)
	p := b.testBundle.payment(b.payment.ID)
	require.Equal(b.t, [2]int64{o.AmountRefunded, o.AmountRefundPending}, [2]int64{p.AmountRefunded, p.AmountRefundPending})
	return [3]int64{o.AmountPaid, o.AmountRefunded, o.AmountRefundPending}
}
