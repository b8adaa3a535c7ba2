package orders_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/orders"
)

func drawEndingFate(rt *rapid.T) endingFate {
	return endingFate{
		arrives: !chance(rt, 2, "capture gets lost"),
		lost:    chance(rt, 5, "no answer to the capture"),
		outcome: fairly([]orders.Outcome{
			orders.OutcomeSucceeded, orders.OutcomeSucceeded, orders.OutcomeProcessing, orders.OutcomeDeclined,
		}).Draw(rt, "capture outcome"),
		unlisted: fairly([]time.Duration{0, 0, time.Minute, 10 * time.Minute}).Draw(rt, "capture unlisted"),
	}
}

// endHold captures or voids the order's latest payment.
func (s *story) endHold(rt *rapid.T, number int) deed {
	void, part := chance(rt, 6, "void"), fairly([]int64{0, 0, 1, 1000, 2700, 2701}).Draw(rt, "capture of")
	return func(ctx context.Context, process *orders.Service) error {
		o, err := process.Get(ctx, s.order)
		if err != nil || o.LatestPayment.IsZero() {
			return err
		}
		req := orders.CaptureRequest{
			Payment: o.LatestPayment, Idempotency: key(fmt.Sprintf("%s-end-%d", s.order, number)), CorrelationID: "test",
		}
		if void {
			_, err = process.Void(ctx, req)
			return refusalIsFine(err)
		}
		if part > 0 {
			req.Amount = &part
		}
		_, err = process.Capture(ctx, req)
		return refusalIsFine(err)
	}
}

// goOnEnding lets the provider go on with a capture or void.
func (s *story) goOnEnding(rt *rapid.T) deed {
	which, outcome := drawWhich(rt), fairly([]orders.Outcome{
		orders.OutcomeSucceeded, orders.OutcomeSucceeded, orders.OutcomeDeclined,
	}).Draw(rt, "capture goes on")
	return func(context.Context, *orders.Service) error {
		s.provider.moveEnding(which, outcome)
		return nil
	}
}

// notifyEnding delivers a notification of a capture or void.
func (s *story) notifyEnding(which, piece int) deed {
	return func(ctx context.Context, process *orders.Service) error {
		reference, ev, some := s.provider.endingNews(which, piece)
		if !some {
			return nil
		}
		_, _, err := process.ApplyModification(ctx, reference, ev, nil)
		return err
	}
}

// sweepEndings asks about captures and voids, as the workers do.
func (s *story) sweepEndings(ctx context.Context, process *orders.Service) error {
	due, err := process.ClaimDueModifications(ctx, 1000)
	if err != nil {
		return err
	}
	for _, m := range due {
		if m.Order != s.order {
			continue
		}
		if err := process.SettleModification(ctx, m, time.Minute); err != nil && !errors.Is(err, errModelDown) {
			return err
		}
	}
	return nil
}

// openEndings is how many captures and voids have no end here.
func (s *story) openEndings(rt *rapid.T) int {
	open, err := s.countOf(rt.Context(),
		"SELECT count(*) FROM modifications WHERE order_id = $1 AND status IN ('pending', 'unknown')", s.order.UUID())
	require.NoError(rt, err)
	return open
}

// tellAllOfEndings delivers every notification of every capture and void once more.
func (s *story) tellAllOfEndings(rt *rapid.T) {
	endings, pieces := s.provider.endingsSaid()
	for which := range endings {
		for piece := range pieces {
			require.NoError(rt, s.notifyEnding(which, piece)(rt.Context(), s.processes[0]))
		}
	}
}
