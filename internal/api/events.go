package api

import (
	"context"

	"tillway/internal/events"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// eventResource is an event with where to find it and its order.
type eventResource struct {
	orders.EventResource

	Links links `json:"_links"`
}

func (s *server) listEvents(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	filter := events.Filter{
		Type: q.text("type"), Order: identifier[ids.OrderEntity](q, "order"),
		Customer: identifier[ids.CustomerEntity](q, "customer"), Created: q.created(),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Events.List(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(e orders.EventResource) (string, any) {
		return e.ID.String(), s.event(e, in.Caller)
	}), nil
}

func (s *server) getEvent(ctx context.Context, in *call[none]) (*answer, error) {
	e, err := s.Events.Get(ctx, in.Event)
	if err != nil {
		return nil, err
	}
	if e.Order != nil {
		note(ctx, *e.Order, ids.Payment{})
	}
	return &answer{Body: s.event(e, in.Caller)}, nil
}

func (s *server) event(e orders.EventResource, caller principal) *eventResource {
	l := links{"self": {Href: "/v1/events/" + e.ID.String()}}
	if e.Order != nil {
		s.offer(l, caller, "event:order", "GET", "/v1/orders/{id}", e.Order.String())
	}
	if e.Customer != nil {
		s.offer(l, caller, "event:customer", "GET", "/v1/customers/{id}", e.Customer.String())
	}
	return &eventResource{EventResource: e, Links: l}
}
