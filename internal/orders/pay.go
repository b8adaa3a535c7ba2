package orders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/failpoint"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

const (
	// beginAttempts bounds how often a charge is begun anew when the order changes between reading and writing.
	beginAttempts = 4
	// recordPatience bounds how long a finished call's answer is kept for a database that is away.
	recordPatience = 30 * time.Second
	retryLater     = time.Second
	firstRetry     = 50 * time.Millisecond // doubled each time
	// retractLooks is how often a recording whose answer was lost is looked for: over twelve seconds, longer than the
	// database goes on with a statement.
	retractLooks = 9
)

// PayRequest asks to pay an order. Without a Method it is by card, new or saved; for any other the Card is zero.
type PayRequest struct {
	Order         ids.Order
	Idempotency   Idempotency
	CorrelationID string
	Method        MethodType
	// Card is what is paid with, unless Saved names a card that is kept for the order's customer.
	Card  cards.Card
	Saved ids.PaymentMethod
	// Local is what a local method is paid with; zero unless that is the Method.
	Local Local
	// Save has the card kept for the order's customer.
	Save          bool
	CaptureMethod CaptureMethod
	ThreeDS       ThreeDS
	Browser       Browser
	ReturnURL     string
	Metadata      details.Metadata
	Description   string
	// Charge makes it a payment of a subscription; nil for a shopper's.
	Charge *SubscriptionCharge

	// What the order's customer brings to the request (equip).
	contact details.Contact
	saved   cards.Saved
}

// PayResult is the payment as it stands when the caller is answered. A decline is a result, not an error.
type PayResult struct {
	Payment Payment
	// Replayed: the key had begun this payment before; nothing was sent now.
	Replayed bool
}

// Pay begins a payment: it records the attempt (T1), sends the sale once, and records the answer (T2). The caller waits at
// most the caller's deadline; the call goes on after that and after the caller has left, and the payment it returns may
// then still be processing.
//
// It returns a fault: Invalid for a bad request, Conflict order_not_payable, or payment_in_progress with the live attempt
// in the result; Refused idempotency_key_reused, or payment_method_not_allowed for a saved card that is not the
// customer's, or a local method that is not offered; Conflict idempotency_in_flight; Unavailable provider_unavailable when
// nothing was charged and the request may be repeated. A Charge repeats under another id then, where its payment was recorded; one
// that no code of ours may ask for is an error that is no fault.
func (s *Service) Pay(ctx context.Context, req PayRequest) (PayResult, error) {
	if err := req.validate(s.config); err != nil {
		return PayResult{}, err
	}
	for range beginAttempts {
		o, err := s.Get(ctx, req.Order)
		if err != nil {
			return PayResult{}, err
		}
		result, err := s.payOnce(ctx, o, req)
		if !errors.Is(err, errOrderMoved) {
			return result, err
		}
	}
	return s.refuseMoving(ctx, req.Order)
}

// Payable reports whether a shopper may begin a payment of the order as it was read now.
func (s *Service) Payable(o Order) bool { return o.Subscription.IsZero() && s.collectable(o) }

// collectable reports whether a payment of the order may begin now, whoever begins it.
func (s *Service) collectable(o Order) bool { return o.Status.Payable() && o.ExpiresAt.After(s.now()) }

// payOnce begins and sends a payment of the order as it was read; errOrderMoved when it is not like that any more.
func (s *Service) payOnce(ctx context.Context, o Order, req PayRequest) (PayResult, error) {
	if err := req.fits(o); err != nil {
		return PayResult{}, err
	}
	if req.Charge != nil {
		if result, err := s.replayPay(ctx, req); !errors.Is(err, errNoReplay) {
			return result, err
		}
	}
	if !s.collectable(o) {
		return s.refusePay(ctx, o, req)
	}
	if err := s.equip(ctx, o, &req); err != nil {
		return s.replayOr(ctx, req, err)
	}
	if err := s.gateway.Admit(ctx, req.initiator()); err != nil {
		// A repeated key has its answer here, whether the provider can be reached now or not.
		return s.replayOr(ctx, req, err)
	}
	original, err := s.originalOf(ctx, o)
	if err != nil {
		return PayResult{}, err
	}
	began := s.realNow()
	o, p, err := s.begin(ctx, o, req)
	switch {
	case err == nil:
		return s.charge(ctx, o, p, req, s.saleOf(o, p, req, original), began)
	case postgres.IsUnique(err, "payments_pkey"), postgres.IsUnique(err, "payments_idempotency_key"):
		// Moved on, when the key has been set free since: its request turned out never to have been sent.
		return s.replayOr(ctx, req, errOrderMoved)
	case errors.Is(err, errOrderMoved), postgres.IsForeignKey(err, "payments_method_allowed"), postgres.IsUnique(err, "payments_one_live_per_order"):
		return PayResult{}, errOrderMoved
	default:
		if !p.ID.IsZero() && postgres.MayHaveHappened(err) {
			s.retract(ctx, p)
		}
		return PayResult{}, fmt.Errorf("begin a payment of %s: %w", req.Order, postgres.Translate(err))
	}
}

// errOrderMoved says that the order changed between reading it and writing to it.
var errOrderMoved = errors.New("order moved on")

// begin is T1: from its commit on the payment exists, whatever dies. A caller who leaves meanwhile must not leave it open
// whether it was committed: that would lock the order until the provider has denied the payment often enough.
func (s *Service) begin(ctx context.Context, o Order, req PayRequest) (Order, Payment, error) {
	if ctx.Err() != nil {
		return o, Payment{}, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.config.CallerDeadline,
		errors.New("the payment could not be recorded in time"))
	defer cancel()
	now := s.now()
	p := newPayment(o, req, now)
	if req.Charge != nil {
		p.BegunAt = s.realNow().UTC().Truncate(time.Microsecond)
	}
	p.NextCheckAt = s.config.Schedule.Next(now, now)
	failpoint.Hit(failpoint.PayBeforeT1)
	if err := s.recordAttempt(ctx, o, p, req.Idempotency); err != nil {
		return o, p, err
	}
	failpoint.Hit(failpoint.PayAfterT1)
	o.Status, o.Attempts, o.LatestPayment = StatusPending, p.Attempt, p.ID
	o.LastSequence++
	o.Version++
	return o, p, nil
}

// recordAttempt writes the order's reservation, the attempt and its event, in one round trip. It returns errOrderMoved when the
// order is not what it was.
func (s *Service) recordAttempt(ctx context.Context, o Order, p Payment, idem Idempotency) error {
	object, err := asJSON(p.Resource())
	if err != nil {
		return err
	}
	metadata, err := asJSON(p.Metadata)
	if err != nil {
		return err
	}
	attempt := int32(p.Attempt) //nolint:gosec // a handful
	principal, key, fingerprint := idem.Columns()
	batch := &pgx.Batch{}
	queries := dbsqlc.New(postgres.NewQueue(batch))
	_, reserve := queries.OrderReserve(ctx, dbsqlc.OrderReserveParams{
		ID: o.ID.UUID(), Version: o.Version, Attempt: attempt, PaymentID: p.ID.UUID(), Now: p.CreatedAt,
	})
	insert := queries.PaymentInsert(ctx, dbsqlc.PaymentInsertParams{
		ID: p.ID.UUID(), OrderID: o.ID.UUID(), Livemode: o.Livemode, Attempt: attempt, Now: p.CreatedAt,
		CaptureMethod: string(p.CaptureMethod), Amount: p.Amount.Minor, Currency: p.Amount.Currency.Code(),
		Method: string(p.Method), LocalMethod: p.LocalMethod, MerchantTxnID: p.MerchantTxnID, CardBrand: p.Card.Brand, CardLast4: p.Card.Last4,
		CardExpMonth: int16(p.Card.ExpMonth), CardExpYear: int16(p.Card.ExpYear), ReturnUrl: p.ReturnURL, //nolint:gosec // validated
		Description: p.Description, Metadata: metadata, IdempotencyPrincipal: principal, IdempotencyKey: key,
		IdempotencyFingerprint: fingerprint, CorrelationID: p.CorrelationID, NextCheckAt: &p.NextCheckAt,
		PaymentMethodID: p.PaymentMethod.Nullable(), Initiator: string(p.Initiator), BegunAt: timeOrNil(p.BegunAt),
	})
	tell := queries.EventsInsert(ctx, oneEvent(o, o.LastSequence+1, "payment.processing", object, p.CorrelationID, p.CreatedAt))
	if err := errors.Join(reserve, insert, tell, s.pool.SendBatch(ctx, batch).Close()); postgres.IsRetryable(err) {
		return errOrderMoved
	} else if err != nil {
		return err
	}
	return nil
}

func newPayment(o Order, req PayRequest, now time.Time) Payment {
	id := ids.New[ids.PaymentEntity]() // drawn now: its time says when the call began
	if req.Charge != nil {
		id = req.Charge.ID
	}
	returnURL := req.ReturnURL
	if returnURL == "" {
		returnURL = o.ReturnURL
	}
	metadata := req.Metadata
	if metadata == nil {
		metadata = details.Metadata{}
	}
	capture := req.CaptureMethod
	if capture == "" {
		capture = CaptureAutomatic
	}
	card := req.Card.Summary()
	if !req.Saved.IsZero() {
		card = req.saved.Card
	}
	if req.initiator() == InitiatorMerchant {
		card, returnURL = req.Charge.Contract.Card, ""
	}
	return Payment{
		PaymentMethod: req.Saved, ID: id, Order: o.ID, Attempt: o.Attempts + 1, Status: PaymentProcessing, Amount: o.Amount,
		CaptureMethod: capture, Initiator: req.initiator(), Method: cmp.Or(req.Method, MethodCard), LocalMethod: req.Local.Method,
		MerchantTxnID: id.String(), Card: card, ReturnURL: returnURL,
		Metadata: metadata, Description: req.Description, Livemode: o.Livemode, CorrelationID: req.CorrelationID,
		CreatedAt: now, UpdatedAt: now, SentAt: now,
	}
}
