package orders_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/orders"
)

func TestRefund_EndsWithItsWindow(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t, func(c *orders.Config) { c.RefundWindow = 48 * time.Hour })
	paidAt := b.payment.FinalAt
	b.clock.advance(paidAt.Add(48 * time.Hour).Sub(b.clock.Now()))
	require.True(t, b.service.MayRefund(b.payment))
	b.refund(100)

	b.clock.advance(time.Microsecond)
	require.False(t, b.service.MayRefund(b.payment))
	require.False(t, b.service.MayRefundOrder(b.get(b.paid.ID)))
	h, err := b.service.History(t.Context(), b.paid.ID, orders.Page{Limit: 10})
	require.NoError(t, err)
	require.True(t, h.RefundsClosed)
	before := b.events(b.paid.ID)
	_, err = b.service.Refund(t.Context(), b.request(100, ""))
	requireFault(t, err, fault.Refused, "refund_window_closed")
	_, err = b.service.Refund(t.Context(), b.request(0, ""))
	requireFault(t, err, fault.Refused, "refund_window_closed")
	require.Equal(t, before, b.events(b.paid.ID))
	require.Equal(t, [3]int64{2700, 0, 100}, b.amounts())
}

// The clock passes the end of the window between looking at the payment and reserving its money.
func TestRefund_WindowIsHeldByTheStatementToo(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t, func(c *orders.Config) { c.RefundWindow = 48 * time.Hour })
	var once sync.Once
	b.tracer.after = func(trip string) {
		if trip == "PaymentGet" {
			once.Do(func() { b.clock.advance(49 * time.Hour) })
		}
	}
	_, err := b.service.Refund(t.Context(), b.request(100, ""))
	requireFault(t, err, fault.Refused, "refund_window_closed")
	require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
}

func TestRefund_NumberCountsWhatSucceededOrMayYet(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t, func(c *orders.Config) { c.RefundMaxCount = 2 })
	first := b.refund(100)
	require.True(t, b.service.MayRefund(b.testBundle.payment(b.payment.ID)))
	b.hear(b.refund(200), orders.SourceNotification, orders.RefundOutcomeSucceeded)
	require.False(t, b.service.MayRefund(b.testBundle.payment(b.payment.ID)))
	require.False(t, b.service.MayRefundOrder(b.get(b.paid.ID)))
	before := b.events(b.paid.ID)
	_, err := b.service.Refund(t.Context(), b.request(300, ""))
	requireFault(t, err, fault.Refused, "refund_count_exceeded")
	require.Equal(t, before, b.events(b.paid.ID))
	require.Equal(t, [3]int64{2700, 200, 100}, b.amounts())

	b.hear(first, orders.SourceNotification, orders.RefundOutcomeRejected)
	require.True(t, b.service.MayRefundOrder(b.get(b.paid.ID)))
	b.refund(300)
	b.hear(first, orders.SourceNotification, orders.RefundOutcomeSucceeded)
	require.Equal(t, 3, b.testBundle.payment(b.payment.ID).RefundCount, "what the provider gave back late counts, limit or not")
	require.Equal(t, 3, b.get(b.paid.ID).RefundCount)
}

func TestRefund_OfFiftyAtOnceTheNumberHolds(t *testing.T) {
	t.Parallel()
	const most = 3
	b := setupRefunds(t, func(c *orders.Config) { c.RefundMaxCount = most })
	var accepted, refused atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			req := b.request(10, "")
			req.AllowDuplicate = true
			_, err := b.process().Refund(t.Context(), req)
			if err == nil {
				accepted.Add(1)
			} else if errors.Is(err, fault.New(fault.Refused, "refund_count_exceeded", "")) {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, most, accepted.Load())
	require.EqualValues(t, 50-most, refused.Load())
	require.Len(t, b.refunds.sent(), most)
	require.Equal(t, [3]int64{2700, 0, most * 10}, b.amounts())
}

// Late money of an order that is canceled goes back whatever the limits say.
func TestRefund_LimitsDoNotHoldWhatIsOwed(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t, func(c *orders.Config) { c.RefundWindow, c.RefundMaxCount = time.Microsecond, 1 })
	o := b.order()
	b.gateway.sale = declined
	p := b.pay(o, "declined")
	b.clock.advance(time.Hour)
	b.apply(p, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID))
	require.Equal(t, o.Amount.Minor, b.get(o.ID).AmountRefundPending)
	require.Equal(t, 1, b.get(o.ID).RefundCount)
	b.sweep()
	require.Len(t, b.refunds.sent(), 1)
}
