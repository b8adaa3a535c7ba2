package api

import (
	"context"
	"net/http"

	"tillway/internal/ids"
	"tillway/internal/orders"
)

// discrepancyResource is a discrepancy with what can be done about it now.
type discrepancyResource struct {
	orders.DiscrepancyResource

	Links links `json:"_links"`
}

func (s *server) listDiscrepancies(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	filter := orders.DiscrepancyFilter{
		Class: enum(q, "class", orders.DiscrepancyClasses()), Status: enum(q, "status", orders.DiscrepancyStatuses()),
		Order: identifier[ids.OrderEntity](q, "order"), Payment: identifier[ids.PaymentEntity](q, "payment"),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Orders.ListDiscrepancies(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(d orders.Discrepancy) (string, any) {
		return d.ID.String(), s.discrepancy(d, in.Caller)
	}), nil
}

type resolveBody struct {
	Reason string `json:"reason" strict:"required"`
}

func (s *server) resolveDiscrepancy(ctx context.Context, in *call[resolveBody]) (*answer, error) {
	d, err := s.Orders.ResolveDiscrepancy(ctx, orders.Resolve{
		Discrepancy: in.Discrepancy, Reason: in.Body.Reason, By: in.Caller.id(), CorrelationID: in.CorrelationID,
	})
	if err != nil {
		return nil, err
	}
	note(ctx, d.Order, d.Payment)
	return &answer{Body: s.discrepancy(d, in.Caller)}, nil
}

func (s *server) discrepancy(d orders.Discrepancy, caller principal) *discrepancyResource {
	l := links{}
	if d.Status == orders.DiscrepancyOpen {
		s.offer(l, caller, "discrepancy:resolve", http.MethodPost, "/v1/ops/discrepancies/{id}/resolve", d.ID.String())
	}
	if !d.Order.IsZero() {
		s.offer(l, caller, "discrepancy:order", http.MethodGet, "/v1/orders/{id}", d.Order.String())
		s.offer(l, caller, "order:timeline", http.MethodGet, "/v1/orders/{id}/timeline", d.Order.String())
	}
	if !d.Payment.IsZero() {
		s.offer(l, caller, "payment:query", http.MethodPost, "/v1/ops/payments/{id}/query", d.Payment.String())
	}
	return &discrepancyResource{DiscrepancyResource: d.Resource(), Links: l}
}
