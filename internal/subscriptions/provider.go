package subscriptions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/money"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/telemetry"
)

// Provider is what subscriptions need of a payment provider beside charging.
type Provider interface {
	// VerificationAmount is what is charged to verify a card, in minor units: little, and not too little for the provider.
	VerificationAmount(currency money.Currency) int64
	// EndContract asks the provider to end a contract, and whether it has ended. An error means that this is not known. It may be
	// repeated.
	EndContract(ctx context.Context, contractID string) (ended bool, err error)
	// ContractOver asks whether nothing can be charged under a contract any more. An error means that this is not known.
	ContractOver(ctx context.Context, contractID string) (bool, error)
}

const (
	endAgain    = time.Minute    // how soon the provider is asked again, at first
	endAgainMax = 24 * time.Hour // and at last
)

// ClaimEnding takes contracts that the provider is to be told to end, for this worker, at most batch of them.
func (s *Service) ClaimEnding(ctx context.Context, batch int) ([]Ending, error) {
	now := s.now()
	after := s.ending.next(now)
	rows, err := s.queries.SubscriptionContractsClaim(ctx, dbsqlc.SubscriptionContractsClaimParams{
		Now: now, After: after.at, AfterID: after.id, LeaseUntil: now.Add(advanceLease), Batch: int32(batch), //nolint:gosec // small
	})
	if err != nil {
		return nil, fmt.Errorf("claim ending contracts: %w", postgres.Translate(err))
	}
	claimed, places := make([]Ending, 0, len(rows)), make([]place, 0, len(rows))
	for _, row := range rows {
		c := row.SubscriptionContract
		places = append(places, place{at: row.DueAt, id: c.PaymentID})
		claimed = append(claimed, Ending{contract: contractFromRow(c), since: c.UpdatedAt.UTC()})
	}
	s.ending.note(now, places, batch)
	return claimed, nil
}

// Ending is a contract that charges nothing any more, and that the provider has not confirmed to have ended.
type Ending struct {
	contract

	since time.Time
}

// End tells the provider to end a contract, again and again until it says that it has: whoever has contract and token could
// charge by it.
func (s *Service) End(ctx context.Context, e Ending) error {
	telemetry.AddField(ctx, slog.String("subscription", e.Subscription.String()))
	failpoint.Hit(failpoint.ContractBeforeEnd)
	ended, err := s.provider.EndContract(ctx, e.ID)
	failpoint.Hit(failpoint.ContractEnded)
	now := s.now()
	if err == nil && ended {
		err := s.queries.SubscriptionContractGone(ctx, dbsqlc.SubscriptionContractGoneParams{PaymentID: e.Payment.UUID(), Now: now})
		if err != nil {
			return fmt.Errorf("note the end of a contract of %s: %w", e.Subscription, postgres.Translate(err))
		}
		return nil
	}
	again := min(max(now.Sub(e.since), endAgain), endAgainMax)
	later := s.queries.SubscriptionContractAskAgain(ctx, dbsqlc.SubscriptionContractAskAgainParams{
		PaymentID: e.Payment.UUID(), At: now.Add(again),
	})
	if err != nil || later != nil {
		return fmt.Errorf("end a contract of %s: %w", e.Subscription, errors.Join(err, later))
	}
	return nil
}
