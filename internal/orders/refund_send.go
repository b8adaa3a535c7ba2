package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/details"
	"tillway/internal/failpoint"
	"tillway/internal/idempotency"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// RefundResult is the refund as it stands when the caller is answered.
type RefundResult struct {
	Refund Refund
	// Replayed: the key had begun this refund before; nothing was sent now.
	Replayed bool
}

// Refund gives money back: it records the refund with its reservation (T1), applies for it at the provider once, and records
// the answer (T2). The caller waits at most the caller's deadline; the refund it returns may then still be pending. A refund
// is recorded also while the provider is away: it is sent when it is back. One that needs an approval is recorded, and sent by
// ApproveRefund.
//
// It returns a fault: Invalid for a bad request; Refused refund_exceeds_remaining, currency_not_supported or
// idempotency_key_reused; Conflict possible_duplicate_refund or idempotency_in_flight.
func (s *Service) Refund(ctx context.Context, req RefundRequest) (RefundResult, error) {
	if err := req.validate(); err != nil {
		return RefundResult{}, err
	}
	if result, err := s.replayRefund(ctx, req.Idempotency); !errors.Is(err, errNoReplay) {
		return result, err
	}
	r, err := s.beginRefund(ctx, req)
	if postgres.IsUnique(err, "refunds_idempotency_key") || refused(err) {
		// What forbids it, or looks like a duplicate of it, may be what another request with the same key has begun meanwhile.
		if result, again := s.replayRefund(ctx, req.Idempotency); !errors.Is(again, errNoReplay) {
			return result, again
		}
	}
	if err != nil {
		return RefundResult{}, fmt.Errorf("begin a refund: %w", postgres.Translate(err))
	}
	if r.AwaitsApproval() {
		return RefundResult{Refund: r}, nil
	}
	return RefundResult{Refund: s.deliverFor(ctx, r)}, nil
}

// deliverFor delivers a refund on a context that outlives the caller, and waits as long as the caller may wait.
func (s *Service) deliverFor(ctx context.Context, r Refund) Refund {
	done := make(chan Refund, 1)
	s.inFlight.Go(func() { done <- s.deliver(context.WithoutCancel(ctx), r) })
	deadline := time.NewTimer(s.config.CallerDeadline)
	defer deadline.Stop()
	select {
	case sent := <-done:
		return sent
	case <-deadline.C:
	case <-ctx.Done():
	}
	return r
}

// replayRefund answers a repeated request from the row that its key created; errNoReplay when the key created none.
func (s *Service) replayRefund(ctx context.Context, idem Idempotency) (RefundResult, error) {
	if idem.Key == "" {
		return RefundResult{}, errNoReplay
	}
	row, err := s.queries.RefundByIdempotencyKey(ctx, dbsqlc.RefundByIdempotencyKeyParams{
		Principal: idem.Principal, Key: idem.Key,
	})
	if postgres.IsNoRows(err) {
		return RefundResult{}, errNoReplay
	}
	if err != nil {
		return RefundResult{}, fmt.Errorf("read the refund of a repeated key: %w", postgres.Translate(err))
	}
	if err := idem.Matches(row.IdempotencyFingerprint); err != nil {
		return RefundResult{}, err
	}
	r, err := refundFromRow(row)
	if err != nil {
		return RefundResult{}, err
	}
	if r.Status == RefundPending && r.ProviderTransactionID == "" && !r.AwaitsApproval() && s.now().Sub(r.CreatedAt) < s.replayPatience() {
		return RefundResult{}, idempotency.InFlight()
	}
	return RefundResult{Refund: r, Replayed: true}, nil
}

// deliver takes an unsent refund, applies for it at the provider and records the answer. Taking it is a commit of its own:
// whatever dies afterwards, the refund is only asked about. When somebody else has taken it, it is returned as it stands.
func (s *Service) deliver(ctx context.Context, r Refund) Refund {
	origin, err := s.originOf(ctx, r)
	if err != nil {
		s.log.ErrorContext(ctx, "read the payment to refund", slog.String("refund", r.ID.String()), slog.Any("error", err))
		return r
	}
	began := s.realNow()
	r, taken, err := s.take(ctx, r)
	if err != nil {
		s.log.ErrorContext(ctx, "take a refund to be sent", slog.String("refund", r.ID.String()), slog.Any("error", err))
	}
	if !taken {
		return r
	}
	failpoint.Hit(failpoint.RefundTaken)
	ev := s.sendRefund(ctx, r, origin, began)
	failpoint.Hit(failpoint.RefundAnswered)
	ev.send = r.Sends
	s.insist(ctx, r.ID.String(), func(ctx context.Context) error {
		applied, _, err := s.ApplyRefund(ctx, RefundName{MerchantTxnID: r.MerchantTxnID}, ev, nil)
		if err == nil {
			r = applied
		}
		return err
	})
	failpoint.Hit(failpoint.RefundAfterT2)
	return r
}

// originOf is the provider's transaction that the refund is about.
func (s *Service) originOf(ctx context.Context, r Refund) (string, error) {
	p, err := s.GetPayment(ctx, r.Payment)
	if err != nil {
		return "", err
	}
	return s.refundOrigin(ctx, p)
}

// take marks the refund as sent, and reports whether it was us who did. It returns the refund as it is then.
func (s *Service) take(ctx context.Context, r Refund) (Refund, bool, error) {
	now := s.now()
	row, err := s.queries.RefundTake(ctx, dbsqlc.RefundTakeParams{
		ID: r.ID.UUID(), Now: now, NextCheckAt: s.config.Schedule.Next(now, now),
	})
	if postgres.IsNoRows(err) {
		current, err := s.GetRefund(ctx, r.ID)
		return current, false, err
	}
	if err != nil {
		return r, false, postgres.Translate(err)
	}
	taken, err := refundFromRow(row)
	return taken, err == nil, err
}

// sendRefund calls the provider, once, within the time that a call may take since the refund was about to be taken, in real
// time. A machine that was paused in between must not send now: the refund may have been settled, and its amount given back
// another way.
func (s *Service) sendRefund(ctx context.Context, r Refund, origin string, began time.Time) (ev RefundEvidence) {
	left := s.config.ChargeTimeout - max(0, s.realNow().Sub(began))
	if left <= 0 {
		return RefundEvidence{Source: SourceAnswer, Outcome: RefundOutcomeNeverSent}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, left, errors.New("the provider did not answer in time"))
	defer cancel()
	defer func() {
		if recover() != nil {
			s.log.ErrorContext(ctx, "panic while refunding", slog.String("refund", r.ID.String()))
			ev = RefundEvidence{Source: SourceAnswer, Outcome: RefundOutcomeUnknown}
		}
	}()
	return s.config.refunds().Refund(ctx, RefundApplication{
		MerchantTxnID: r.MerchantTxnID, OriginTransactionID: origin, Amount: r.Amount,
		SandboxFault: details.SandboxFault(s.config.Livemode, r.Metadata),
	})
}
