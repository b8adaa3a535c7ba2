package subscriptions

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/details"
	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// orderLasts is how long the order of a period may be paid: as long as somebody may still come with a new card.
const orderLasts = 365 * 24 * time.Hour

// do carries out a step's deed. All of them may be repeated.
func (s *Service) do(ctx context.Context, f facts, st step) error {
	switch st.deed {
	case deedBill:
		return s.bill(ctx, f.sub, st.periods)
	case deedCharge:
		return s.charge(ctx, f)
	case deedCancelOrder:
		_, err := s.orders.Cancel(ctx, orders.CancelOrder{
			Order: st.order, Subscription: f.sub.ID, CorrelationID: f.sub.CorrelationID,
		})
		return err
	case deedRefund:
		return s.giveBack(ctx, f.sub, st.order)
	case deedAsk:
		_, err := s.ask(ctx, f)
		return err
	case deedMissed:
		return s.missed(ctx, f, st)
	case deedForestall:
		return s.forestall(ctx, f.sub, st.purchase)
	case deedReview:
		s.alert(ctx, f, st)
		return s.orders.Review(ctx, st.order, st.class)
	case deedNone:
	}
	return nil
}

// alert tells the log of a charge that was refused for a reason that lies with us.
func (s *Service) alert(ctx context.Context, f facts, st step) {
	if st.class != orders.ClassRenewalRefused || f.charge == nil || f.charge.Failure == nil {
		return
	}
	code := f.charge.Failure.ProviderCode
	s.log.ErrorContext(ctx, "renewal refused: the contract or the schedule is not right, and nobody tries again",
		slog.String("subscription", f.sub.ID.String()), slog.String("order", st.order.String()), slog.String("provider_code", code))
}

// bill creates the orders of periods. Of several only the last is charged; the others were left out, and are for a person.
func (s *Service) bill(ctx context.Context, sub Subscription, periods []int) error {
	for i, n := range periods {
		start, end := sub.Schedule.Start(n), sub.Schedule.Start(n+1)
		created, err := s.orders.Create(ctx, orders.CreateOrder{
			ID: orderID(sub, start), Subscription: sub.ID, Period: &orders.Period{Start: start, End: end},
			CorrelationID: sub.CorrelationID, Amount: sub.Amount.Minor, Currency: sub.Amount.Currency.Code(),
			Description: sub.Description, Customer: sub.Customer, ReturnURL: sub.ReturnURL, Metadata: sub.Metadata,
			ExpiresIn: orderLasts, LatePayment: orders.LatePaymentAccept,
		})
		if err != nil {
			return fmt.Errorf("bill the period from %s: %w", start, err)
		}
		failpoint.Hit(failpoint.RenewBilled)
		if i == len(periods)-1 {
			continue
		}
		if err := s.orders.Review(ctx, created.Order.ID, orders.ClassPeriodMissed); err != nil {
			return fmt.Errorf("show the period from %s: %w", start, err)
		}
	}
	return nil
}

// charge sends the charge that was decided on, by the token that the provider keeps. Whatever becomes of it is read from the
// payment.
func (s *Service) charge(ctx context.Context, f facts) error {
	token, err := s.sealer.Open(f.active.Payment.UUID(), f.active.sealed)
	if err != nil {
		return err
	}
	_, err = s.orders.Pay(ctx, orders.PayRequest{
		Order: f.open.ID, CorrelationID: f.sub.CorrelationID, Metadata: details.Metadata{},
		Charge: &orders.SubscriptionCharge{
			ID: chargeID(f.sub, f.open.ID, f.sub.OpenCharges),
			Contract: &orders.Contract{
				ID: f.active.ID, Token: token, ProviderCustomer: f.active.ProviderCustomer, Card: f.active.Card,
			},
		},
	})
	failpoint.Hit(failpoint.RenewCharged)
	return err
}

// forestall creates the order of a purchase, where nobody has, and cancels it: whoever recorded the purchase finds it canceled. Of
// a customer who is deleted nobody creates one any more.
func (s *Service) forestall(ctx context.Context, sub Subscription, c contract) error {
	err := s.openPurchase(ctx, sub, c)
	if fault.KindOf(err) == fault.Invalid && sub.Status.Final() {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.orders.Cancel(ctx, orders.CancelOrder{Order: c.Order, Subscription: sub.ID, CorrelationID: sub.CorrelationID})
	return err
}

// giveBack refunds what only verified a card.
func (s *Service) giveBack(ctx context.Context, sub Subscription, order ids.Order) error {
	_, err := s.orders.Refund(ctx, orders.RefundRequest{
		Order: order, CorrelationID: sub.CorrelationID, Principal: actor, Reason: orders.RefundOther,
		Idempotency: idempotency.Claim{Principal: actor, Key: order.String(), Fingerprint: sha256.Sum256([]byte(order.String()))},
	})
	return err
}
