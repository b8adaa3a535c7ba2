package orders_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/orders"
)

// onMovedClock makes a service whose clock the test moves while real time, which it returns, moves only when it is told.
func onMovedClock(t *testing.T) (*testBundle, *clock) {
	t.Helper()
	actual := &clock{now: time.Now()}
	return setup(t, func(c *orders.Config) { c.RealNow = actual.Now }), actual
}

// A clock that jumps while a call is under way must not make the order payable again: the call may yet charge.
func TestMovedClock_DoesNotGiveUpACallUnderWay(t *testing.T) {
	t.Parallel()
	b, _ := onMovedClock(t)
	h := b.gateway.hold()
	o := b.order()
	sale, answered := b.begin(t.Context(), payRequest(o.ID, key("k")), h)
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
	}
	for range 5 {
		b.clock.advance(24 * time.Hour)
		due, err := b.service.ClaimDue(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, due, 1, "the schedule follows the clock")
		asked, err := b.service.Ask(t.Context(), due[0], time.Second)
		require.NoError(t, err)
		require.Equal(t, orders.PaymentProcessing, asked.Status)
	}
	_, err := b.service.Pay(t.Context(), payRequest(o.ID, key("another")))
	requireFault(t, err, fault.Conflict, "payment_in_progress")

	h.release <- taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
	require.Equal(t, orders.PaymentSucceeded, (<-answered).Payment.Status)
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	require.Len(t, b.gateway.sent(), 1)
}

// Nor must it turn a call that is about to be made into one whose time is over.
func TestMovedClock_TakesNothingOfACallsTime(t *testing.T) {
	t.Parallel()
	b, _ := onMovedClock(t)
	b.tracer.after = func(trip string) {
		if strings.HasPrefix(trip, "OrderReserve") {
			b.clock.advance(24 * time.Hour)
		}
	}
	o := b.order(func(c *orders.CreateOrder) { c.ExpiresIn = 72 * time.Hour })
	require.Equal(t, orders.PaymentSucceeded, b.pay(o, "k").Status)
	require.Len(t, b.gateway.sent(), 1)
}

// Once the call has ended in real time, three denials and a clock that says so are believed.
func TestMovedClock_LetsADeniedPaymentEnd(t *testing.T) {
	t.Parallel()
	b, actual := onMovedClock(t)
	o, p := b.dead()
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
	}
	b.clock.advance(notFoundAfter)
	for range 3 {
		settled, err := b.service.Settle(t.Context(), p.ID, time.Second)
		require.NoError(t, err)
		require.Equal(t, orders.PaymentProcessing, settled.Status, "its call may be under way")
	}
	actual.advance(time.Minute)
	settled, err := b.service.Settle(t.Context(), p.ID, time.Second)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentFailed, settled.Status)
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)
}
