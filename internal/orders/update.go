package orders

import (
	"context"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Patch changes the merchant's own words on a resource: a nil Description leaves it, a nil metadata value removes its key,
// ClearMetadata removes all keys first.
type Patch struct {
	Description   *string
	Metadata      map[string]*string
	ClearMetadata bool
}

// apply returns the description and metadata that the patch makes of the present ones.
func (p Patch) apply(description string, metadata Metadata) (string, Metadata, error) {
	if p.Description != nil {
		description = *p.Description
	}
	merged := Metadata{}
	if !p.ClearMetadata {
		maps.Copy(merged, metadata)
	}
	for key, value := range p.Metadata {
		if value == nil {
			delete(merged, key)
		} else {
			merged[key] = *value
		}
	}
	if err := checkText("description", description, maxDescription); err != nil {
		return "", nil, err
	}
	return description, merged, checkMetadata(merged)
}

// Update changes an order's description and metadata. It returns a fault NotFound or Invalid.
func (s *Service) Update(ctx context.Context, id ids.Order, patch Patch) (Order, error) {
	var o Order
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		queries := s.queries.WithTx(tx)
		row, err := queries.OrderLock(ctx, id.UUID())
		if err != nil {
			return err
		}
		if o, err = orderFromRow(row); err != nil {
			return err
		}
		if o.Description, o.Metadata, err = patch.apply(o.Description, o.Metadata); err != nil {
			return err
		}
		metadata, err := asJSON(o.Metadata)
		if err != nil {
			return err
		}
		o.UpdatedAt = s.now()
		return queries.OrderDescribe(ctx, dbsqlc.OrderDescribeParams{
			ID: id.UUID(), Description: o.Description, Metadata: metadata, Now: o.UpdatedAt,
		})
	})
	if postgres.IsNoRows(err) {
		return Order{}, fault.Missing("order", id.String())
	}
	if err != nil {
		return Order{}, fmt.Errorf("update order %s: %w", id, postgres.Translate(err))
	}
	return o, nil
}

// UpdatePayment changes a payment's description and metadata. It returns a fault NotFound or Invalid.
func (s *Service) UpdatePayment(ctx context.Context, id ids.Payment, patch Patch) (Payment, error) {
	var p Payment
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		queries := s.queries.WithTx(tx)
		row, err := queries.PaymentLock(ctx, id.UUID())
		if err != nil {
			return err
		}
		if p, err = paymentFromRow(row); err != nil {
			return err
		}
		if p.Description, p.Metadata, err = patch.apply(p.Description, p.Metadata); err != nil {
			return err
		}
		metadata, err := asJSON(p.Metadata)
		if err != nil {
			return err
		}
		p.UpdatedAt = s.now()
		return queries.PaymentDescribe(ctx, dbsqlc.PaymentDescribeParams{
			ID: id.UUID(), Description: p.Description, Metadata: metadata, Now: p.UpdatedAt,
		})
	})
	if postgres.IsNoRows(err) {
		return Payment{}, fault.Missing("payment", id.String())
	}
	if err != nil {
		return Payment{}, fmt.Errorf("update payment %s: %w", id, postgres.Translate(err))
	}
	return p, nil
}

// UpdateRefund changes a refund's description and metadata. It returns a fault NotFound or Invalid.
func (s *Service) UpdateRefund(ctx context.Context, id ids.Refund, patch Patch) (Refund, error) {
	var r Refund
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		queries := s.queries.WithTx(tx)
		row, err := queries.RefundLock(ctx, id.UUID())
		if err != nil {
			return err
		}
		if r, err = refundFromRow(row); err != nil {
			return err
		}
		if r.Description, r.Metadata, err = patch.apply(r.Description, r.Metadata); err != nil {
			return err
		}
		metadata, err := asJSON(r.Metadata)
		if err != nil {
			return err
		}
		r.UpdatedAt = s.now()
		return queries.RefundDescribe(ctx, dbsqlc.RefundDescribeParams{
			ID: id.UUID(), Description: r.Description, Metadata: metadata, Now: r.UpdatedAt,
		})
	})
	if postgres.IsNoRows(err) {
		return Refund{}, missingRefund(id)
	}
	if err != nil {
		return Refund{}, fmt.Errorf("update refund %s: %w", id, postgres.Translate(err))
	}
	return r, nil
}
