package customers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tillway/internal/details"
	"tillway/internal/idempotency"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// errNoReplay says that no method was begun with the key.
var errNoReplay = errors.New("key not used")

// replayKeep answers a repeated request from the row that its key created: with the method, with the decline, or, where the
// answer was lost, by finding out; errNoReplay when the key created none.
func (s *Service) replayKeep(ctx context.Context, req KeepRequest, contact details.Contact) (Kept, error) {
	if req.Idempotency.Key == "" {
		return Kept{}, errNoReplay
	}
	row, err := s.queries.MethodByIdempotencyKey(ctx, dbsqlc.MethodByIdempotencyKeyParams{
		Principal: req.Idempotency.Principal, Key: req.Idempotency.Key,
	})
	if postgres.IsNoRows(err) {
		return Kept{}, errNoReplay
	}
	if err != nil {
		return Kept{}, fmt.Errorf("read the payment method of a repeated key: %w", postgres.Translate(err))
	}
	if err := req.Idempotency.Matches(row.IdempotencyFingerprint); err != nil {
		return Kept{}, err
	}
	m, err := methodFromRow(row)
	if err != nil {
		return Kept{}, err
	}
	switch m.Status {
	case StatusActive, StatusDetached:
		return Kept{Method: m, Replayed: true}, nil
	case StatusFailed:
		return Kept{Replayed: true}, &DeclinedError{Failure: m.Failure}
	case StatusPending:
	}
	return s.resume(ctx, m, req, contact)
}

// resume goes on with a binding whose answer was lost. The card is in the request again: it is looked for among those that the
// provider keeps and we do not know, and kept anew only when it is not there.
func (s *Service) resume(ctx context.Context, m PaymentMethod, req KeepRequest, contact details.Contact) (Kept, error) {
	claimed, err := s.claim(ctx, m)
	if err != nil {
		return Kept{}, err
	}
	if !claimed {
		return Kept{}, idempotency.InFlight()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.CallTimeout, errors.New("the provider did not answer in time"))
	defer cancel()
	kept, err := s.unknownCards(ctx, m.ProviderCustomer)
	if err != nil {
		return s.record(context.WithoutCancel(ctx), m, Bound{Result: ResultUnknown})
	}
	for _, k := range slices.Backward(kept) {
		if k.is(req.Card) {
			return s.record(context.WithoutCancel(ctx), m, Bound{Result: ResultKept, Token: k.Token})
		}
	}
	return s.bind(ctx, m, req.Card, contact, req.IP)
}

// claim takes a pending binding, unless somebody may still be at it.
func (s *Service) claim(ctx context.Context, m PaymentMethod) (bool, error) {
	now := s.now()
	claimed, err := s.queries.MethodClaim(ctx, dbsqlc.MethodClaimParams{
		ID: m.ID.UUID(), Now: now, BusyUntil: s.busyUntil(now),
	})
	if err != nil {
		return false, fmt.Errorf("claim payment method %s: %w", m.ID, postgres.Translate(err))
	}
	return claimed > 0, nil
}

// recordPatience is what recording an answer may take after the call's own time is over.
const recordPatience = 30 * time.Second

// busyUntil is until when one who begins to ask the provider now may be at it.
func (s *Service) busyUntil(now time.Time) time.Time {
	return now.Add(s.config.CallTimeout + recordPatience)
}

// unknownCards is what the provider keeps under a name and is no method of ours.
func (s *Service) unknownCards(ctx context.Context, providerCustomer string) ([]KeptCard, error) {
	kept, err := s.vault.Kept(ctx, providerCustomer)
	if err != nil {
		return nil, fmt.Errorf("list the cards of %s: %w", providerCustomer, err)
	}
	digests := make([][]byte, 0, len(kept))
	for _, k := range kept {
		digests = append(digests, s.sealer.Digest(k.Token))
	}
	known, err := s.queries.MethodDigestsKnown(ctx, digests)
	if err != nil {
		return nil, fmt.Errorf("look up the cards of %s: %w", providerCustomer, err)
	}
	return slices.DeleteFunc(kept, func(k KeptCard) bool {
		digest := s.sealer.Digest(k.Token)
		return slices.ContainsFunc(known, func(other []byte) bool { return string(other) == string(digest) })
	}), nil
}
