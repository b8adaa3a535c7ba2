package customers

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Patch changes a customer: what is nil stays as it is. Billing details are replaced as a whole, by nothing where
// ClearBilling says so.
type Patch struct {
	details.Patch

	Email, Name, Phone *string
	Billing            *details.Contact
	ClearBilling       bool
}

func (p Patch) apply(c Customer) (Customer, error) {
	for _, field := range []struct{ to, from *string }{{&c.Email, p.Email}, {&c.Name, p.Name}, {&c.Phone, p.Phone}} {
		if field.from != nil {
			*field.to = *field.from
		}
	}
	switch {
	case p.ClearBilling:
		c.Billing = nil
	case p.Billing != nil:
		c.Billing = p.Billing
	}
	var err error
	if c.Description, c.Metadata, err = p.Apply(c.Description, c.Metadata); err != nil {
		return c, err
	}
	return c, c.check()
}

// Update changes a customer. It returns a fault NotFound, of a deleted customer too, or Invalid.
func (s *Service) Update(ctx context.Context, id ids.Customer, patch Patch) (Customer, error) {
	var c Customer
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		queries := s.queries.WithTx(tx)
		row, err := queries.CustomerLock(ctx, id.UUID())
		if err != nil {
			return err
		}
		if c, err = fromRow(row); err != nil {
			return err
		}
		if c.Deleted() {
			return missing(id)
		}
		if c, err = patch.apply(c); err != nil {
			return err
		}
		c.UpdatedAt = s.now()
		billing, metadata, err := writeDetails(c.Billing, c.Metadata)
		if err != nil {
			return err
		}
		return queries.CustomerDescribe(ctx, dbsqlc.CustomerDescribeParams{
			ID: id.UUID(), Email: c.Email, Name: c.Name, Phone: c.Phone, Description: c.Description, Billing: billing,
			Metadata: metadata, Now: c.UpdatedAt,
		})
	})
	if postgres.IsNoRows(err) {
		return Customer{}, missing(id)
	}
	if err != nil {
		return Customer{}, fmt.Errorf("update customer %s: %w", id, postgres.Translate(err))
	}
	return c, nil
}
