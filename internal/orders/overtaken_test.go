package orders_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// A provider that answers slowly tells of the time when it was asked. What it notified of meanwhile is newer.
func TestAsk_AnswerThatWasOvertakenByASuccessRefutesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.order(func(r *orders.CreateOrder) { r.LatePayment = orders.LatePaymentAccept })
	p := b.pay(o, "k")
	denial := orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeDeclined, Amount: o.Amount}
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		b.clock.advance(time.Second)
		b.apply(p, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID)) //nolint:contextcheck // news comes on its own way
		b.clock.advance(time.Second)
		return denial, nil
	}
	asked, err := b.service.Ask(t.Context(), p, time.Minute)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, asked.Status)
	require.False(t, asked.NextCheckAt.IsZero(), "the provider is asked again")
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	require.Zero(t, b.count("SELECT count(*) FROM discrepancies"))

	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) { return denial, nil }
	asked, err = b.service.Ask(t.Context(), p, time.Minute)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentFailed, asked.Status, "what it says when it is asked after that does refute")
}

func TestAskRefund_AnswerThatWasOvertakenByASuccessRefutesNothing(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	r := b.refund(1000)
	b.refunds.find = func(orders.RefundQuery) (orders.RefundEvidence, error) {
		b.clock.advance(time.Second)
		b.hear(r, orders.SourceNotification, orders.RefundOutcomeSucceeded)
		b.clock.advance(time.Second)
		a := orders.RefundApplication{MerchantTxnID: r.MerchantTxnID, Amount: r.Amount}
		return refundNews(orders.SourceQuery, orders.RefundOutcomeRejected, a), nil
	}
	asked, err := b.service.AskRefund(t.Context(), r, time.Minute)
	require.NoError(t, err)
	require.Equal(t, orders.RefundSucceeded, asked.Status)
	require.False(t, asked.NextCheckAt.IsZero(), "the provider is asked again")
	require.Equal(t, [3]int64{2700, 1000, 0}, b.amounts())
	require.Zero(t, b.count("SELECT count(*) FROM discrepancies"))
}
