package orders

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// ClaimDueDisputes takes disputes that are due to be asked about, at most batch of them, away from other workers for a while.
// Rows that cannot be read are told in the error, beside the disputes that can.
func (s *Service) ClaimDueDisputes(ctx context.Context, batch int) ([]Dispute, error) {
	now := s.now()
	rows, err := s.queries.DisputesClaimDue(ctx, dbsqlc.DisputesClaimDueParams{
		Now: now, LeaseUntil: now.Add(settleLease), Batch: int32(batch), //nolint:gosec // small
	})
	if err != nil {
		return nil, fmt.Errorf("claim due disputes: %w", postgres.Translate(err))
	}
	return read(rows, disputeFromRow)
}

// SettleDispute asks the provider about a claimed dispute and applies the answer. When it does not answer, the next check is set:
// soon where the last news was doubtful, else as late as a tenth of the dispute's age, at most a day.
func (s *Service) SettleDispute(ctx context.Context, d Dispute, patience time.Duration) error {
	err := s.learnDispute(ctx, d.ProviderDisputeID, patience)
	if err == nil {
		return nil
	}
	now := s.now()
	again := now.Add(min(max(now.Sub(d.MovedAt)/10, soonestRetry), disputeCheck))
	return errors.Join(err, s.queries.DisputePostpone(ctx, dbsqlc.DisputePostponeParams{
		ID: d.ID.UUID(), LeaseUntil: d.NextCheckAt, NextCheckAt: again,
	}))
}

// learnDispute asks the provider for a chargeback and applies what it says.
func (s *Service) learnDispute(ctx context.Context, providerDisputeID string, patience time.Duration) error {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	askedAt := s.now()
	ev, err := s.config.disputes().FindDispute(asking, providerDisputeID)
	if err != nil {
		return fmt.Errorf("ask about dispute %s: %w", providerDisputeID, err)
	}
	ev.AskedAt = askedAt
	failpoint.Hit(failpoint.DisputeAnswered)
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	_, _, err = s.ApplyDispute(ctx, ev, nil)
	return err
}

// ImportDisputes applies a page of the chargebacks that began at the provider within a time range, by its clock; more says that
// further pages follow. It is how a chargeback is learned of whose notifications were all lost. One that cannot be applied does
// not keep the others from it, and is told in the error. A chargeback of a payment that is not ours opens a discrepancy.
func (s *Service) ImportDisputes(ctx context.Context, from, to time.Time, page int) (more bool, err error) {
	askedAt := s.now()
	found, more, err := s.config.disputes().ListDisputes(ctx, from, to, page)
	if err != nil {
		return false, fmt.Errorf("list disputes: %w", err)
	}
	failpoint.Hit(failpoint.DisputesImported)
	var failures []error
	for _, ev := range found {
		ev.AskedAt = askedAt
		_, _, err := s.ApplyDispute(ctx, ev, nil)
		if errors.Is(err, ErrNoPayment) {
			err = s.reportForeignDispute(ctx, ev)
		}
		failures = append(failures, err)
	}
	return more, errors.Join(failures...)
}

// reportForeignDispute notes, once, that the provider has a chargeback of a payment that we do not have.
func (s *Service) reportForeignDispute(ctx context.Context, ev DisputeEvidence) error {
	known, err := s.queries.DiscrepancyKnown(ctx, dbsqlc.DiscrepancyKnownParams{
		Subject: ev.ProviderDisputeID, Class: classMissing,
	})
	if err != nil || known {
		return err
	}
	theirs, err := json.Marshal(map[string]any{
		"transaction_id": ev.ProviderDisputeID, "origin": ev.Origin, "status": ev.Outcome, "amount": ev.Amount.Minor,
		"currency": ev.Amount.Currency.Lower(),
	})
	if err != nil {
		return fmt.Errorf("describe dispute %s: %w", ev.ProviderDisputeID, err)
	}
	code := ev.Amount.Currency.Code()
	args := dbsqlc.DiscrepancyOpenParams{
		ID: ids.New[ids.DiscrepancyEntity]().UUID(), Class: classMissing, Subject: ev.ProviderDisputeID,
		Ours: json.RawMessage("{}"), Theirs: theirs, Currency: &code, Now: s.now(),
	}
	if _, amount, moved := (DisputeNews{Evidence: ev}).Claim(); moved {
		args.MoneyAtRisk = amount.Minor
	}
	if err := s.queries.DiscrepancyOpen(ctx, args); err != nil {
		return fmt.Errorf("report dispute %s as missing: %w", ev.ProviderDisputeID, postgres.Translate(err))
	}
	if s.observer != nil {
		s.observer.DiscrepancyMoved(ctx, Discrepancy{Class: classMissing, Status: DiscrepancyOpen})
	}
	return nil
}

// Discover asks the provider about what news tells of and is not on record here, where the news itself does not prove what it is
// about: a chargeback, or a refund that was made without us. What the provider's own record proves is recorded, so that the
// news can be applied then. Of anything else there is nothing to ask.
func (s *Service) Discover(ctx context.Context, news News, patience time.Duration) error {
	switch n := news.(type) {
	case DisputeNews:
		if !n.Evidence.warns() {
			return s.learnDispute(ctx, n.Evidence.ProviderDisputeID, patience)
		}
	case RefundNews:
		return s.discoverRefund(ctx, n.Name, patience)
	}
	return nil
}
