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

// askAgainLater is the hint to whoever asked in vain.
const askAgainLater = 10 * time.Second

// Settle asks the provider about a payment whose outcome is open or unconfirmed, applies the answer and returns the payment
// as it is then. Patience bounds the question. When the question is not answered the payment is returned as we know it,
// together with the error.
func (s *Service) Settle(ctx context.Context, id ids.Payment, patience time.Duration) (Payment, error) {
	p, err := s.GetPayment(ctx, id)
	if err != nil {
		return Payment{}, err
	}
	if !p.Status.Open() && (p.Confirmed || !p.Status.Live()) {
		return p, nil
	}
	return s.Ask(ctx, p, patience)
}

// Ask asks the provider about a payment, whatever its status, and applies the answer.
func (s *Service) Ask(ctx context.Context, p Payment, patience time.Duration) (Payment, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if asked, ending, err := s.askEnding(ctx, p, patience); ending {
		return asked, err
	}
	askedAt := s.now()
	ev, err := s.gateway.Find(ctx, Query{MerchantTxnID: p.MerchantTxnID, Amount: p.Amount, Method: p.Method, Patience: patience})
	if err != nil {
		return p, fmt.Errorf("ask about payment %s: %w", p.ID, unanswered(err))
	}
	if ev, err = s.withReturn(ctx, p, ev); err != nil {
		return p, fmt.Errorf("ask about payment %s: %w", p.ID, unanswered(err))
	}
	ev.askedAt = askedAt
	// An answer that has come is recorded even when the patience for asking has run out.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	failpoint.Hit(failpoint.SettleAnswered)
	applied, err := s.Apply(ctx, p.MerchantTxnID, ev, nil)
	if err != nil {
		return p, err
	}
	failpoint.Hit(failpoint.SettleApplied)
	return applied.Payment, nil
}

// unanswered makes a fault of a question that the provider did not answer. It is no evidence, so nothing has changed.
func unanswered(err error) error {
	if fault.KindOf(err) != fault.Internal {
		return err
	}
	return fault.Down("provider_unavailable", askAgainLater, err,
		"The payment provider did not answer the question. Nothing has changed; ask again later.")
}

// ClaimDue takes payments whose check is due, at most batch of them, away from other workers for a while and returns them.
// Rows that cannot be read are told in the error, beside the payments that can.
func (s *Service) ClaimDue(ctx context.Context, batch int) ([]Payment, error) {
	now := s.now()
	rows, err := s.queries.PaymentsClaimDue(ctx, dbsqlc.PaymentsClaimDueParams{
		Now: now, LeaseUntil: now.Add(settleLease), Batch: int32(batch), //nolint:gosec // small
	})
	if err != nil {
		return nil, fmt.Errorf("claim due payments: %w", postgres.Translate(err))
	}
	if len(rows) > 0 {
		failpoint.Hit(failpoint.SettleClaimed)
	}
	return read(rows, paymentFromRow)
}

// SettlePayment brings a claimed payment forward: one whose hold is about to lapse is warned of or given up, any other is
// asked about. When the provider does not answer, the next check is set.
func (s *Service) SettlePayment(ctx context.Context, p Payment, patience time.Duration) error {
	if s.rules().expiring(p, s.now()) {
		return s.endHold(ctx, p)
	}
	_, err := s.Ask(ctx, p, patience)
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	return errors.Join(err, s.bearSilence(ctx, p))
}

// bearSilence sets a claimed payment's next check after a question that was not answered. Silence for as long as the provider is
// asked on our own is news: the order then needs a person.
func (s *Service) bearSilence(ctx context.Context, p Payment) error {
	now := s.now()
	if now.Sub(p.SentAt) > queriedUntil {
		_, err := s.Apply(ctx, p.MerchantTxnID, Evidence{Source: SourceQuery, Outcome: OutcomeUnknown}, nil)
		return err
	}
	return s.postpone(ctx, p, s.config.Schedule.afterSilence(p.SentAt, now))
}

// postpone gives a claimed check back for later, unless news has moved it meanwhile.
func (s *Service) postpone(ctx context.Context, p Payment, next time.Time) error {
	err := s.queries.PaymentPostpone(ctx, dbsqlc.PaymentPostponeParams{ID: p.ID.UUID(), LeaseUntil: p.NextCheckAt, NextCheckAt: next})
	if err != nil {
		return fmt.Errorf("postpone the check of payment %s: %w", p.ID, postgres.Translate(err))
	}
	return nil
}

// OldestUnresolved returns how long ago the oldest payment, capture or void was sent whose outcome is still open; zero when none
// is.
func (s *Service) OldestUnresolved(ctx context.Context) (time.Duration, error) {
	sentAt, err := s.queries.PaymentOldestOpen(ctx)
	if postgres.IsNoRows(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find the oldest open payment: %w", postgres.Translate(err))
	}
	return max(0, s.now().Sub(sentAt)), nil
}
