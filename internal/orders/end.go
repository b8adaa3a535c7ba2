package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// CancelOrder asks to end an open order. Subscription is what charges it and asks: zero for anybody else.
type CancelOrder struct {
	Order         ids.Order
	Subscription  ids.Subscription
	Idempotency   Idempotency
	CorrelationID string
}

// Cancelable reports whether the order as it was read may be canceled by anybody but what charges it. What a subscription charges may
// once it is left to a person.
func (o Order) Cancelable() bool {
	return (o.Subscription.IsZero() || o.NeedsReview) && o.Status.Cancelable()
}

// Cancel ends an open order. Repeating the request with its idempotency key answers the canceled order again. It returns a
// fault NotFound, or Conflict order_not_cancelable once money is pending, held or taken, and of an order that a subscription
// charges and no person has been asked to look at.
func (s *Service) Cancel(ctx context.Context, req CancelOrder) (Order, error) {
	for range beginAttempts {
		o, err := s.Get(ctx, req.Order)
		if err != nil {
			return Order{}, err
		}
		if !o.Status.Cancelable() {
			return s.refuseCancel(ctx, o, req.Idempotency)
		}
		if o.Subscription != req.Subscription && (!req.Subscription.IsZero() || !o.NeedsReview) {
			return Order{}, fault.New(fault.Conflict, "order_not_cancelable",
				"The order is charged by its subscription, and canceled by nothing else.")
		}
		o.CanceledAt = s.now()
		failpoint.Hit(failpoint.OrderBeforeCancel)
		ended, err := s.end(ctx, o, o.CanceledAt, req.Idempotency, req.CorrelationID)
		if err != nil {
			return Order{}, fmt.Errorf("cancel order %s: %w", req.Order, postgres.Translate(err))
		}
		if ended != nil {
			failpoint.Hit(failpoint.OrderAfterCancel)
			return *ended, nil
		}
	}
	return Order{}, fault.New(fault.Conflict, "order_not_cancelable", "The order is being changed by other requests. Try again.")
}

func (s *Service) refuseCancel(ctx context.Context, o Order, idem Idempotency) (Order, error) {
	if o.Status == StatusCanceled && idem.Key != "" {
		repeated, err := s.queries.OrderCanceledBy(ctx, dbsqlc.OrderCanceledByParams{
			ID: o.ID.UUID(), Principal: idem.Principal, Key: idem.Key,
		})
		if err != nil {
			return Order{}, fmt.Errorf("read who canceled order %s: %w", o.ID, postgres.Translate(err))
		}
		if repeated {
			return o, nil
		}
	}
	return Order{}, fault.New(fault.Conflict, "order_not_cancelable", "The order is %s and cannot be canceled.", o.Status)
}

// end writes the end that the order's CanceledAt or ExpiredAt implies; nil when the order has moved on since it was read.
func (s *Service) end(ctx context.Context, o Order, now time.Time, idem Idempotency, correlationID string) (*Order, error) {
	version := o.Version
	o.Status = DeriveStatus(Facts{Canceled: !o.CanceledAt.IsZero(), Expired: !o.ExpiredAt.IsZero()})
	o.UpdatedAt, o.LastSequence, o.Version = now, o.LastSequence+1, o.Version+1
	object, err := asJSON(o.Resource())
	if err != nil {
		return nil, err
	}
	args := dbsqlc.OrderEndParams{
		ID: o.ID.UUID(), Version: version, Status: string(o.Status), Now: now,
		CanceledAt: timeOrNil(o.CanceledAt), ExpiredAt: timeOrNil(o.ExpiredAt),
		EventID: ids.New[ids.EventEntity]().UUID(), EventType: orderEvent(o.Status), EventObject: object,
		CorrelationID: correlationID,
	}
	args.CancelPrincipal, args.CancelKey, _ = idem.Columns()
	touched, err := s.queries.OrderEnd(ctx, args)
	if err != nil || touched == 0 {
		return nil, err
	}
	return &o, nil
}

// ExpireDue ends open orders whose time is over, at most batch of them, and returns how many it ended. Any number of
// processes may run it at once: each order is ended by one. An order that cannot be ended does not keep the others.
func (s *Service) ExpireDue(ctx context.Context, batch int) (int, error) {
	now := s.now()
	rows, err := s.queries.OrdersDueExpiry(ctx, dbsqlc.OrdersDueExpiryParams{Now: now, Batch: int32(batch)}) //nolint:gosec // small
	if err != nil {
		return 0, fmt.Errorf("find expired orders: %w", postgres.Translate(err))
	}
	expired := 0
	var failures []error
	for _, row := range rows {
		o, err := orderFromRow(row)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		o.ExpiredAt = now
		failpoint.Hit(failpoint.ExpireBefore)
		ended, err := s.end(ctx, o, now, Idempotency{}, o.CorrelationID)
		if err != nil {
			failures = append(failures, fmt.Errorf("expire order %s: %w", o.ID, postgres.Translate(err)))
		}
		if ended != nil {
			failpoint.Hit(failpoint.ExpireAfter)
			expired++
		}
	}
	return expired, errors.Join(failures...)
}
