package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
)

// Adoption asks to record a payment that the provider has begun by itself, under a reference of its own. Payment is derived from
// that reference by the caller; Contract says what is charged.
type Adoption struct {
	Order         ids.Order
	Payment       ids.Payment
	MerchantTxnID string
	Contract      Contract
	CorrelationID string
}

// Adopt records a payment of a subscription's order that the provider has begun. Nothing is sent: what became of it is told by
// news, or asked. One that is recorded already is left as it is. It returns a fault NotFound, or Conflict order_not_payable for an
// order that another payment holds or has paid.
func (s *Service) Adopt(ctx context.Context, a Adoption) error {
	for range beginAttempts {
		if _, err := s.GetPayment(ctx, a.Payment); fault.KindOf(err) != fault.NotFound {
			return err
		}
		o, err := s.Get(ctx, a.Order)
		if err != nil {
			return err
		}
		if !o.Status.Payable() {
			return fault.New(fault.Conflict, "order_not_payable", "Order %s is %s: the provider charges it once too often.", o.ID, o.Status)
		}
		p := newPayment(o, PayRequest{
			CorrelationID: a.CorrelationID, Charge: &SubscriptionCharge{ID: a.Payment, Contract: &a.Contract},
		}, s.now())
		p.MerchantTxnID = a.MerchantTxnID
		p.BegunAt = s.realNow().UTC().Truncate(time.Microsecond)
		p.NextCheckAt = s.config.Schedule.Next(p.CreatedAt, p.CreatedAt)
		err = s.recordAttempt(ctx, o, p, Idempotency{})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errOrderMoved), postgres.IsUnique(err, "payments_pkey"), postgres.IsUnique(err, "payments_one_live_per_order"):
			continue
		default:
			return fmt.Errorf("adopt a payment of %s: %w", a.Order, postgres.Translate(err))
		}
	}
	return errOrderMoved
}
