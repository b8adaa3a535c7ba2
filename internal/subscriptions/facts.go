package subscriptions

import (
	"context"
	"fmt"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/subscriptions/dunning"
)

// facts reads everything that a decision about a subscription rests on. The subscription itself is read first: whatever moves
// afterwards moves its version too, and the decision is not written.
func (s *Service) facts(ctx context.Context, id ids.Subscription) (facts, error) {
	sub, err := s.Get(ctx, id)
	if err != nil {
		return facts{}, err
	}
	f := facts{now: s.now(), sub: sub, terms: s.termsOf(sub)}
	rows, err := s.queries.SubscriptionContractsOf(ctx, id.UUID())
	if err != nil {
		return f, fmt.Errorf("read the contracts of %s: %w", id, postgres.Translate(err))
	}
	for _, row := range rows {
		c := contractFromRow(row)
		if c.Status == contractActive {
			f.active = &c
			continue
		}
		p, err := s.purchaseOf(ctx, c)
		if err != nil {
			return f, err
		}
		f.purchases = append(f.purchases, p)
	}
	if !sub.OpenOrder.IsZero() {
		if err := s.readOpen(ctx, &f); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (s *Service) termsOf(sub Subscription) terms {
	t := terms{policy: s.config.Policy, upcoming: s.config.Upcoming, providerZone: s.config.ProviderZone, patience: s.config.PurchasePatience}
	if sub.Policy != nil {
		t.policy = *sub.Policy
	}
	return t
}

func (s *Service) purchaseOf(ctx context.Context, c contract) (purchase, error) {
	p := purchase{contract: c}
	var err error
	if p.order, err = s.orderOf(ctx, c.Order); err != nil {
		return p, err
	}
	if p.payment, err = s.paymentOf(ctx, c.Payment); err != nil || p.payment == nil || p.order == nil {
		return p, err
	}
	if p.returned, err = s.queries.SubscriptionPurchaseReturned(ctx, c.Order.UUID()); err != nil {
		return p, fmt.Errorf("look whether %s was given back: %w", c.Order, postgres.Translate(err))
	}
	return p, nil
}

// readOpen adds the order that is being collected, the last charge of it, and when its token was charged in vain.
func (s *Service) readOpen(ctx context.Context, f *facts) (err error) {
	if f.open, err = s.orderOf(ctx, f.sub.OpenOrder); err != nil || f.open == nil {
		return err
	}
	if f.sub.Collection == ProviderManaged && !f.open.LatestPayment.IsZero() {
		f.latest, err = s.paymentOf(ctx, f.open.LatestPayment)
		return err
	}
	if f.sub.OpenCharges > 0 {
		if f.charge, err = s.paymentOf(ctx, chargeID(f.sub, f.open.ID, f.sub.OpenCharges)); err != nil {
			return err
		}
	}
	if f.active == nil || f.active.digest == nil {
		return nil
	}
	rows, err := s.queries.SubscriptionAttemptsOf(ctx, dbsqlc.SubscriptionAttemptsOfParams{
		TokenDigest: f.active.digest, Since: f.now.Add(-dunning.Month), BegunSince: f.now.Add(-tokenBusy),
	})
	if err != nil {
		return fmt.Errorf("count the charges of a token: %w", postgres.Translate(err))
	}
	for _, row := range rows {
		f.attempts = append(f.attempts, attempt{at: row.ChargedAt, settled: row.Settled})
	}
	return nil
}

// orderOf returns an order, nil for one that is not there.
func (s *Service) orderOf(ctx context.Context, id ids.Order) (*orders.Order, error) {
	o, err := s.orders.Get(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil //nolint:nilnil // nothing was begun
	}
	return &o, err
}

// paymentOf returns a payment, nil for one that was not begun.
func (s *Service) paymentOf(ctx context.Context, id ids.Payment) (*orders.Payment, error) {
	p, err := s.orders.GetPayment(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil //nolint:nilnil // nothing was begun
	}
	return &p, err
}
