package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/fault"
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
)

// PayRequest asks to pay an order by card.
type PayRequest struct {
	Order         ids.Order
	Idempotency   Idempotency
	CorrelationID string
	Card          Card
	CaptureMethod CaptureMethod
	ThreeDS       ThreeDS
	Browser       Browser
	ReturnURL     string
	Metadata      Metadata
	Description   string
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
// in the result; Refused idempotency_key_reused; Conflict idempotency_in_flight; Unavailable provider_unavailable when
// nothing was charged and the request may be repeated.
func (s *Service) Pay(ctx context.Context, req PayRequest) (PayResult, error) {
	if err := req.validate(s.config); err != nil {
		return PayResult{}, err
	}
	for range beginAttempts {
		o, err := s.Get(ctx, req.Order)
		if err != nil {
			return PayResult{}, err
		}
		if !o.Status.Payable() || !o.ExpiresAt.After(s.now()) {
			return s.refusePay(ctx, o, req)
		}
		if err := payable(o); err != nil {
			return PayResult{}, err
		}
		if err := s.gateway.Admit(ctx); err != nil {
			return PayResult{}, err
		}
		o, p, err := s.begin(ctx, o, req)
		switch {
		case err == nil:
			return s.charge(ctx, o, p, req)
		case postgres.IsUnique(err, "payments_idempotency_key"):
			return s.replayPay(ctx, req)
		case errors.Is(err, errOrderMoved), postgres.IsUnique(err, "payments_one_live_per_order"):
			continue
		default:
			return PayResult{}, fmt.Errorf("begin a payment of %s: %w", req.Order, postgres.Translate(err))
		}
	}
	return PayResult{}, fault.New(fault.Conflict, "payment_in_progress", "The order is being changed by other requests. Try again.")
}

// errOrderMoved says that the order changed between reading it and writing to it.
var errOrderMoved = errors.New("order moved on")

// begin is T1: from its commit on the payment exists, whatever dies.
func (s *Service) begin(ctx context.Context, o Order, req PayRequest) (Order, Payment, error) {
	now := s.now()
	p := newPayment(o, req, now)
	p.NextCheckAt = s.config.Schedule.Next(now, now)
	object, err := asJSON(p.Resource())
	if err != nil {
		return o, p, err
	}
	metadata, err := asJSON(p.Resource().Metadata)
	if err != nil {
		return o, p, err
	}
	principal, key, fingerprint := req.Idempotency.columns()
	touched, err := s.queries.PaymentBegin(ctx, dbsqlc.PaymentBeginParams{
		Attempt: int32(p.Attempt), ID: p.ID.UUID(), Now: now, OrderID: o.ID.UUID(), Version: o.Version, //nolint:gosec // a handful
		CaptureMethod: string(p.CaptureMethod), Amount: p.Amount.Minor, Currency: p.Amount.Currency.Code(),
		MerchantTxnID: p.MerchantTxnID, CardBrand: p.Card.Brand, CardLast4: p.Card.Last4,
		CardExpMonth: int16(p.Card.ExpMonth), CardExpYear: int16(p.Card.ExpYear), ReturnUrl: p.ReturnURL, //nolint:gosec // validated
		Description: p.Description, Metadata: metadata, IdempotencyPrincipal: principal, IdempotencyKey: key,
		IdempotencyFingerprint: fingerprint, CorrelationID: p.CorrelationID, NextCheckAt: &p.NextCheckAt,
		EventID: ids.New[ids.EventEntity]().UUID(), EventObject: object,
	})
	if err != nil {
		return o, p, err
	}
	if touched == 0 {
		return o, p, errOrderMoved
	}
	o.Status, o.Attempts, o.LatestPayment = StatusPending, p.Attempt, p.ID
	o.LastSequence++
	o.Version++
	return o, p, nil
}

func newPayment(o Order, req PayRequest, now time.Time) Payment {
	id := ids.New[ids.PaymentEntity]()
	returnURL := req.ReturnURL
	if returnURL == "" {
		returnURL = o.ReturnURL
	}
	return Payment{
		ID: id, Order: o.ID, Attempt: o.Attempts + 1, Status: PaymentProcessing, Amount: o.Amount,
		CaptureMethod: CaptureAutomatic, MerchantTxnID: id.String(), Card: req.Card.Summary(), ReturnURL: returnURL,
		Metadata: req.Metadata, Description: req.Description, Livemode: o.Livemode, CorrelationID: req.CorrelationID,
		CreatedAt: now, UpdatedAt: now, SentAt: now,
	}
}

// charge sends the sale on a context that outlives the caller and waits for the outcome as long as the caller may wait.
func (s *Service) charge(ctx context.Context, o Order, p Payment, req PayRequest) (PayResult, error) {
	type outcome struct {
		payment   Payment
		neverSent bool
	}
	done := make(chan outcome, 1)
	s.inFlight.Go(func() {
		ctx := context.WithoutCancel(ctx)
		ev := s.send(ctx, s.saleOf(o, p, req))
		done <- outcome{s.record(ctx, o, p, ev), ev.Outcome == OutcomeNeverSent}
	})
	deadline := time.NewTimer(s.config.CallerDeadline)
	defer deadline.Stop()
	select {
	case out := <-done:
		if out.neverSent {
			return PayResult{Payment: out.payment}, fault.Down("provider_unavailable", retryLater, nil,
				"The payment provider cannot be reached. Nothing was charged; repeat the request.")
		}
		return PayResult{Payment: out.payment}, nil
	case <-deadline.C:
	case <-ctx.Done():
	}
	return PayResult{Payment: p}, nil
}

// send calls the provider, once. A defect on the way must not end the process with a charge in the air: what panics after
// sending is unknown, and queries settle it.
func (s *Service) send(ctx context.Context, sale Sale) (ev Evidence) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.ChargeTimeout, errors.New("the provider did not answer in time"))
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			s.log.ErrorContext(ctx, "panic while charging", slog.String("payment", sale.Payment.String()))
			ev = Evidence{Source: SourceAnswer, Outcome: OutcomeUnknown}
		}
	}()
	return s.gateway.Sale(ctx, sale)
}

// record is T2. An answer must not be lost because the database is away for a moment: it is tried again for a while, and
// what is lost even then is found by the query of the settling sweep.
func (s *Service) record(ctx context.Context, o Order, p Payment, ev Evidence) Payment {
	ctx, cancel := context.WithTimeoutCause(ctx, recordPatience, errors.New("the answer could not be recorded in time"))
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		applied, err := s.applyAt(ctx, o, p, ev)
		if err == nil {
			return applied.Payment
		}
		s.log.ErrorContext(ctx, "record the provider's answer",
			slog.String("payment", p.ID.String()), slog.Any("error", err))
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return p
		}
	}
}

// refusePay explains why the order cannot be paid now, after making sure that this very request has not begun a payment
// already.
func (s *Service) refusePay(ctx context.Context, o Order, req PayRequest) (PayResult, error) {
	if req.Idempotency.Key != "" {
		result, err := s.replayPay(ctx, req)
		if !errors.Is(err, errNoReplay) {
			return result, err
		}
	}
	if o.Status == StatusPending || o.Status == StatusAuthorized {
		row, err := s.queries.PaymentLiveOfOrder(ctx, o.ID.UUID())
		if err != nil && !postgres.IsNoRows(err) {
			return PayResult{}, fmt.Errorf("read the live payment of %s: %w", o.ID, postgres.Translate(err))
		}
		if err == nil {
			live, err := paymentFromRow(row)
			if err != nil {
				return PayResult{}, err
			}
			return PayResult{Payment: live}, fault.New(fault.Conflict, "payment_in_progress",
				"Payment %s of this order is %s. Wait for its outcome or continue it.", live.ID, live.Status)
		}
	}
	if o.Status == StatusOpen {
		return PayResult{}, fault.New(fault.Conflict, "order_not_payable", "The order has expired. Create a new one.")
	}
	return PayResult{}, fault.New(fault.Conflict, "order_not_payable", "The order is %s and cannot be paid.", o.Status)
}

// errNoReplay says that no payment of the order was begun with the key.
var errNoReplay = errors.New("key not used")

// replayPay answers a repeated request from the row that its key created.
func (s *Service) replayPay(ctx context.Context, req PayRequest) (PayResult, error) {
	row, err := s.queries.PaymentByIdempotencyKey(ctx, dbsqlc.PaymentByIdempotencyKeyParams{
		OrderID: req.Order.UUID(), Principal: req.Idempotency.Principal, Key: req.Idempotency.Key,
	})
	if postgres.IsNoRows(err) {
		return PayResult{}, errNoReplay
	}
	if err != nil {
		return PayResult{}, fmt.Errorf("read the payment of a repeated key: %w", postgres.Translate(err))
	}
	if err := req.Idempotency.matches(row.IdempotencyFingerprint); err != nil {
		return PayResult{}, err
	}
	p, err := paymentFromRow(row)
	if err != nil {
		return PayResult{}, err
	}
	// Only the call itself ends `processing` without an id from the provider; while it can be under way, there is no answer
	// to repeat.
	inFlight := p.Status == PaymentProcessing && p.ProviderTransactionID == "" &&
		s.now().Sub(p.SentAt) < s.config.ChargeTimeout
	if inFlight {
		return PayResult{}, idempotencyInFlight()
	}
	return PayResult{Payment: p, Replayed: true}, nil
}
