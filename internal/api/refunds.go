package api

import (
	"context"
	"log/slog"
	"net/http"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/telemetry"
)

// refundResource is a refund with what can be done with it now.
type refundResource struct {
	orders.RefundResource

	Links links `json:"_links"`
}

type createRefundBody struct {
	Payment        ids.Payment       `json:"payment"`
	Order          ids.Order         `json:"order"`
	Amount         *int64            `json:"amount"`
	Reason         string            `json:"reason"`
	Description    string            `json:"description"`
	Metadata       map[string]string `json:"metadata"`
	AllowDuplicate bool              `json:"allow_duplicate"`
}

func (s *server) createRefund(ctx context.Context, in *call[createRefundBody]) (*answer, error) {
	b := &in.Body
	result, err := s.Orders.Refund(ctx, orders.RefundRequest{
		Payment: b.Payment, Order: b.Order, Idempotency: in.Idempotency, CorrelationID: in.CorrelationID, Principal: in.Caller.id(),
		Amount: b.Amount,
		Reason: orders.RefundReason(b.Reason), Description: b.Description, Metadata: b.Metadata,
		AllowDuplicate: b.AllowDuplicate,
	})
	if err != nil {
		return nil, err
	}
	out := s.refundAnswer(ctx, result.Refund, in.Caller)
	out.Replayed = result.Replayed
	return out, nil
}

// refundAnswer says how a refund stands: decided, in review or waiting for an approval, or not known yet.
func (s *server) refundAnswer(ctx context.Context, r orders.Refund, caller principal) *answer {
	out := &answer{Status: http.StatusCreated, Body: s.refund(ctx, r, caller)}
	if r.AwaitsApproval() {
		return out
	}
	if r.Status == orders.RefundPending || r.Status == orders.RefundUnknown {
		out.Status, out.Open = http.StatusAccepted, r.ID.String()
	}
	return out
}

func (s *server) getRefund(ctx context.Context, in *call[none]) (*answer, error) {
	r, err := s.Orders.GetRefund(ctx, in.Refund)
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.refund(ctx, r, in.Caller)}, nil
}

func (s *server) updateRefund(ctx context.Context, in *call[patchBody]) (*answer, error) {
	r, err := s.Orders.UpdateRefund(ctx, in.Refund, in.Body.patch())
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.refund(ctx, r, in.Caller)}, nil
}

// cancelRefund answers 202 while the provider has not said what became of the withdrawal.
func (s *server) cancelRefund(ctx context.Context, in *call[none]) (*answer, error) {
	r, err := s.Orders.CancelRefund(ctx, in.Refund)
	if err != nil {
		return nil, err
	}
	out := &answer{Body: s.refund(ctx, r, in.Caller)}
	if r.Status.Open() {
		out.Status, out.Open = http.StatusAccepted, r.ID.String()
	}
	return out, nil
}

// approveRefund answers 202 while the outcome of the refund, which is sent now, is not known.
func (s *server) approveRefund(ctx context.Context, in *call[none]) (*answer, error) {
	r, err := s.Orders.ApproveRefund(ctx, in.Refund, in.Caller.id())
	if err != nil {
		return nil, err
	}
	out := &answer{Body: s.refund(ctx, r, in.Caller)}
	if r.Status == orders.RefundPending || r.Status == orders.RefundUnknown {
		out.Status, out.Open = http.StatusAccepted, r.ID.String()
	}
	return out, nil
}

func (s *server) rejectRefund(ctx context.Context, in *call[none]) (*answer, error) {
	r, err := s.Orders.RejectRefund(ctx, in.Refund, in.Caller.id())
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.refund(ctx, r, in.Caller)}, nil
}

func (s *server) listRefunds(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	filter := orders.RefundFilter{
		Order: identifier[ids.OrderEntity](q, "order"), Payment: identifier[ids.PaymentEntity](q, "payment"),
		Status: enum(q, "status", orders.RefundStatuses()), Approval: enum(q, "approval", orders.RefundApprovalStatuses()),
		Created: q.created(),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Orders.ListRefunds(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(r orders.Refund) (string, any) {
		return r.ID.String(), s.refund(ctx, r, in.Caller)
	}), nil
}

func (s *server) refund(ctx context.Context, r orders.Refund, caller principal) *refundResource {
	note(ctx, r.Order, r.Payment)
	telemetry.AddField(ctx, slog.String("refund", r.ID.String()))
	return &refundResource{RefundResource: r.Resource(), Links: s.refundLinks(r, caller)}
}
