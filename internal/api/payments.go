package api

import (
	"context"
	"errors"
	"net/http"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// paymentResource is a payment with what can be done with it now.
type paymentResource struct {
	orders.PaymentResource

	Links links `json:"_links"`
}

func (s *server) createPayment(ctx context.Context, in *call[createPaymentBody]) (*answer, error) {
	result, err := s.Orders.Pay(ctx, in.Body.request(in))
	note(ctx, in.Order, result.Payment.ID)
	if err != nil {
		return nil, s.withPayment(err, result.Payment, in.Caller)
	}
	out, err := s.paymentAnswer(result.Payment, in.Caller)
	out.Replayed = result.Replayed
	return out, err
}

// withPayment shows the payment that an error is about, if there is one.
func (s *server) withPayment(err error, p orders.Payment, caller principal) error {
	shown, ok := errors.AsType[*fault.Error](err)
	if !ok || p.ID.IsZero() || shown.Kind == fault.Unavailable {
		return err
	}
	return &paymentError{fault: shown, payment: p, links: s.paymentLinks(p, caller)}
}

// paymentAnswer says how an attempt at paying stands: done or waiting for the shopper, not known yet, or an error that
// shows the payment.
func (s *server) paymentAnswer(p orders.Payment, caller principal) (*answer, error) {
	out := &answer{Body: s.payment(p, caller)}
	switch p.Status {
	case orders.PaymentSucceeded, orders.PaymentAuthorized, orders.PaymentRequiresAction:
		out.Status = http.StatusCreated
		if !p.Display.IsZero() {
			out.Open = p.ID.String() // what is shown is not kept with the answer: it is gone when the payment has ended
		}
	case orders.PaymentProcessing, orders.PaymentUnknown:
		out.Status, out.Open = http.StatusAccepted, p.ID.String()
	case orders.PaymentFailed, orders.PaymentCanceled, orders.PaymentExpired:
		return out, &paymentError{payment: p, links: s.paymentLinks(p, caller)}
	}
	return out, nil
}

func (s *server) getPayment(ctx context.Context, in *call[none]) (*answer, error) {
	p, err := s.Orders.GetPayment(ctx, in.Payment)
	if err != nil {
		return nil, err
	}
	note(ctx, p.Order, p.ID)
	return &answer{Body: s.payment(p, in.Caller)}, nil
}

func (s *server) updatePayment(ctx context.Context, in *call[patchBody]) (*answer, error) {
	p, err := s.Orders.UpdatePayment(ctx, in.Payment, in.Body.patch())
	if err != nil {
		return nil, err
	}
	note(ctx, p.Order, p.ID)
	return &answer{Body: s.payment(p, in.Caller)}, nil
}

// captureBody asks to capture; no amount is all that is held.
type captureBody struct {
	Amount *int64 `json:"amount"`
}

func (s *server) capturePayment(ctx context.Context, in *call[captureBody]) (*answer, error) {
	result, err := s.Orders.Capture(ctx, orders.CaptureRequest{
		Payment: in.Payment, Idempotency: in.Idempotency, CorrelationID: in.CorrelationID, Amount: in.Body.Amount,
	})
	return s.modified(ctx, result, err, in.Caller)
}

func (s *server) cancelPayment(ctx context.Context, in *call[none]) (*answer, error) {
	result, err := s.Orders.CancelPayment(ctx, orders.CaptureRequest{
		Payment: in.Payment, Idempotency: in.Idempotency, CorrelationID: in.CorrelationID,
	})
	return s.modified(ctx, result, err, in.Caller)
}

// modified says how a payment stands that was to be captured, voided or canceled: 202 while the provider has not said what
// became of it.
func (s *server) modified(ctx context.Context, result orders.PayResult, err error, caller principal) (*answer, error) {
	p := result.Payment
	note(ctx, p.Order, p.ID)
	if err != nil {
		return nil, s.withPayment(err, p, caller)
	}
	out := &answer{Body: s.payment(p, caller), Replayed: result.Replayed}
	if p.Held() || p.Status.Open() {
		out.Status, out.Open = http.StatusAccepted, p.ID.String()
	}
	return out, nil
}

func (s *server) listPayments(ctx context.Context, in *call[none], q *query) (*answer, error) {
	return s.paymentsWhere(ctx, in, q, identifier[ids.OrderEntity](q, "order"))
}

func (s *server) listOrderPayments(ctx context.Context, in *call[none], q *query) (*answer, error) {
	if _, err := s.Orders.Get(ctx, in.Order); err != nil { // no such order is not an order without payments
		return nil, err
	}
	return s.paymentsWhere(ctx, in, q, in.Order)
}

func (s *server) paymentsWhere(ctx context.Context, in *call[none], q *query, order ids.Order) (*answer, error) {
	page := q.page()
	filter := orders.PaymentFilter{
		Order: order, Status: enum(q, "status", orders.PaymentStatuses()),
		ProviderTransactionID: q.text("provider_transaction_id"), MerchantTxnID: q.text("merchant_txn_id"),
		Created: q.created(),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Orders.ListPayments(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(p orders.Payment) (string, any) {
		return p.ID.String(), s.payment(p, in.Caller)
	}), nil
}

func (s *server) payment(p orders.Payment, caller principal) *paymentResource {
	return &paymentResource{PaymentResource: p.Resource(), Links: s.paymentLinks(p, caller)}
}
