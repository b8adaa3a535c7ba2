package orders

import (
	"context"
	"errors"
	"fmt"

	"tillway/internal/fault"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// refusePay explains why the order cannot be paid now, after making sure that this very request has not begun a payment
// already.
func (s *Service) refusePay(ctx context.Context, o Order, req PayRequest) (PayResult, error) {
	if result, err := s.replayPay(ctx, req); !errors.Is(err, errNoReplay) {
		return result, err
	}
	if o.Status == StatusPending || o.Status == StatusAuthorized {
		row, err := s.queries.PaymentLiveOfOrder(ctx, o.ID.UUID())
		if postgres.IsNoRows(err) {
			return PayResult{}, errOrderMoved // it ended since the order was read: the order may be payable now
		}
		if err != nil {
			return PayResult{}, fmt.Errorf("read the live payment of %s: %w", o.ID, postgres.Translate(err))
		}
		live, err := paymentFromRow(row)
		if err != nil {
			return PayResult{}, err
		}
		return PayResult{Payment: live}, fault.New(fault.Conflict, "payment_in_progress",
			"Payment %s of this order is %s. Wait for its outcome or continue it.", live.ID, live.Status)
	}
	if o.Status == StatusOpen {
		return PayResult{}, fault.New(fault.Conflict, "order_not_payable", "The order has expired. Create a new one.")
	}
	return PayResult{}, fault.New(fault.Conflict, "order_not_payable", "The order is %s and cannot be paid.", o.Status)
}

// NotPayable reports whether Pay has refused an order for how it stands: it is being paid, or cannot be any more.
func NotPayable(err error) bool {
	return errors.Is(err, fault.New(fault.Conflict, "payment_in_progress", "")) ||
		errors.Is(err, fault.New(fault.Conflict, "order_not_payable", ""))
}

// refuseMoving explains why a payment could not be begun although the order looked open, time and again.
func (s *Service) refuseMoving(ctx context.Context, id ids.Order) (PayResult, error) {
	held, err := s.queries.PaymentSurplusHeld(ctx, id.UUID())
	if err != nil {
		return PayResult{}, fmt.Errorf("look for surplus money of %s: %w", id, postgres.Translate(err))
	}
	if held {
		return PayResult{}, fault.New(fault.Conflict, "order_not_payable",
			"An earlier payment of this order was charged late and has not been given back. It needs a review first.")
	}
	return PayResult{}, fault.New(fault.Conflict, "payment_in_progress", "The order is being changed by other requests. Try again.")
}

// errNoReplay says that no payment of the order was begun with the key.
var errNoReplay = errors.New("key not used")

// replayOr answers a repeated request, or returns the error given when its key has begun no payment.
func (s *Service) replayOr(ctx context.Context, req PayRequest, otherwise error) (PayResult, error) {
	result, err := s.replayPay(ctx, req)
	if errors.Is(err, errNoReplay) {
		return PayResult{}, otherwise
	}
	return result, err
}

// replayPay answers a repeated request from the row that its key created; errNoReplay when the key created none.
func (s *Service) replayPay(ctx context.Context, req PayRequest) (PayResult, error) {
	if req.Charge != nil {
		return s.replayCharge(ctx, req)
	}
	if req.Idempotency.Key == "" {
		return PayResult{}, errNoReplay
	}
	row, err := s.queries.PaymentByIdempotencyKey(ctx, dbsqlc.PaymentByIdempotencyKeyParams{
		OrderID: req.Order.UUID(), Principal: req.Idempotency.Principal, Key: req.Idempotency.Key,
	})
	if postgres.IsNoRows(err) {
		return PayResult{}, errNoReplay
	}
	if err != nil {
		return PayResult{}, fmt.Errorf("read the payment of a repeated key: %w", postgres.Translate(err))
	}
	if err := req.Idempotency.Matches(row.IdempotencyFingerprint); err != nil {
		return PayResult{}, err
	}
	p, err := paymentFromRow(row)
	if err != nil {
		return PayResult{}, err
	}
	if p.Status == PaymentProcessing && p.ProviderTransactionID == "" && s.now().Sub(p.SentAt) < s.replayPatience() {
		return PayResult{}, idempotency.InFlight()
	}
	return PayResult{Payment: p, Replayed: true}, nil
}

// replayCharge answers the payment of a subscription that was begun before, however it stands; errNoReplay when none was.
func (s *Service) replayCharge(ctx context.Context, req PayRequest) (PayResult, error) {
	row, err := s.queries.PaymentGet(ctx, req.Charge.ID.UUID())
	if postgres.IsNoRows(err) {
		return PayResult{}, errNoReplay
	}
	if err != nil {
		return PayResult{}, fmt.Errorf("read payment %s: %w", req.Charge.ID, postgres.Translate(err))
	}
	p, err := paymentFromRow(row)
	if err != nil {
		return PayResult{}, err
	}
	if p.Order != req.Order {
		return PayResult{}, fmt.Errorf("payment %s is there already, and of order %s", p.ID, p.Order)
	}
	return PayResult{Payment: p, Replayed: true}, nil
}
