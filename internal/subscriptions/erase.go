package subscriptions

import (
	"context"
	"fmt"

	"tillway/internal/ids"
	"tillway/internal/postgres"
)

// Erase ends what a deleted customer still has, and takes out of their subscriptions whatever tells who they were. It may be
// repeated.
func (s *Service) Erase(ctx context.Context, customer ids.Customer) error {
	rows, err := s.queries.SubscriptionsOpenOf(ctx, customer.UUID())
	if err != nil {
		return fmt.Errorf("read the subscriptions of %s: %w", customer, postgres.Translate(err))
	}
	for _, row := range rows {
		_, err := s.command(ctx, ids.From[ids.SubscriptionEntity](row.ID), func(f facts) (step, error) {
			if f.sub.Status.Final() {
				return step{sub: f.sub}, nil
			}
			return canceledNow(f), nil
		})
		if err != nil {
			return err
		}
	}
	if err := s.queries.SubscriptionsErase(ctx, customer.UUID()); err != nil {
		return fmt.Errorf("erase the subscriptions of %s: %w", customer, postgres.Translate(err))
	}
	return nil
}
