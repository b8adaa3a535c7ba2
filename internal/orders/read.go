package orders

import (
	"context"
	"fmt"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
)

// Get returns an order, or a fault NotFound.
func (s *Service) Get(ctx context.Context, id ids.Order) (Order, error) {
	row, err := s.queries.OrderGet(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return Order{}, fault.Missing("order", id.String())
	}
	if err != nil {
		return Order{}, fmt.Errorf("read order %s: %w", id, postgres.Translate(err))
	}
	return orderFromRow(row)
}

// GetPayment returns a payment, or a fault NotFound.
func (s *Service) GetPayment(ctx context.Context, id ids.Payment) (Payment, error) {
	row, err := s.queries.PaymentGet(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return Payment{}, fault.Missing("payment", id.String())
	}
	if err != nil {
		return Payment{}, fmt.Errorf("read payment %s: %w", id, postgres.Translate(err))
	}
	return paymentFromRow(row)
}
