package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// ClaimDueRefunds takes refunds that are due to be sent or asked about, at most batch of them, away from other workers for a
// while. Rows that cannot be read are told in the error, beside the refunds that can.
func (s *Service) ClaimDueRefunds(ctx context.Context, batch int) ([]Refund, error) {
	now := s.now()
	rows, err := s.queries.RefundsClaimDue(ctx, dbsqlc.RefundsClaimDueParams{
		Now: now, LeaseUntil: now.Add(settleLease), Batch: int32(batch), //nolint:gosec // small
	})
	if err != nil {
		return nil, fmt.Errorf("claim due refunds: %w", postgres.Translate(err))
	}
	if len(rows) > 0 {
		failpoint.Hit(failpoint.SettleRefundClaimed)
	}
	return read(rows, refundFromRow)
}

// SettleRefund brings a claimed refund forward: one that was never sent is sent, any other is asked about. When the provider
// does not answer, the next check is set.
func (s *Service) SettleRefund(ctx context.Context, r Refund, patience time.Duration) error {
	if r.Status == RefundPending && r.SentAt.IsZero() {
		s.deliver(ctx, r)
		return nil
	}
	_, err := s.AskRefund(ctx, r, patience)
	if err == nil {
		return nil
	}
	return errors.Join(err, s.bearRefundSilence(ctx, r))
}

// AskRefund asks the provider about a refund, whatever its status, and applies the answer.
func (s *Service) AskRefund(ctx context.Context, r Refund, patience time.Duration) (Refund, error) {
	query, err := s.refundQuery(ctx, r)
	if err != nil {
		return r, err
	}
	query.Patience = patience
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	askedAt := s.now()
	ev, err := s.config.refunds().FindRefund(asking, query)
	if err != nil {
		return r, fmt.Errorf("ask about refund %s: %w", r.ID, err)
	}
	failpoint.Hit(failpoint.SettleRefundAnswered)
	ev.askedAt = askedAt
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	applied, _, err := s.ApplyRefund(ctx, RefundName{MerchantTxnID: r.MerchantTxnID}, ev, nil)
	if err != nil {
		return r, err
	}
	failpoint.Hit(failpoint.SettleRefundApplied)
	return applied, nil
}

// refundQuery gathers what may find the refund at the provider, and what else its payment has there.
func (s *Service) refundQuery(ctx context.Context, r Refund) (RefundQuery, error) {
	p, err := s.GetPayment(ctx, r.Payment)
	if err != nil {
		return RefundQuery{}, err
	}
	rows, err := s.queries.RefundsOfPayment(ctx, p.ID.UUID())
	if err != nil {
		return RefundQuery{}, fmt.Errorf("read the refunds of %s: %w", p.ID, postgres.Translate(err))
	}
	origin, err := s.refundOrigin(ctx, p)
	if err != nil {
		return RefundQuery{}, err
	}
	query := RefundQuery{
		MerchantTxnID: r.MerchantTxnID, ProviderTransactionID: r.ProviderTransactionID,
		OriginTransactionID: origin, Amount: r.Amount, Age: s.now().Sub(r.CreatedAt),
		// Early, and again before a denial is believed.
		Thorough: r.NotFoundCount == 1 || s.now().Sub(r.since()) >= s.config.NotFoundAfter,
	}
	for _, row := range rows {
		other, err := refundFromRow(row)
		switch {
		case err != nil:
			return RefundQuery{}, err
		case other.ID == r.ID:
		case other.ProviderTransactionID != "":
			query.Bound = append(query.Bound, other.ProviderTransactionID)
		case other.Amount == r.Amount && other.mayBeThere():
			query.Rivals++
		}
	}
	return query, nil
}

// mayBeThere reports whether the provider may have the refund although it has not told us its transaction.
func (r Refund) mayBeThere() bool {
	denied := r.Failure != nil && r.Failure.Code == failureRefundNotReceived
	return !r.SentAt.IsZero() && (r.Status.Open() || denied)
}

// bearRefundSilence does for a claimed refund what bearSilence does for a payment.
func (s *Service) bearRefundSilence(ctx context.Context, r Refund) error {
	now := s.now()
	if now.Sub(r.since()) > queriedUntil && r.Status.Open() {
		_, _, err := s.ApplyRefund(ctx, RefundName{MerchantTxnID: r.MerchantTxnID},
			RefundEvidence{Source: SourceQuery, Outcome: RefundOutcomeUnknown}, nil)
		return err
	}
	err := s.queries.RefundPostpone(ctx, dbsqlc.RefundPostponeParams{
		ID: r.ID.UUID(), LeaseUntil: r.NextCheckAt, NextCheckAt: s.config.Schedule.afterSilence(r.since(), now),
	})
	if err != nil {
		return fmt.Errorf("postpone the check of refund %s: %w", r.ID, postgres.Translate(err))
	}
	return nil
}

// CancelRefund withdraws a refund that has not been carried out. One that was never sent ends at once; one in review is
// withdrawn at the provider, whose record then says what became of it. Canceling a canceled refund answers it again. It
// returns a fault NotFound, or Conflict refund_not_cancelable.
func (s *Service) CancelRefund(ctx context.Context, id ids.Refund) (Refund, error) {
	r, err := s.GetRefund(ctx, id)
	if err != nil || r.Status == RefundCanceled {
		return r, err
	}
	if r.AwaitsApproval() {
		if canceled, err := s.cancelAwaiting(ctx, r); !errors.Is(err, errDecidedMeanwhile) {
			return canceled, err
		}
		return s.CancelRefund(ctx, id) // a decision is taken once, so this is not repeated
	}
	if r.Status == RefundPending && r.SentAt.IsZero() {
		return s.cancelUnsent(ctx, r)
	}
	if !r.Withdrawable() {
		return r, fault.New(fault.Conflict, "refund_not_cancelable", "The refund is %s and cannot be withdrawn.", r.Status)
	}
	err = s.config.refunds().Withdraw(ctx, RefundApplication{
		MerchantTxnID: r.MerchantTxnID, OriginTransactionID: r.ProviderTransactionID, Amount: r.Amount,
	})
	if fault.KindOf(err) == fault.Conflict {
		return r, err
	}
	// Done, or perhaps done: the provider's record tells. If it cannot be asked now, the sweep asks.
	asked, askErr := s.AskRefund(ctx, r, s.config.CallerDeadline)
	if askErr == nil {
		return asked, nil
	}
	if err := s.queries.RefundAskNow(ctx, dbsqlc.RefundAskNowParams{ID: id.UUID(), Now: s.now()}); err != nil {
		return r, fmt.Errorf("ask about refund %s soon: %w", id, postgres.Translate(err))
	}
	return r, nil
}

// Withdrawable reports whether the refund can still be taken back: before it is sent, or while it is in review.
func (r Refund) Withdrawable() bool {
	return r.Status == RefundPending && r.SentAt.IsZero() || r.Status == RefundInReview && r.ProviderTransactionID != ""
}

// cancelUnsent takes a refund that nobody has sent, so that nobody will, and ends it.
func (s *Service) cancelUnsent(ctx context.Context, r Refund) (Refund, error) {
	r, taken, err := s.take(ctx, r)
	if err != nil {
		return r, err
	}
	if !taken {
		return r, fault.New(fault.Conflict, "refund_not_cancelable", "The refund is being sent to the provider. Try again.")
	}
	canceled, _, err := s.ApplyRefund(ctx, RefundName{MerchantTxnID: r.MerchantTxnID},
		RefundEvidence{Source: SourceAnswer, Outcome: RefundOutcomeWithdrawn}, nil)
	return canceled, err
}
