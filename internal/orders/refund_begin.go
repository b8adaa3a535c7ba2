package orders

import (
	"context"
	"errors"
	"fmt"
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

// unsentLease is how long a recorded refund belongs to the process that recorded it; if that dies, the sweep sends it.
const unsentLease = 30 * time.Second

// RefundRequest asks to give money back.
type RefundRequest struct {
	// Payment or Order, or both: an order stands for the payment that paid it.
	Payment       ids.Payment
	Order         ids.Order
	Idempotency   Idempotency
	CorrelationID string
	// Principal is who asks.
	Principal string
	// Amount is in minor units; nil gives back all that remains.
	Amount      *int64
	Reason      RefundReason
	Description string
	Metadata    details.Metadata
	// AllowDuplicate lets through what looks like a refund made shortly before.
	AllowDuplicate bool
}

func (r RefundRequest) validate() error {
	switch {
	case r.Payment.IsZero() && r.Order.IsZero():
		return fault.New(fault.Invalid, "parameter_missing", "payment or order is required.").WithParam("payment")
	case r.Amount != nil && *r.Amount <= 0:
		return fault.InvalidParam("amount", "amount must be a positive number of minor units.")
	}
	switch r.Reason {
	case "", RefundRequestedByCustomer, RefundDuplicate, RefundFraudulent, RefundOther:
	default:
		return fault.InvalidParam("reason", "reason must be one of %s.", joined(RefundReasons()))
	}
	if err := details.CheckText("description", r.Description, details.MaxDescription); err != nil {
		return err
	}
	return r.Metadata.Check()
}

// beginRefund is T1: from its commit on the refund exists, and its amount is reserved. What is left may shrink between
// looking and reserving; a request for all that remains then looks again.
func (s *Service) beginRefund(ctx context.Context, req RefundRequest) (Refund, error) {
	for range beginAttempts {
		p, err := s.paymentToRefund(ctx, req)
		if err != nil {
			return Refund{}, err
		}
		r, err := s.newRefund(p, req)
		if err != nil {
			return Refund{}, err
		}
		failpoint.Hit(failpoint.RefundBeforeT1)
		err = s.reserve(ctx, r, req)
		if err == nil {
			failpoint.Hit(failpoint.RefundAfterT1)
		}
		if !errors.Is(err, postgres.ErrGuard) {
			return r, err
		}
		if err := s.refusedRefund(ctx, r, req); !errors.Is(err, errOrderMoved) {
			return Refund{}, err
		}
	}
	return Refund{}, fault.New(fault.Conflict, "refund_in_progress", "The payment is being changed by other requests. Try again.")
}

// paymentToRefund is the payment named, or the one that paid the order named.
func (s *Service) paymentToRefund(ctx context.Context, req RefundRequest) (Payment, error) {
	if !req.Payment.IsZero() {
		p, err := s.GetPayment(ctx, req.Payment)
		if err == nil && !req.Order.IsZero() && p.Order != req.Order {
			err = fault.InvalidParam("order", "The payment is not one of this order's.")
		}
		return p, err
	}
	o, err := s.Get(ctx, req.Order)
	if err != nil {
		return Payment{}, err
	}
	row, err := s.queries.PaymentLiveOfOrder(ctx, o.ID.UUID())
	if postgres.IsNoRows(err) {
		return Payment{}, exceedsRemaining("The order has not been paid: there is nothing to give back.")
	}
	if err != nil {
		return Payment{}, fmt.Errorf("read the payment of %s: %w", o.ID, postgres.Translate(err))
	}
	return paymentFromRow(row)
}

// newRefund is the refund that the request asks for, refused when the payment does not hold that much.
func (s *Service) newRefund(p Payment, req RefundRequest) (Refund, error) {
	amount := p.Refundable()
	if req.Amount != nil {
		amount = *req.Amount
	}
	if err := s.mayRefund(p, amount); err != nil {
		return Refund{}, err
	}
	now := s.now()
	id := ids.New[ids.RefundEntity]()
	r := Refund{
		ID: id, Order: p.Order, Payment: p.ID, Livemode: p.Livemode, Amount: money.New(amount, p.Amount.Currency),
		Reason: req.Reason, Origin: RefundFromAPI, Status: RefundPending, MerchantTxnID: id.String(),
		Description: req.Description, Metadata: req.Metadata, CorrelationID: req.CorrelationID,
		CreatedBy: req.Principal, CreatedAt: now, UpdatedAt: now, NextCheckAt: now.Add(unsentLease),
	}
	if p.AmountRefunded+p.AmountRefundPending+amount > s.config.ApprovalAbove.of(p.Amount.Currency) {
		r.Approval, r.NextCheckAt = &RefundApproval{Status: RefundApprovalRequired}, time.Time{}
	}
	if r.Reason == "" {
		r.Reason = RefundOther
	}
	if r.Metadata == nil {
		r.Metadata = details.Metadata{}
	}
	return r, s.config.refunds().AcceptsRefund(r.Amount)
}

// mayRefund refuses to give back what the payment does not hold, or holds for too long or too often already.
func (s *Service) mayRefund(p Payment, amount int64) error {
	if remaining := p.Refundable(); amount > remaining || remaining <= 0 {
		return exceedsRemaining("Of this payment %s can be refunded; its status is %s.",
			money.New(max(0, remaining), p.Amount.Currency), p.Status)
	}
	return s.withinLimits(p.FinalAt, p.RefundCount)
}

// reserve writes the refund and its reservation behind the order's lock, in one round trip. It returns postgres.ErrGuard when
// the statement refused. A caller who leaves meanwhile must not leave it open whether it was committed.
func (s *Service) reserve(ctx context.Context, r Refund, req RefundRequest) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.config.CallerDeadline,
		errors.New("the refund could not be recorded in time"))
	defer cancel()
	object, err := asJSON(r.Resource())
	if err != nil {
		return err
	}
	metadata, err := asJSON(r.Metadata)
	if err != nil {
		return err
	}
	principal, key, fingerprint := req.Idempotency.Columns()
	approval, _, _ := r.Approval.columns()
	batch := &pgx.Batch{}
	batch.Queue(dbsqlc.OrderLock, r.Order.UUID())
	_, err = dbsqlc.New(postgres.NewQueue(batch)).RefundBegin(ctx, dbsqlc.RefundBeginParams{
		Amount: r.Amount.Minor, Now: r.CreatedAt, PaymentID: r.Payment.UUID(), OrderID: r.Order.UUID(),
		PaidSince: s.refundablePaidSince(), MaxCount: s.refundMaxCount(), Reason: string(r.Reason), TwinsSince: s.twinsSince(req), ID: r.ID.UUID(), Currency: r.Amount.Currency.Code(),
		MerchantTxnID: r.MerchantTxnID, Description: r.Description, Metadata: metadata, IdempotencyPrincipal: principal,
		IdempotencyKey: key, IdempotencyFingerprint: fingerprint, CorrelationID: r.CorrelationID, NextCheckAt: timeOrNil(r.NextCheckAt),
		ApprovalAbove: s.config.ApprovalAbove.of(r.Amount.Currency), Approval: approval, CreatedBy: nilIfEmpty(r.CreatedBy),
		EventID: ids.New[ids.EventEntity]().UUID(), EventObject: object,
	})
	if err != nil {
		return err
	}
	return s.pool.SendBatch(ctx, batch).Close()
}

// twinsSince is from when on a refund that looks the same makes this one a possible duplicate: never, if it is allowed.
func (s *Service) twinsSince(req RefundRequest) time.Time {
	now := s.now()
	if req.AllowDuplicate {
		return now.Add(100 * 365 * 24 * time.Hour)
	}
	return now.Add(-s.config.DuplicateWindow)
}

// refusedRefund explains why the statement refused a refund that looked possible; errOrderMoved when it is possible again.
func (s *Service) refusedRefund(ctx context.Context, r Refund, req RefundRequest) error {
	p, err := s.GetPayment(ctx, r.Payment)
	if err != nil {
		return err
	}
	if remaining := p.Refundable(); r.Amount.Minor > remaining && req.Amount == nil && remaining > 0 {
		return errOrderMoved
	}
	if err := s.mayRefund(p, r.Amount.Minor); err != nil {
		return err
	}
	twin, err := s.queries.RefundTwin(ctx, dbsqlc.RefundTwinParams{
		PaymentID: p.ID.UUID(), Amount: r.Amount.Minor, Reason: string(r.Reason), Since: s.twinsSince(req),
	})
	if postgres.IsNoRows(err) {
		return errOrderMoved
	}
	if err != nil {
		return fmt.Errorf("look for a refund like the one of %s: %w", p.ID, postgres.Translate(err))
	}
	return fault.New(fault.Conflict, "possible_duplicate_refund",
		"Refund %s of the same payment, amount and reason was made shortly before. Set allow_duplicate to make another.",
		ids.From[ids.RefundEntity](twin.ID))
}

func exceedsRemaining(format string, args ...any) error {
	return fault.New(fault.Refused, "refund_exceeds_remaining", format, args...).WithParam("amount")
}

func missingRefund(id ids.Refund) error { return fault.Missing("refund", id.String()) }
