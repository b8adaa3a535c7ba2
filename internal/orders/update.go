package orders

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Update changes an order's description and metadata. It returns a fault NotFound or Invalid.
func (s *Service) Update(ctx context.Context, id ids.Order, patch details.Patch) (Order, error) {
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
		if o.Description, o.Metadata, err = patch.Apply(o.Description, o.Metadata); err != nil {
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
func (s *Service) UpdatePayment(ctx context.Context, id ids.Payment, patch details.Patch) (Payment, error) {
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
		if p.Description, p.Metadata, err = patch.Apply(p.Description, p.Metadata); err != nil {
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
func (s *Service) UpdateRefund(ctx context.Context, id ids.Refund, patch details.Patch) (Refund, error) {
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
		if r.Description, r.Metadata, err = patch.Apply(r.Description, r.Metadata); err != nil {
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
