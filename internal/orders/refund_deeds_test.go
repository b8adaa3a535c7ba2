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

func drawRefundFate(rt *rapid.T) refundFate {
	return refundFate{
		arrives:  !chance(rt, 2, "refund gets lost"),
		lost:     chance(rt, 5, "no answer to the refund"),
		unlisted: fairly([]time.Duration{0, 0, time.Minute, 10 * time.Minute}).Draw(rt, "refund unlisted"),
	}
}

// refund asks for a part or all of what the order's payment still holds.
func (s *story) refund(rt *rapid.T, number int) deed {
	parts := fairly([]int64{0, 0, 1, 900, 1600, 2700, 5000}).Draw(rt, "refund of")
	return func(ctx context.Context, process *orders.Service) error {
		req := orders.RefundRequest{
			Order: s.order, AllowDuplicate: true, Principal: "who asks", Idempotency: key(fmt.Sprintf("%s-refund-%d", s.order, number)),
		}
		if parts > 0 {
			req.Amount = &parts
		}
		_, err := process.Refund(ctx, req)
		return refusalIsFine(err)
	}
}

// withdraw takes one of the order's refunds back.
func (s *story) withdraw(rt *rapid.T) deed {
	which := drawWhich(rt)
	return func(ctx context.Context, process *orders.Service) error {
		list, err := process.ListRefunds(ctx, orders.RefundFilter{Order: s.order}, orders.Page{Limit: 100})
		if err != nil || len(list.Data) == 0 {
			return err
		}
		_, err = process.CancelRefund(ctx, list.Data[which%len(list.Data)].ID)
		return refusalIsFine(err)
	}
}

// decide lets a second person approve or reject one of the order's refunds, and the one who asked try to.
func (s *story) decide(rt *rapid.T) deed {
	which, approves := drawWhich(rt), chance(rt, 6, "approves")
	return func(ctx context.Context, process *orders.Service) error {
		list, err := process.ListRefunds(ctx, orders.RefundFilter{Order: s.order, Approval: orders.RefundApprovalRequired}, orders.Page{Limit: 100})
		if err != nil || len(list.Data) == 0 {
			return err
		}
		id := list.Data[which%len(list.Data)].ID
		if _, err := process.ApproveRefund(ctx, id, "who asks"); err == nil {
			return errors.New("who asked for a refund has approved it")
		}
		if approves {
			_, err = process.ApproveRefund(ctx, id, "who decides")
		} else {
			_, err = process.RejectRefund(ctx, id, "who decides")
		}
		return refusalIsFine(err)
	}
}

// goOnRefund lets the provider go on with a refund.
func (s *story) goOnRefund(rt *rapid.T) deed {
	which, outcome := drawWhich(rt), fairly([]orders.RefundOutcome{
		orders.RefundOutcomeProcessing, orders.RefundOutcomeSucceeded, orders.RefundOutcomeSucceeded,
		orders.RefundOutcomeDeclined, orders.RefundOutcomeRejected,
	}).Draw(rt, "refund outcome")
	return func(context.Context, *orders.Service) error {
		s.provider.moveRefund(which, outcome)
		return nil
	}
}

// notifyRefund delivers a notification of a refund.
func (s *story) notifyRefund(which, piece int) deed {
	return func(ctx context.Context, process *orders.Service) error {
		reference, ev, some := s.provider.refundNews(which, piece)
		if !some {
			return nil
		}
		_, _, err := process.ApplyRefund(ctx, orders.RefundName{MerchantTxnID: reference}, ev, nil)
		return err
	}
}

// sweepRefunds sends what waits to be sent and asks about the others, as the workers do.
func (s *story) sweepRefunds(ctx context.Context, process *orders.Service) error {
	due, err := process.ClaimDueRefunds(ctx, 1000)
	if err != nil {
		return err
	}
	for _, r := range due {
		if r.Order != s.order {
			continue
		}
		if err := process.SettleRefund(ctx, r, time.Minute); err != nil && !errors.Is(err, errModelDown) {
			return err
		}
	}
	return nil
}

func (s *story) refunds(rt *rapid.T) []orders.Refund {
	list, err := s.processes[0].ListRefunds(rt.Context(), orders.RefundFilter{Order: s.order}, orders.Page{Limit: 100})
	require.NoError(rt, err)
	require.False(rt, list.HasMore)
	return list.Data
}

// checkRefunds is what holds of refunds at every moment: the amounts on payments are those of their refunds, and nothing is
// taken for given back that is not.
func (s *story) checkRefunds(rt *rapid.T) {
	if s.provider.holds() {
		return // what is recorded meanwhile would be read half
	}
	_, payments, _ := s.read(rt)
	refunds := s.refunds(rt)
	for _, p := range payments {
		var refunded, pending int64
		counted := 0
		for _, r := range refunds {
			switch {
			case r.Payment != p.ID:
			case r.Status.Open():
				pending += r.Amount.Minor
				counted++
			case r.Status == orders.RefundSucceeded:
				refunded += r.Amount.Minor
				counted++
			}
		}
		require.Equal(rt, counted, p.RefundCount)
		require.Equal(rt, refunded, p.AmountRefunded)
		require.Equal(rt, pending, p.AmountRefundPending)
	}
	for _, r := range refunds {
		if r.Status == orders.RefundSucceeded {
			require.Equal(rt, orders.RefundOutcomeSucceeded, s.provider.givenBack(r.MerchantTxnID), "%s is taken for given back", r.ID)
		}
		require.False(rt, r.Status.Open() && r.NextCheckAt.IsZero() && !r.AwaitsApproval(), "nobody asks about %s", r.ID)
		require.False(rt, r.Sends > 0 && r.Approval != nil && r.Approval.Status != orders.RefundApprovalApproved, "nobody approved %s", r.ID)
	}
}

// tellAllOfRefunds delivers every notification of every refund once more, the latest last.
func (s *story) tellAllOfRefunds(rt *rapid.T) {
	refunds, pieces := s.provider.refundsSaid()
	for which := range refunds {
		for piece := range pieces {
			require.NoError(rt, s.notifyRefund(which, piece)(rt.Context(), s.processes[0]))
		}
	}
}

// requireRefundsAgree is what holds in the end: what the provider gave back is refunded here, and nothing else.
func (s *story) requireRefundsAgree(rt *rapid.T) {
	for _, r := range s.refunds(rt) {
		theirs := s.provider.givenBack(r.MerchantTxnID)
		require.Equal(rt, theirs == orders.RefundOutcomeSucceeded, r.Status == orders.RefundSucceeded,
			"%s is %s here and %q there", r.ID, r.Status, theirs)
	}
}
