package api

import (
	"context"
	"log/slog"
	"net/http"

	"tillway/internal/apikeys"
	"tillway/internal/casefile"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/telemetry"
)

// disputeResource is a dispute with where to read on.
type disputeResource struct {
	orders.DisputeResource

	Links links `json:"_links"`
}

const (
	evidencePattern = "/v1/disputes/{id}/evidence.zip"
	mediaZip        = "application/zip"
)

func (s *server) disputeRoutes() []route {
	operators := []apikeys.Role{apikeys.RoleOps, apikeys.RoleAdmin}
	return []route{
		{
			method: http.MethodGet, pattern: "/v1/disputes", face: faceAPI, roles: operators,
			rel: "disputes", handle: listing(s, s.listDisputes),
		},
		{
			method: http.MethodGet, pattern: "/v1/disputes/{id}", face: faceAPI, roles: operators,
			rel: "dispute", handle: endpoint(s, s.getDispute),
		},
		{
			method: http.MethodGet, pattern: evidencePattern, face: faceAPI, roles: operators, file: mediaZip,
			rel: "dispute:evidence", handle: download(s, mediaZip, s.getEvidence),
		},
	}
}

func (s *server) listDisputes(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	filter := orders.DisputeFilter{
		Order: identifier[ids.OrderEntity](q, "order"), Payment: identifier[ids.PaymentEntity](q, "payment"),
		Status: enum(q, "status", orders.DisputeStatuses()), Created: q.created(),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Orders.ListDisputes(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(d orders.Dispute) (string, any) {
		return d.ID.String(), s.dispute(ctx, d, in.Caller)
	}), nil
}

func (s *server) getDispute(ctx context.Context, in *call[none]) (*answer, error) {
	d, err := s.Orders.GetDispute(ctx, in.Dispute)
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.dispute(ctx, d, in.Caller)}, nil
}

// getEvidence streams what is on record about a dispute, for the merchant to hand in.
func (s *server) getEvidence(ctx context.Context, in *call[none]) (*file, error) {
	d, err := s.Orders.GetDispute(ctx, in.Dispute)
	if err != nil {
		return nil, err
	}
	note(ctx, d.Order, d.Payment)
	opened, err := casefile.Open(ctx, s.Orders, s.Inbox, d, s.Now())
	if err != nil {
		return nil, err
	}
	return &file{Name: opened.Name(), Write: opened.Write}, nil
}

func (s *server) dispute(ctx context.Context, d orders.Dispute, caller principal) *disputeResource {
	note(ctx, d.Order, d.Payment)
	telemetry.AddField(ctx, slog.String("dispute", d.ID.String()))
	return &disputeResource{DisputeResource: d.Resource(), Links: s.disputeLinks(d, caller)}
}

// disputeLinks says where to read on about a dispute.
func (s *server) disputeLinks(d orders.Dispute, caller principal) links {
	l := links{"self": {Href: "/v1/disputes/" + d.ID.String()}}
	s.offer(l, caller, "dispute:evidence", http.MethodGet, evidencePattern, d.ID.String())
	s.offer(l, caller, "dispute:order", http.MethodGet, "/v1/orders/{id}", d.Order.String())
	s.offer(l, caller, "dispute:payment", http.MethodGet, "/v1/payments/{id}", d.Payment.String())
	s.offer(l, caller, "order:timeline", http.MethodGet, "/v1/orders/{id}/timeline", d.Order.String())
	return l
}
