package orders_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// A notification may be delivered hours later, or be tried again: the money that it tells of may be back by then.
func TestCancelPayment_ANotificationNeverProvesThatTheMoneyStayed(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	b.canceling()
	b.clock.advance(3 * time.Hour)
	require.Equal(t, orders.VerdictUnproven, b.tell(orders.OutcomeSucceeded).Verdict)
	require.Equal(t, b.clock.Now().UTC().Truncate(time.Microsecond), b.payment(b.stuck.ID).NextCheckAt, "the provider is asked at once")
	require.NotContains(t, b.events(b.stuck.Order), "order.paid")

	b.cancellations.back = true
	require.Equal(t, orders.PaymentCanceled, b.query(orders.OutcomeSucceeded).Status)
	require.False(t, b.get(b.stuck.Order).NeedsReview)
}

// A payment that was called declined while it was being canceled had succeeded after all.
func TestCancelPayment_ALateSuccessMayBeTheMoneyThatWentBack(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{true, false} {
		b := setupStuck(t, func(c *orders.Config) { c.Confirm = orders.ConfirmNever })
		b.canceling()
		b.tell(orders.OutcomeDeclined)
		require.Equal(t, orders.StatusOpen, b.get(b.stuck.Order).Status)
		b.clock.advance(25 * time.Hour)
		b.query(orders.OutcomeDeclined)
		require.Zero(t, b.payment(b.stuck.ID).NextCheckAt)

		require.Equal(t, orders.VerdictUnproven, b.tell(orders.OutcomeSucceeded).Verdict)
		require.Zero(t, b.get(b.stuck.Order).AmountPaid)
		require.NotContains(t, b.events(b.stuck.Order), "refund.created", "to give it back would give it back twice")

		require.Equal(t, b.clock.Now().UTC().Truncate(time.Microsecond), b.payment(b.stuck.ID).NextCheckAt)
		b.cancellations.back = back
		p := b.query(orders.OutcomeSucceeded)
		require.Equal(t, back, p.Status == orders.PaymentFailed)
		require.Equal(t, !back, p.Status == orders.PaymentSucceeded)
		require.False(t, b.get(b.stuck.Order).NeedsReview)
	}
}
