package orders_test

import (
	"context"
	"errors"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/orders"
)

// chargeback lets the shopper's bank take money back, or only warn of it.
func (s *story) chargeback(rt *rapid.T) deed {
	which, part := drawWhich(rt), fairly([]int64{0, 0, 1000, 2700}).Draw(rt, "chargeback of")
	warns := chance(rt, 4, "only warns")
	return func(context.Context, *orders.Service) error {
		if warns {
			s.provider.warn(which)
		} else {
			s.provider.raise(which, part)
		}
		return nil
	}
}

// goOnDispute lets a case go on.
func (s *story) goOnDispute(rt *rapid.T) deed {
	which, to := drawWhich(rt), fairly(orders.DisputePhases()).Draw(rt, "goes to")
	deleted := chance(rt, 8, "deleted")
	return func(context.Context, *orders.Service) error {
		s.provider.advance(which, to, deleted)
		return nil
	}
}

// notifyDispute delivers a notification of a dispute. One that is not on record is asked about first, as the receiver does.
func (s *story) notifyDispute(which, piece int) deed {
	return func(ctx context.Context, process *orders.Service) error {
		ev, some := s.provider.disputeNews(which, piece)
		if !some {
			return nil
		}
		_, _, err := process.ApplyDispute(ctx, ev, nil)
		if !errors.Is(err, orders.ErrNoDispute) {
			return unknownIsFine(err)
		}
		if err := process.Discover(ctx, orders.DisputeNews{Evidence: ev}, time.Minute); err != nil {
			return unknownIsFine(err)
		}
		_, _, err = process.ApplyDispute(ctx, ev, nil)
		return err
	}
}

// unknownIsFine lets pass what cannot be recorded yet: the provider has not told of the payment, or is down, or of the case knows
// nothing any more.
func unknownIsFine(err error) error {
	if errors.Is(err, orders.ErrNoPayment) || errors.Is(err, orders.ErrNoDispute) || errors.Is(err, errModelDown) {
		return nil
	}
	return err
}

// readChargebacks reads the provider's list, as it is done every day.
func (s *story) readChargebacks(*rapid.T) deed {
	return func(ctx context.Context, process *orders.Service) error {
		now := s.clock.Now()
		for page, more := 1, true; more; page++ {
			var err error
			more, err = process.ImportDisputes(ctx, now.Add(-72*time.Hour), now, page)
			if err != nil {
				return unknownIsFine(err)
			}
		}
		return nil
	}
}

// sweepDisputes asks about disputes, as the workers do.
func (s *story) sweepDisputes(ctx context.Context, process *orders.Service) error {
	due, err := process.ClaimDueDisputes(ctx, 1000)
	if err != nil {
		return err
	}
	for _, d := range due {
		if d.Order != s.order {
			continue
		}
		if err := process.SettleDispute(ctx, d, time.Minute); err != nil && !errors.Is(err, errModelDown) {
			return err
		}
	}
	return nil
}

func (s *story) disputes(rt *rapid.T) []orders.Dispute {
	list, err := s.processes[0].ListDisputes(rt.Context(), orders.DisputeFilter{Order: s.order}, orders.Page{Limit: 100})
	require.NoError(rt, err)
	require.False(rt, list.HasMore)
	return list.Data
}

// checkDisputes is what holds of disputes at every moment: a payment's claims are those of its disputes, what is there of them is
// disputed, and a person knows of what is not.
func (s *story) checkDisputes(rt *rapid.T) {
	if s.provider.holds() {
		return // what is recorded meanwhile would be read half
	}
	o, payments, _ := s.read(rt)
	disputes := s.disputes(rt)
	var disputed int64
	for _, p := range payments {
		var claimed int64
		for _, d := range disputes {
			if d.Payment == p.ID {
				claimed += d.Claimed
			}
		}
		require.Equal(rt, claimed, p.AmountClaimed)
		there := max(0, min(claimed, p.AmountCaptured-p.AmountRefunded-p.AmountRefundPending))
		require.Equal(rt, there, p.AmountDisputed)
		if !p.Surplus {
			disputed += there
		}
		if claimed > there {
			told, err := s.countOf(rt.Context(),
				"SELECT count(*) FROM discrepancies WHERE payment_id = $1 AND class = 'over_dispute' AND status = 'open'", p.ID.UUID())
			require.NoError(rt, err)
			require.Positive(rt, told, "nobody knows that the bank has taken %d of %d", claimed, there)
		}
	}
	require.Equal(rt, disputed, o.AmountDisputed)
	for _, d := range disputes {
		require.False(rt, d.Stage != orders.DisputePreDispute && !d.Status.Closed() && d.NextCheckAt.IsZero(), "nobody asks about %s", d.ID)
	}
}

// tellAllOfDisputes has the list read and delivers every notification of every case once more.
func (s *story) tellAllOfDisputes(rt *rapid.T) {
	require.NoError(rt, s.readChargebacks(rt)(rt.Context(), s.processes[0]))
	for which, k := range s.provider.disputesNow() {
		for piece := range k.said {
			require.NoError(rt, s.notifyDispute(which, piece)(rt.Context(), s.processes[0]))
		}
	}
	for range 3 { // what is denied is denied often enough
		s.clock.advance(25 * time.Hour)
		require.NoError(rt, s.sweepDisputes(rt.Context(), s.processes[0]))
	}
}

// requireDisputesAgree is what holds in the end: every chargeback is on record, and stands where it stands at the provider.
func (s *story) requireDisputesAgree(rt *rapid.T) {
	type known struct {
		warning bool
		id      string
	}
	ours := map[known]orders.Dispute{}
	for _, d := range s.disputes(rt) {
		ours[known{d.Stage == orders.DisputePreDispute, d.ProviderDisputeID}] = d
	}
	for _, k := range s.provider.disputesNow() {
		d, on := ours[known{k.phase == "", k.id}]
		if !on {
			require.True(rt, k.deleted, "%s is not on record", k.id)
			continue
		}
		require.Equal(rt, k.amount, d.Amount, k.id)
		want, takes := statusOf(k.phase), int64(0)
		if k.takes() {
			takes = k.amount.Minor
		}
		require.Equal(rt, want, d.Status, "%s is %s there", k.id, k.phase)
		require.Equal(rt, takes, d.Claimed)
		delete(ours, known{k.phase == "", k.id})
	}
	require.Empty(rt, ours, "the provider knows nothing of them")
}

// statusOf is the status that callers see in a phase.
func statusOf(phase orders.DisputePhase) orders.DisputeStatus {
	return map[orders.DisputePhase]orders.DisputeStatus{
		"": orders.DisputeWarning, orders.PhaseRaised: orders.DisputeOpen,
		orders.PhaseFirstAppeal: orders.DisputeUnderReview, orders.PhaseSecondAppeal: orders.DisputeUnderReview,
		orders.PhaseFirstAppealWon: orders.DisputeWon, orders.PhaseSecondAppealWon: orders.DisputeWon,
		orders.PhaseFirstAppealLost: orders.DisputeLost, orders.PhaseSecondAppealLost: orders.DisputeLost,
		orders.PhaseAccepted: orders.DisputeAccepted, orders.PhaseWithdrawn: orders.DisputeWithdrawn,
	}[phase]
}
