package timeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// cancellations takes every cancellation on and gives nothing back.
type cancellations struct{}

func (cancellations) Cancel(context.Context, string) error { return nil }

func (cancellations) GivenBack(context.Context, orders.GivenBackQuery) (bool, error) {
	return false, nil
}

func TestTell_ACancellation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	working := succeeded(t, "t-1")
	working.Outcome = orders.OutcomeProcessing
	p := b.pay(merchant, working)
	b.wait(6 * time.Minute)
	_, err := b.service.CancelPayment(t.Context(), orders.CaptureRequest{Payment: p.ID, CorrelationID: "test"})
	require.NoError(t, err)
	b.wait(time.Second)
	b.notified(p, succeeded(t, "t-1"))
	b.requireTold("canceling")
	b.wait(time.Second)
	back := succeeded(t, "")
	back.Outcome = orders.OutcomeReversed
	b.notified(p, back)
	b.requireTold("canceled_at_the_provider")
}
