package orders

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/details"
	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Bounds of an order's life.
const (
	defaultExpiresIn = 24 * time.Hour
	minExpiresIn     = time.Second
	maxExpiresIn     = 365 * 24 * time.Hour
)

// CreateOrder asks for a new order. Amount is in minor units of Currency; ExpiresIn zero means 24 hours, LatePayment ""
// means refund.
type CreateOrder struct {
	Idempotency            Idempotency
	CorrelationID          string
	Amount                 int64
	Currency               string
	Reference, Description string
	Customer               ids.Customer
	Items                  []Item
	Billing, Shipping      *details.Contact
	ReturnURL              string
	Metadata               details.Metadata
	ExpiresIn              time.Duration
	LatePayment            LatePayment

	// ID is given where the order must exist once, however often it is asked for (ids.Derive); zero: one is drawn.
	ID ids.Order
	// Subscription is what charges the order, zero for one that a shopper pays. Period is the billing period that it is for, nil
	// for a purchase that only verifies a card.
	Subscription ids.Subscription
	Period       *Period
}

// Created is a new order with the secret that lets a browser pay it.
type Created struct {
	Order        Order
	ClientSecret string
	// Replayed: this order had been created before, by the key, under the id, or for the period.
	Replayed bool
}

// Create records a new order. It returns a fault: Invalid for a bad field, Refused items_do_not_sum, currency_not_supported
// or idempotency_key_reused, Conflict reference_in_use. A customer must be there. Of orders with the same ID, or for the same
// period of a subscription, only the first is created, and answered ever after.
func (s *Service) Create(ctx context.Context, req CreateOrder) (Created, error) {
	o, err := s.draft(req)
	if err != nil {
		return Created{}, err
	}
	args, err := insertParams(o, req.Idempotency)
	if err != nil {
		return Created{}, err
	}
	object, err := asJSON(o.Resource())
	if err != nil {
		return Created{}, err
	}
	event := oneEvent(o, o.LastSequence, "order.created", object, o.CorrelationID, o.CreatedAt)
	failpoint.Hit(failpoint.OrderBeforeCreate)
	batch := &pgx.Batch{}
	queries := dbsqlc.New(postgres.NewQueue(batch))
	err = errors.Join(queries.OrderInsert(ctx, args), queries.EventsInsert(ctx, event), s.pool.SendBatch(ctx, batch).Close())
	switch {
	case err == nil:
		failpoint.Hit(failpoint.OrderAfterCreate)
		return Created{Order: o, ClientSecret: s.ClientSecret(o.ID)}, nil
	case postgres.IsUnique(err, "orders_pkey"), postgres.IsUnique(err, "orders_subscription_period_key"):
		return s.replayPeriod(ctx, o)
	case postgres.IsUnique(err, "orders_idempotency_key"):
		return s.replayCreate(ctx, req.Idempotency)
	case postgres.IsUnique(err, "orders_reference_key"):
		// Both may be in use by the very same order: the request was repeated.
		if created, replayErr := s.replayCreate(ctx, req.Idempotency); !errors.Is(replayErr, errNoReplay) {
			return created, replayErr
		}
		return Created{}, fault.New(fault.Conflict, "reference_in_use",
			"Another order has this reference. Use a reference of its own, or read that order with GET /v1/orders?reference=….").
			WithParam("reference")
	case postgres.IsForeignKey(err, "orders_customer_there"):
		// The customer may have been deleted since the request was first made.
		if created, replayErr := s.replayCreate(ctx, req.Idempotency); !errors.Is(replayErr, errNoReplay) {
			return created, replayErr
		}
		return Created{}, noCustomer()
	default:
		return Created{}, fmt.Errorf("create an order: %w", postgres.Translate(err))
	}
}

// draft checks the request and makes the order that it asks for.
func (s *Service) draft(req CreateOrder) (Order, error) {
	amount, err := s.checkAmount(req.Amount, req.Currency)
	if err != nil {
		return Order{}, err
	}
	req.Billing, req.Shipping = req.Billing.Clone(), req.Shipping.Clone() // checking brings them to their normal form
	if err := s.check(req, amount); err != nil {
		return Order{}, err
	}
	now := s.now()
	o := Order{
		ID: req.ID, Subscription: req.Subscription, Period: req.Period, Livemode: s.config.Livemode, Reference: req.Reference, Description: req.Description,
		Customer: req.Customer, Amount: amount, Status: StatusOpen, Items: req.Items, Billing: req.Billing,
		Shipping: req.Shipping, Metadata: req.Metadata, ReturnURL: req.ReturnURL, LatePayment: req.LatePayment,
		LastSequence: 1, Version: 1, CorrelationID: req.CorrelationID, CreatedAt: now, UpdatedAt: now,
		ExpiresAt: now.Add(defaultExpiresIn),
	}
	if o.ID.IsZero() {
		o.ID = ids.New[ids.OrderEntity]()
	}
	if p := req.Period; p != nil { // as it is stored
		o.Period = &Period{Start: p.Start.UTC().Truncate(time.Microsecond), End: p.End.UTC().Truncate(time.Microsecond)}
	}
	if req.ExpiresIn > 0 {
		o.ExpiresAt = now.Add(req.ExpiresIn)
	}
	if o.LatePayment == "" {
		o.LatePayment = LatePaymentRefund
	}
	if o.Metadata == nil {
		o.Metadata = details.Metadata{}
	}
	if o.Items == nil {
		o.Items = []Item{}
	}
	return o, nil
}

func (s *Service) checkAmount(minor int64, code string) (money.Amount, error) {
	if code == "" {
		return money.Amount{}, fault.MissingParam("currency")
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return money.Amount{}, fault.InvalidParam("currency", "currency must be an ISO 4217 code such as eur.")
	}
	if minor < 1 || minor > s.config.MaxAmount {
		return money.Amount{}, fault.InvalidParam("amount",
			"amount must be between 1 and %d minor units.", s.config.MaxAmount)
	}
	amount := money.New(minor, currency)
	return amount, s.gateway.Accepts(amount)
}

func (s *Service) check(req CreateOrder, amount money.Amount) error {
	if err := details.CheckText("reference", req.Reference, maxReference); err != nil {
		return err
	}
	if err := details.CheckText("description", req.Description, details.MaxDescription); err != nil {
		return err
	}
	if err := checkItems(req.Items, amount); err != nil {
		return err
	}
	if err := req.Billing.Normalize("billing_details"); err != nil {
		return err
	}
	if err := req.Shipping.Normalize("shipping_details"); err != nil {
		return err
	}
	if err := checkReturnURL(req.ReturnURL, s.config); err != nil {
		return err
	}
	if req.ExpiresIn != 0 && (req.ExpiresIn < minExpiresIn || req.ExpiresIn > maxExpiresIn) {
		return fault.InvalidParam("expires_in", "expires_in must be between %d and %d seconds.",
			int64(minExpiresIn.Seconds()), int64(maxExpiresIn.Seconds()))
	}
	if p := req.Period; p != nil && (req.Subscription.IsZero() || !p.End.After(p.Start)) {
		return errors.New("a period is a subscription's, and ends after it begins")
	}
	switch req.LatePayment {
	case "", LatePaymentAccept, LatePaymentRefund, LatePaymentReview:
	default:
		return fault.InvalidParam("late_payment", "late_payment must be accept, refund or review.")
	}
	return req.Metadata.Check()
}

// insertParams writes a new order out as the arguments of OrderInsert.
func insertParams(o Order, idem Idempotency) (dbsqlc.OrderInsertParams, error) {
	args := dbsqlc.OrderInsertParams{
		ID: o.ID.UUID(), Livemode: o.Livemode, Reference: nilIfEmpty(o.Reference), Description: o.Description,
		CustomerID: o.Customer.Nullable(), Amount: o.Amount.Minor, Currency: o.Amount.Currency.Code(),
		ReturnUrl: o.ReturnURL, LatePayment: string(o.LatePayment), CorrelationID: o.CorrelationID, Now: o.CreatedAt,
		ExpiresAt: o.ExpiresAt,
	}
	args.SubscriptionID = o.Subscription.Nullable()
	if p := o.Period; p != nil {
		args.PeriodStart, args.PeriodEnd = &p.Start, &p.End
	}
	if o.Billing != nil {
		args.Email = nilIfEmpty(strings.ToLower(o.Billing.Email))
	}
	args.IdempotencyPrincipal, args.IdempotencyKey, args.IdempotencyFingerprint = idem.Columns()
	for _, column := range []struct {
		into  *json.RawMessage
		value any
		none  bool
	}{
		{&args.Items, o.Items, false},
		{&args.Billing, o.Billing, o.Billing == nil},
		{&args.Shipping, o.Shipping, o.Shipping == nil},
		{&args.Metadata, o.Metadata, false},
	} {
		if column.none {
			continue
		}
		raw, err := asJSON(column.value)
		if err != nil {
			return args, err
		}
		*column.into = raw
	}
	return args, nil
}

// replayCreate answers a repeated request from the row that its key created; errNoReplay when the key created none.
func (s *Service) replayCreate(ctx context.Context, idem Idempotency) (Created, error) {
	if idem.Key == "" {
		return Created{}, errNoReplay
	}
	row, err := s.queries.OrderByIdempotencyKey(ctx, dbsqlc.OrderByIdempotencyKeyParams{
		Principal: idem.Principal, Key: idem.Key,
	})
	if postgres.IsNoRows(err) {
		return Created{}, errNoReplay
	}
	if err != nil {
		return Created{}, fmt.Errorf("read the order of a repeated key: %w", postgres.Translate(err))
	}
	if err := idem.Matches(row.IdempotencyFingerprint); err != nil {
		return Created{}, err
	}
	o, err := orderFromRow(row)
	if err != nil {
		return Created{}, err
	}
	return Created{Order: o, ClientSecret: s.ClientSecret(o.ID), Replayed: true}, nil
}

// replayPeriod answers the order that was created before under the id of the draft, or for its period.
func (s *Service) replayPeriod(ctx context.Context, draft Order) (Created, error) {
	args := dbsqlc.OrderOfPeriodParams{ID: draft.ID.UUID(), SubscriptionID: draft.Subscription.Nullable()}
	if draft.Period != nil {
		args.PeriodStart = &draft.Period.Start
	}
	row, err := s.queries.OrderOfPeriod(ctx, args)
	if err != nil {
		return Created{}, fmt.Errorf("read the order that is there instead of %s: %w", draft.ID, postgres.Translate(err))
	}
	o, err := orderFromRow(row)
	if err != nil {
		return Created{}, err
	}
	if o.Subscription != draft.Subscription {
		return Created{}, fmt.Errorf("order %s is there already, and of something else", o.ID)
	}
	return Created{Order: o, ClientSecret: s.ClientSecret(o.ID), Replayed: true}, nil
}

func noCustomer() error {
	return fault.InvalidParam("customer", "There is no such customer. Create one with POST /v1/customers.")
}
