package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// ClaimDueModifications takes captures and voids that are due to be asked about, at most batch of them, away from other
// workers for a while. Rows that cannot be read are told in the error, beside those that can.
func (s *Service) ClaimDueModifications(ctx context.Context, batch int) ([]Modification, error) {
	now := s.now()
	rows, err := s.queries.ModificationsClaimDue(ctx, dbsqlc.ModificationsClaimDueParams{
		Now: now, LeaseUntil: now.Add(settleLease), Batch: int32(batch), //nolint:gosec // small
	})
	if err != nil {
		return nil, fmt.Errorf("claim due captures and voids: %w", postgres.Translate(err))
	}
	if len(rows) > 0 {
		failpoint.Hit(failpoint.SettleModificationClaimed)
	}
	return read(rows, modificationFromRow)
}

// SettleModification asks the provider about a claimed capture or void and applies the answer. When the question is not
// answered, the next check is set.
func (s *Service) SettleModification(ctx context.Context, m Modification, patience time.Duration) error {
	_, err := s.askModification(ctx, m, patience)
	if err == nil {
		return nil
	}
	return errors.Join(err, s.bearModificationSilence(ctx, m))
}

func (s *Service) askModification(ctx context.Context, m Modification, patience time.Duration) (Payment, error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ev, err := s.config.modifications().FindModification(asking, Query{
		MerchantTxnID: m.MerchantTxnID, Amount: m.Amount, Patience: patience,
	})
	if err != nil {
		return Payment{}, fmt.Errorf("ask about %s %s: %w", m.Kind, m.ID, unanswered(err))
	}
	failpoint.Hit(failpoint.SettleModificationAnswered)
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	p, _, err := s.ApplyModification(ctx, m.MerchantTxnID, ev, nil)
	if err == nil {
		failpoint.Hit(failpoint.SettleModificationApplied)
	}
	return p, err
}

// askEnding asks about the capture or void of an authorized or captured payment, which is what the provider has to say of it:
// the authorization's record stays what it was. False when there is none of ours, as where the payment's intent told of one.
func (s *Service) askEnding(ctx context.Context, p Payment, patience time.Duration) (Payment, bool, error) {
	if p.CaptureMethod != CaptureManual || !p.Held() && p.Status != PaymentSucceeded {
		return p, false, nil
	}
	m, err := s.liveModification(ctx, p.ID)
	if errors.Is(err, ErrNoModification) {
		return p, false, nil
	}
	if err != nil {
		return p, true, err
	}
	asked, err := s.askModification(ctx, m, patience)
	if err != nil {
		return p, true, err
	}
	return asked, true, nil
}

// refundOrigin is the provider's transaction that a refund of the payment is about: the capture's where there was one.
func (s *Service) refundOrigin(ctx context.Context, p Payment) (string, error) {
	if p.CaptureMethod != CaptureManual {
		return p.ProviderTransactionID, nil
	}
	m, err := s.liveModification(ctx, p.ID)
	if err != nil {
		return "", err
	}
	if m.ProviderTransactionID == "" {
		return "", fmt.Errorf("the provider has not named the capture of %s yet", p.ID)
	}
	return m.ProviderTransactionID, nil
}

func (s *Service) liveModification(ctx context.Context, payment ids.Payment) (Modification, error) {
	row, err := s.queries.ModificationLive(ctx, payment.UUID())
	if postgres.IsNoRows(err) {
		return Modification{}, ErrNoModification
	}
	if err != nil {
		return Modification{}, fmt.Errorf("read the capture of %s: %w", payment, postgres.Translate(err))
	}
	return modificationFromRow(row)
}

// bearModificationSilence does for a claimed capture or void what bearSilence does for a payment.
func (s *Service) bearModificationSilence(ctx context.Context, m Modification) error {
	now := s.now()
	if now.Sub(m.SentAt) > queriedUntil && m.Status.Open() {
		_, _, err := s.ApplyModification(ctx, m.MerchantTxnID, Evidence{Source: SourceQuery, Outcome: OutcomeUnknown}, nil)
		return err
	}
	err := s.queries.ModificationPostpone(ctx, dbsqlc.ModificationPostponeParams{
		ID: m.ID.UUID(), LeaseUntil: m.NextCheckAt, NextCheckAt: s.config.Schedule.afterSilence(m.SentAt, now),
	})
	if err != nil {
		return fmt.Errorf("postpone the check of %s %s: %w", m.Kind, m.ID, postgres.Translate(err))
	}
	return nil
}
