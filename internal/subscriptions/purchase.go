package subscriptions

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/subscriptions/calendar"
)

// purchaseLasts is how long the order of a purchase may be paid: as long as a bank's page may take, and more.
const purchaseLasts = 24 * time.Hour

// purchaseContract is a contract that a purchase of an order by a card is to begin. It may be charged as often as the schedule
// asks for, also where dunning makes one charge late and the next is on time.
func (s *Service) purchaseContract(sub Subscription, order ids.Order, card cards.Card) contract {
	now := s.now()
	return contract{
		Payment: ids.New[ids.PaymentEntity](), Subscription: sub.ID, Order: order, Status: contractPending,
		ProviderCustomer: sub.Customer.String(), Card: card.Summary(), CreatedAt: now,
		frequency: s.frequency(sub, order, now),
	}
}

// frequency is how many days there are between two charges at least. Where a period is due, or being charged, that the purchase does
// not pay, it may be charged by the new contract as soon as the provider's next day begins.
func (s *Service) frequency(sub Subscription, order ids.Order, now time.Time) int {
	due := !sub.NextChargeAt.IsZero() && !sub.NextChargeAt.After(now)
	if order != sub.OpenOrder && (due || !sub.OpenOrder.IsZero()) {
		return 1
	}
	return sub.Schedule.MinDays(now, s.termsOf(sub).policy.GiveUpDays)
}

func contractParams(c contract) dbsqlc.SubscriptionContractInsertParams {
	return dbsqlc.SubscriptionContractInsertParams{
		PaymentID: c.Payment.UUID(), SubscriptionID: c.Subscription.UUID(), OrderID: c.Order.UUID(),
		ProviderCustomer: c.ProviderCustomer, FrequencyDays: int16(c.frequency), CardBrand: c.Card.Brand, //nolint:gosec // 1 to 99
		CardLast4: c.Card.Last4, CardExpMonth: int16(c.Card.ExpMonth), CardExpYear: int16(c.Card.ExpYear), Now: c.CreatedAt, //nolint:gosec // validated
	}
}

// buy begins a recorded purchase and takes the subscription as far as its outcome lets it.
func (s *Service) buy(ctx context.Context, sub Subscription, c contract, p Purchase) (Result, error) {
	failpoint.Hit(failpoint.PurchaseAfterT1)
	result := Result{Subscription: sub}
	if err := s.openPurchase(ctx, sub, c); err != nil {
		return result, err
	}
	failpoint.Hit(failpoint.PurchaseOrdered)
	paid, err := s.orders.Pay(ctx, orders.PayRequest{
		Order: c.Order, CorrelationID: sub.CorrelationID, Card: p.Card, ThreeDS: p.ThreeDS, Browser: p.Browser,
		ReturnURL: p.ReturnURL, Metadata: details.Metadata{},
		Charge: &orders.SubscriptionCharge{ID: c.Payment, Terms: s.purchaseTerms(sub, c)},
	})
	if err != nil {
		return result, err
	}
	failpoint.Hit(failpoint.PurchaseAnswered)
	result.Payment = &paid.Payment
	s.goOn(ctx, sub.ID)
	result.Subscription, err = s.Get(ctx, sub.ID)
	return result, err
}

// openPurchase creates the order that a purchase pays, where it is not there yet: that of a period, or one that only verifies the
// card.
func (s *Service) openPurchase(ctx context.Context, sub Subscription, c contract) error {
	req := orders.CreateOrder{
		ID: c.Order, Subscription: sub.ID, CorrelationID: sub.CorrelationID, Amount: sub.Amount.Minor,
		Currency: sub.Amount.Currency.Code(), Description: sub.Description, Customer: sub.Customer, ReturnURL: sub.ReturnURL,
		Metadata: sub.Metadata, ExpiresIn: purchaseLasts, LatePayment: orders.LatePaymentRefund,
	}
	first := sub.ActivatedAt.IsZero()
	switch {
	case c.Order == sub.OpenOrder && !first:
		return nil // what is owed has its order
	case c.Order == sub.OpenOrder && sub.TrialEnd.IsZero():
		req.Period = &orders.Period{Start: sub.Schedule.Anchor, End: sub.Schedule.Start(1)}
	default:
		req.Amount = min(req.Amount, s.provider.VerificationAmount(sub.Amount.Currency))
	}
	_, err := s.orders.Create(ctx, req)
	return err
}

// purchaseTerms are what the provider is told of the contract.
func (s *Service) purchaseTerms(sub Subscription, c contract) *orders.Terms {
	terms := &orders.Terms{
		ProviderCustomer: c.ProviderCustomer, ProductName: productName(sub), FrequencyDays: c.frequency,
	}
	if sub.Collection == ProviderManaged {
		terms.Managed = managedTerms(sub, s.config.ProviderZone)
	}
	return terms
}

// productName tells a customer's subscriptions apart at the provider, which without one lets a customer hold only one (contract §7).
func productName(sub Subscription) string {
	if sub.Description != "" {
		return sub.Description
	}
	return sub.ID.String()
}

// managedTerms are the schedule in the provider's words, which knows no weeks, and the day of its zone on which the contract ends.
func managedTerms(sub Subscription, zone *time.Location) *orders.ManagedTerms {
	m := &orders.ManagedTerms{Unit: string(sub.Schedule.Interval), Count: sub.Schedule.Count, ExpireOn: neverExpires}
	if sub.Schedule.Interval == calendar.IntervalWeek {
		m.Unit, m.Count = string(calendar.IntervalDay), 7*sub.Schedule.Count
	}
	if !sub.EndsAt.IsZero() {
		m.ExpireOn = sub.EndsAt.In(zone).Format(time.DateOnly)
	}
	return m
}

// neverExpires is when a managed contract without an end expires (contract §8.13). A number of charges in its place is 100 at most, and
// would end a weekly one within two years (§7).
const neverExpires = "2099-12-31"

// mostManaged is the greatest frequency of a managed contract: it has two digits (contract §7).
const mostManaged = 99

// providerCharges refuses what the provider cannot be told to charge by itself.
func providerCharges(sub Subscription, trialDays int, zone *time.Location, now time.Time) error {
	m := managedTerms(sub, zone)
	switch {
	case trialDays > 0:
		return fault.New(fault.Refused, "trial_not_supported",
			"What the provider charges in a trial is not documented. Leave trial_days out, or collect it self_managed.").WithParam("trial_days")
	case m.Count > mostManaged:
		return fault.InvalidParam("interval_count", "interval_count must be 1 to %d for interval %s, where the provider charges by itself.",
			sub.Schedule.Count*mostManaged/m.Count, sub.Schedule.Interval)
	case m.ExpireOn <= now.In(zone).Format(time.DateOnly):
		return fault.InvalidParam("ends_at", "ends_at must be on a later day, where the provider charges by itself.")
	}
	return nil
}

// goOn takes a subscription as far as it goes now. What was done stands, whatever comes of this: a worker goes on with it.
func (s *Service) goOn(ctx context.Context, id ids.Subscription) {
	if err := s.Advance(ctx, id); err != nil {
		s.log.WarnContext(ctx, "subscription left to a worker", slog.String("subscription", id.String()), slog.Any("error", err))
	}
}

// letGo ends the purchase that a request which failed has recorded, as far as nothing was begun. Others may be about to be sent.
func (s *Service) letGo(ctx context.Context, c contract) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), letGoPatience, errors.New("the database did not answer in time"))
	defer cancel()
	if err := s.advance(ctx, c.Subscription, c.Payment); err != nil {
		s.log.WarnContext(ctx, "purchase left to a worker", slog.String("subscription", c.Subscription.String()), slog.Any("error", err))
	}
}

const letGoPatience = 10 * time.Second
