package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/details"
	"tillway/internal/failpoint"
	"tillway/internal/fault"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// CaptureRequest asks to take the money that a payment holds. Amount is in minor units; nil is all of it.
type CaptureRequest struct {
	Payment       ids.Payment
	Idempotency   Idempotency
	CorrelationID string
	Amount        *int64
}

// Capture takes the money that an authorized payment holds: all of it, or a part where Config.PartialCapture allows that, for the
// sources disagree whether the provider does (Onerway contract §16). The rest is released then. The caller waits at most the
// caller's deadline; the payment it returns may then still be authorized.
//
// It returns a fault: Invalid for a bad amount; Conflict payment_not_capturable; Refused capture_exceeds_authorized,
// partial_capture_not_supported, provider_refused or idempotency_key_reused; Unavailable provider_unavailable when nothing was
// captured and the request may be repeated.
func (s *Service) Capture(ctx context.Context, req CaptureRequest) (PayResult, error) {
	return s.modify(ctx, ModificationCapture, req)
}

// Void gives up what an authorized payment holds. Voiding a payment that was voided answers it again. It returns a fault as
// Capture does, Conflict payment_not_cancelable where nothing is held.
func (s *Service) Void(ctx context.Context, req CaptureRequest) (PayResult, error) {
	return s.modify(ctx, ModificationVoid, req)
}

func (s *Service) modify(ctx context.Context, kind ModificationKind, req CaptureRequest) (PayResult, error) {
	if result, err := s.replayModification(ctx, kind, req); !errors.Is(err, errNoReplay) {
		return result, err
	}
	p, err := s.GetPayment(ctx, req.Payment)
	if err != nil {
		return PayResult{}, err
	}
	if kind == ModificationVoid && p.Status == PaymentCanceled && p.CaptureMethod == CaptureManual {
		return PayResult{Payment: p}, nil
	}
	m, began, err := s.admitModification(ctx, p, kind, req)
	if refused(err) {
		// What forbids it may be what another request with the same key has begun meanwhile.
		if result, again := s.replayModification(ctx, kind, req); !errors.Is(again, errNoReplay) {
			return result, again
		}
		return PayResult{Payment: p}, err
	}
	if err != nil {
		return PayResult{}, err
	}
	return s.carryOut(ctx, p, m, began)
}

// refused reports whether it is the state of things that forbids what was asked.
func refused(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Conflict || kind == fault.Refused
}

// admitModification checks what is asked for and begins it. It returns when that was about to be recorded, in real time.
func (s *Service) admitModification(
	ctx context.Context, p Payment, kind ModificationKind, req CaptureRequest,
) (Modification, time.Time, error) {
	if err := s.mayModify(p, kind, req.Amount); err != nil {
		return Modification{}, time.Time{}, err
	}
	if err := s.gateway.Admit(ctx, InitiatorCustomer); err != nil {
		return Modification{}, time.Time{}, err
	}
	began := s.realNow()
	m, err := s.beginModification(ctx, p, kind, req)
	switch {
	case postgres.IsUnique(err, "modifications_idempotency_key"), postgres.IsUnique(err, "modifications_one_live_per_payment"),
		errors.Is(err, postgres.ErrGuard):
		err = notHeld(kind, "The payment is being captured or voided already.")
	case err != nil:
		err = fmt.Errorf("begin a %s of %s: %w", kind, p.ID, postgres.Translate(err))
	}
	return m, began, err
}

// mayModify checks what is asked for against the payment as it stands.
func (s *Service) mayModify(p Payment, kind ModificationKind, amount *int64) error {
	switch {
	case !p.Held():
		return notHeld(kind, fmt.Sprintf("The payment is %s and holds no authorization.", p.Status))
	case amount == nil || *amount == p.AmountAuthorized:
		return nil
	case *amount <= 0:
		return fault.InvalidParam("amount", "amount must be a positive number of minor units.")
	case *amount > p.AmountAuthorized:
		return fault.New(fault.Refused, "capture_exceeds_authorized", "Of this payment %s is authorized.",
			money.New(p.AmountAuthorized, p.Amount.Currency)).WithParam("amount")
	case !s.config.PartialCapture:
		return fault.New(fault.Refused, "partial_capture_not_supported",
			"The payment provider captures the whole authorization only: %s. Refund the rest afterwards.",
			money.New(p.AmountAuthorized, p.Amount.Currency)).WithParam("amount")
	default:
		return s.gateway.Accepts(money.New(*amount, p.Amount.Currency))
	}
}

func notHeld(kind ModificationKind, message string) error {
	code := "payment_not_capturable"
	if kind == ModificationVoid {
		code = "payment_not_cancelable"
	}
	return fault.New(fault.Conflict, code, "%s", message)
}

// beginModification is T1: from its commit on the capture or void exists, whatever dies. It is never sent again.
func (s *Service) beginModification(ctx context.Context, p Payment, kind ModificationKind, req CaptureRequest) (Modification, error) {
	if ctx.Err() != nil {
		return Modification{}, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.config.CallerDeadline,
		errors.New("the request could not be recorded in time"))
	defer cancel()
	now := s.now()
	id := ids.New[ids.ModificationEntity]()
	m := Modification{
		ID: id, Order: p.Order, Payment: p.ID, Livemode: p.Livemode, Kind: kind,
		Amount: money.New(p.AmountAuthorized, p.Amount.Currency), Status: ModificationPending, MerchantTxnID: id.String(),
		CorrelationID: req.CorrelationID, SentAt: now, NextCheckAt: s.config.Schedule.Next(now, now),
	}
	if req.Amount != nil {
		m.Amount.Minor = *req.Amount
	}
	var part *int64
	if m.Amount.Minor < p.AmountAuthorized {
		part = &m.Amount.Minor
	}
	principal, key, fingerprint := req.Idempotency.Columns()
	failpoint.Hit(failpoint.ModifyBeforeT1)
	batch := &pgx.Batch{}
	batch.Queue(dbsqlc.OrderLock, p.Order.UUID())
	_, err := dbsqlc.New(postgres.NewQueue(batch)).ModificationBegin(ctx, dbsqlc.ModificationBeginParams{
		ID: id.UUID(), Kind: string(kind), Amount: m.Amount.Minor, Currency: m.Amount.Currency.Code(),
		MerchantTxnID: m.MerchantTxnID, IdempotencyPrincipal: principal, IdempotencyKey: key,
		IdempotencyFingerprint: fingerprint, CorrelationID: m.CorrelationID, Now: now, NextCheckAt: m.NextCheckAt,
		PaymentID: p.ID.UUID(), CaptureAmount: part,
	})
	if err == nil {
		err = s.pool.SendBatch(ctx, batch).Close()
	}
	if err == nil {
		failpoint.Hit(failpoint.ModifyAfterT1)
	}
	return m, err
}

// carryOut sends the capture or void on a context that outlives the caller and waits as long as the caller may wait.
func (s *Service) carryOut(ctx context.Context, p Payment, m Modification, began time.Time) (PayResult, error) {
	type outcome struct {
		payment      Payment
		modification Modification
	}
	done := make(chan outcome, 1)
	s.inFlight.Go(func() {
		ctx := context.WithoutCancel(ctx)
		out := outcome{p, m}
		ev := s.sendModification(ctx, p, m, began)
		failpoint.Hit(failpoint.ModifyAnswered)
		s.insist(ctx, m.MerchantTxnID, func(ctx context.Context) error {
			payment, modification, err := s.ApplyModification(ctx, m.MerchantTxnID, ev, nil)
			if err == nil {
				out = outcome{payment, modification}
			}
			return err
		})
		failpoint.Hit(failpoint.ModifyAfterT2)
		done <- out
	})
	deadline := time.NewTimer(s.config.CallerDeadline)
	defer deadline.Stop()
	select {
	case out := <-done:
		return PayResult{Payment: out.payment}, failed(out.modification)
	case <-deadline.C:
	case <-ctx.Done():
	}
	return PayResult{Payment: p}, nil
}

// failed is the fault of a capture or void that failed, nil of any other.
func failed(m Modification) error {
	switch {
	case m.Failure == nil:
		return nil
	case m.Failure.Code == "provider_unavailable":
		return fault.Down("provider_unavailable", retryLater, nil, "%s Repeat the request.", m.Failure.Message)
	default:
		return fault.New(fault.Refused, m.Failure.Code, "%s", m.Failure.Message)
	}
}

// sendModification calls the provider, once, within the time that a call may take since it was about to be recorded.
func (s *Service) sendModification(ctx context.Context, p Payment, m Modification, began time.Time) (ev Evidence) {
	left := s.config.ChargeTimeout - max(0, s.realNow().Sub(began))
	if left <= 0 {
		return Evidence{Source: SourceAnswer, Outcome: OutcomeNeverSent}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, left, errors.New("the provider did not answer in time"))
	defer cancel()
	defer func() {
		if recover() != nil {
			s.log.ErrorContext(ctx, "panic while modifying a payment", slog.String("payment", p.ID.String()))
			ev = Evidence{Source: SourceAnswer, Outcome: OutcomeUnknown}
		}
	}()
	order := ModificationOrder{
		MerchantTxnID: m.MerchantTxnID, OriginTransactionID: p.ProviderTransactionID, Kind: m.Kind,
		SandboxFault: details.SandboxFault(s.config.Livemode, p.Metadata),
	}
	if m.Amount.Minor < p.AmountAuthorized {
		order.Amount = m.Amount
	}
	return s.config.modifications().Modify(ctx, order)
}

// replayModification answers a repeated request from the row that its key created; errNoReplay when the key created none.
func (s *Service) replayModification(ctx context.Context, kind ModificationKind, req CaptureRequest) (PayResult, error) {
	if req.Idempotency.Key == "" {
		return PayResult{}, errNoReplay
	}
	row, err := s.queries.ModificationByIdempotencyKey(ctx, dbsqlc.ModificationByIdempotencyKeyParams{
		PaymentID: req.Payment.UUID(), Kind: string(kind), Principal: req.Idempotency.Principal, Key: req.Idempotency.Key,
	})
	if postgres.IsNoRows(err) {
		return PayResult{}, errNoReplay
	}
	if err != nil {
		return PayResult{}, fmt.Errorf("read the %s of a repeated key: %w", kind, postgres.Translate(err))
	}
	if err := req.Idempotency.Matches(row.IdempotencyFingerprint); err != nil {
		return PayResult{}, err
	}
	m, err := modificationFromRow(row)
	if err != nil {
		return PayResult{}, err
	}
	// As for payments: no answer is repeated while the first request may still be waiting for its own.
	patience := min(s.config.CallerDeadline, s.config.ChargeTimeout)
	if m.Status == ModificationPending && m.ProviderTransactionID == "" && s.now().Sub(m.SentAt) < patience {
		return PayResult{}, idempotency.InFlight()
	}
	p, err := s.GetPayment(ctx, req.Payment)
	if err == nil {
		err = failed(m)
	}
	return PayResult{Payment: p, Replayed: true}, err
}
