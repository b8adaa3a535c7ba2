package subscriptions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

// CreateRequest asks for a new subscription. Amount is in minor units of Currency. An IntervalCount of 0 means 1, a Collection
// "" self_managed, a TimeZone "" that of the installation. The card is charged at once: for the first period, or, before a
// trial, a small amount that is given back.
type CreateRequest struct {
	Idempotency   idempotency.Claim
	CorrelationID string
	Customer      ids.Customer
	Amount        int64
	Currency      string
	Interval      calendar.Interval
	IntervalCount int
	TimeZone      string
	Description   string
	TrialDays     int
	EndsAt        time.Time
	Collection    Collection
	Policy        *dunning.Policy
	Metadata      details.Metadata
	Purchase      Purchase
}

// Purchase is what the customer brings to a charge that begins a contract. It carries card data: it must not be stored or
// logged.
type Purchase struct {
	Card      cards.Card
	ThreeDS   orders.ThreeDS
	Browser   orders.Browser
	ReturnURL string
}

// Result is a subscription with the payment that was just made for it, as they stand when the caller is answered. A decline
// is a result, not an error.
type Result struct {
	Subscription Subscription
	// Payment is nil for a purchase that was never begun.
	Payment *orders.Payment
	// Replayed: the key had begun it before.
	Replayed bool
}

// maxTrialDays bounds a trial.
const maxTrialDays = 730

// Create records a new subscription and makes its first purchase, with the customer there to authenticate it. The subscription is
// incomplete until the purchase is paid and the provider has told of its contract; one whose purchase fails expires.
//
// It returns a fault: Invalid for a bad field, Refused currency_not_supported, idempotency_key_reused or what orders.Service.Pay
// refuses, NotFound for a customer who is not there, Unavailable provider_unavailable when nothing was charged and the request
// may be repeated.
func (s *Service) Create(ctx context.Context, req CreateRequest) (Result, error) {
	sub, err := s.draft(req)
	if err != nil {
		return Result{}, err
	}
	if err := s.orders.Purchasable(ctx, sub.Customer, req.Purchase.ReturnURL); err != nil {
		return s.replayOr(ctx, req.Idempotency, err)
	}
	c := s.purchaseContract(sub, sub.OpenOrder, req.Purchase.Card)
	if err := s.record(ctx, sub, c, req.Idempotency); err != nil {
		switch {
		case postgres.IsUnique(err, "subscriptions_idempotency_key"):
			// Without a row, the request that had the key came to nothing just now.
			return s.replayOr(ctx, req.Idempotency, idempotency.InFlight())
		case postgres.IsForeignKey(err, "subscriptions_customer_there"):
			return s.replayOr(ctx, req.Idempotency, fault.InvalidParam("customer", "There is no such customer any more."))
		}
		return Result{}, fmt.Errorf("create a subscription: %w", postgres.Translate(err))
	}
	result, err := s.buy(ctx, sub, c, req.Purchase)
	if err != nil {
		s.letGo(ctx, c)
		s.freeKey(ctx, sub.ID)
	}
	return result, err
}

// freeKey lets the key of a request that came to nothing be used again.
func (s *Service) freeKey(ctx context.Context, id ids.Subscription) {
	if err := s.queries.SubscriptionFreeKey(context.WithoutCancel(ctx), id.UUID()); err != nil {
		s.log.WarnContext(ctx, "key not set free", slog.String("subscription", id.String()), slog.Any("error", err))
	}
}

// draft checks the request and makes the subscription that it asks for.
func (s *Service) draft(req CreateRequest) (Subscription, error) {
	sub, err := s.agreed(req)
	if err != nil {
		return sub, err
	}
	if err := req.Purchase.Card.Check("payment_method.card"); err != nil {
		return sub, err
	}
	if req.TrialDays < 0 || req.TrialDays > maxTrialDays {
		return sub, fault.InvalidParam("trial_days", "trial_days must be between 0 and %d.", maxTrialDays)
	}
	if !req.EndsAt.IsZero() && !req.EndsAt.After(s.now()) {
		return sub, fault.InvalidParam("ends_at", "ends_at must be in the future.")
	}
	if err := details.CheckText("description", req.Description, details.MaxDescription); err != nil {
		return sub, err
	}
	if err := req.Metadata.Check(); err != nil {
		return sub, err
	}
	now := s.now()
	sub.Schedule.Anchor = now.Truncate(time.Second)
	if req.TrialDays > 0 {
		sub.TrialEnd = calendar.AddDays(sub.Schedule.Anchor, sub.Schedule.Zone, req.TrialDays)
		sub.Schedule.Anchor = sub.TrialEnd
		if !req.EndsAt.IsZero() && !req.EndsAt.After(sub.TrialEnd) {
			return sub, fault.InvalidParam("ends_at", "ends_at must be after the trial: nothing would ever be charged.")
		}
	}
	if err := sub.Schedule.Validate(); err != nil {
		return sub, err
	}
	sub.EndsAt = req.EndsAt
	if sub.Collection == ProviderManaged {
		if err := providerCharges(sub, req.TrialDays, s.config.ProviderZone, now); err != nil {
			return sub, err
		}
	}
	sub.ID, sub.Livemode, sub.Customer, sub.Status = ids.New[ids.SubscriptionEntity](), s.config.Livemode, req.Customer, lifecycle.StatusIncomplete
	sub.Description, sub.Metadata, sub.ReturnURL = req.Description, req.Metadata, req.Purchase.ReturnURL
	sub.Policy, sub.Card, sub.CorrelationID = req.Policy, req.Purchase.Card.Summary(), req.CorrelationID
	sub.CreatedAt, sub.UpdatedAt, sub.nextRunAt, sub.version = now, now, now.Add(s.config.PurchasePatience), 1
	if sub.Metadata == nil {
		sub.Metadata = details.Metadata{}
	}
	sub.OpenOrder = orderID(sub, sub.Schedule.Anchor)
	if req.TrialDays > 0 {
		sub.OpenOrder = ids.New[ids.OrderEntity]()
	}
	sub.LatestOrder = sub.OpenOrder
	return sub, nil
}

// agreed checks what is paid, how often, and who starts the charges.
func (s *Service) agreed(req CreateRequest) (sub Subscription, err error) {
	if req.Customer.IsZero() {
		return sub, fault.MissingParam("customer")
	}
	if err := s.orders.Accepts(req.Amount, req.Currency); err != nil {
		return sub, err
	}
	currency, err := money.ParseCurrency(req.Currency)
	if err != nil {
		return sub, fmt.Errorf("read an accepted currency: %w", err)
	}
	sub.Amount = money.New(req.Amount, currency)
	sub.Schedule = calendar.Schedule{Interval: req.Interval, Count: max(req.IntervalCount, 1), Zone: s.config.Zone}
	if req.IntervalCount < 0 {
		return sub, fault.InvalidParam("interval_count", "interval_count must be a positive number.")
	}
	if req.TimeZone != "" {
		if sub.Schedule.Zone, err = calendar.Zone(req.TimeZone); err != nil {
			return sub, fault.InvalidParam("time_zone", "time_zone must be an IANA name such as Europe/Berlin.")
		}
	}
	switch sub.Collection = req.Collection; sub.Collection {
	case "":
		sub.Collection = SelfManaged
	case SelfManaged:
	case ProviderManaged:
	default:
		return sub, fault.InvalidParam("collection", "collection must be self_managed or provider_managed.")
	}
	return sub, nil
}

// record is T1: from its commit on the subscription and its purchase exist, whatever dies.
func (s *Service) record(ctx context.Context, sub Subscription, c contract, claim idempotency.Claim) error {
	args, err := insertParams(sub, claim)
	if err != nil {
		return err
	}
	event, err := eventParams(sub, "subscription.created", sub.CreatedAt)
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	queries := dbsqlc.New(postgres.NewQueue(batch))
	// The event comes first: it writes to the customer, whom the insert would otherwise have locked together with another one's.
	return errors.Join(
		queries.SubscriptionTell(ctx, event), queries.SubscriptionInsert(ctx, args),
		queries.SubscriptionContractInsert(ctx, contractParams(c)), s.pool.SendBatch(ctx, batch).Close(),
	)
}

// replayOr answers a repeated request from the row that its key created, whatever has become of the customer since; where there is
// none, the refusal.
func (s *Service) replayOr(ctx context.Context, claim idempotency.Claim, refusal error) (Result, error) {
	row, err := s.queries.SubscriptionByIdempotencyKey(ctx, dbsqlc.SubscriptionByIdempotencyKeyParams{
		Principal: claim.Principal, Key: claim.Key,
	})
	if postgres.IsNoRows(err) {
		return Result{}, refusal
	}
	if err != nil {
		return Result{}, fmt.Errorf("read the subscription of a repeated key: %w", postgres.Translate(err))
	}
	if err := claim.Matches(row.IdempotencyFingerprint); err != nil {
		return Result{}, err
	}
	sub, err := fromRow(row)
	if err != nil {
		return Result{}, err
	}
	payment, err := s.LatestPayment(ctx, sub)
	return Result{Subscription: sub, Payment: payment, Replayed: true}, err
}

func insertParams(sub Subscription, claim idempotency.Claim) (dbsqlc.SubscriptionInsertParams, error) {
	moved, err := moveParams(sub, sub.CreatedAt)
	if err != nil {
		return dbsqlc.SubscriptionInsertParams{}, err
	}
	principal, key, fingerprint := claim.Columns()
	return dbsqlc.SubscriptionInsertParams{
		ID: moved.ID, Livemode: sub.Livemode, CustomerID: sub.Customer.UUID(), Collection: string(sub.Collection),
		Amount: moved.Amount, Currency: sub.Amount.Currency.Code(), IntervalUnit: moved.IntervalUnit,
		IntervalCount: moved.IntervalCount, TimeZone: sub.Schedule.Zone.String(), Description: sub.Description,
		Metadata: moved.Metadata, ReturnUrl: sub.ReturnURL, CardBrand: moved.CardBrand, CardLast4: moved.CardLast4,
		CardExpMonth: moved.CardExpMonth, CardExpYear: moved.CardExpYear, AnchorAt: moved.AnchorAt,
		TrialEndAt: timeOrNil(sub.TrialEnd), EndsAt: moved.EndsAt, OrderID: sub.OpenOrder.UUID(),
		DunningPolicy: moved.DunningPolicy, NextRunAt: sub.nextRunAt, IdempotencyPrincipal: principal, IdempotencyKey: key,
		IdempotencyFingerprint: fingerprint, CorrelationID: sub.CorrelationID, Now: sub.CreatedAt,
	}, nil
}

func eventParams(sub Subscription, kind string, now time.Time) (dbsqlc.SubscriptionTellParams, error) {
	object, err := json.Marshal(sub.Resource())
	if err != nil {
		return dbsqlc.SubscriptionTellParams{}, fmt.Errorf("encode a subscription: %w", err)
	}
	return dbsqlc.SubscriptionTellParams{
		CustomerID: sub.Customer.UUID(), EventID: ids.New[ids.EventEntity]().UUID(), EventType: kind, EventObject: object,
		CorrelationID: sub.CorrelationID, Now: now,
	}, nil
}
