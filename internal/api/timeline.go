package api

import (
	"context"
	"net/url"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/timeline"
)

// wholeStory is how many events a timeline tells unless it is asked for fewer: nearly every order has less.
const wholeStory = maxLimit

// timelineResource is an order's story with where to read on.
type timelineResource struct {
	timeline.Timeline

	Links links `json:"_links"`
}

func (s *server) getTimeline(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := orders.Page{Limit: q.limit(wholeStory), StartingAfter: q.text("starting_after")}
	if err := q.finish(); err != nil {
		return nil, err
	}
	h, err := s.Orders.History(ctx, in.Order, page)
	if err != nil {
		return nil, err
	}
	note(ctx, in.Order, ids.Payment{})
	told := timelineResource{
		Timeline: timeline.Tell(h, s.Now()), Links: links{"self": {Href: pageURL(in.Path, q.accepted)}},
	}
	s.offer(told.Links, in.Caller, "timeline:order", "GET", "/v1/orders/{id}", in.Order.String())
	if h.MoreEvents {
		values := url.Values{"starting_after": {h.Events[len(h.Events)-1].ID.String()}}
		if limit := q.accepted.Get("limit"); limit != "" {
			values.Set("limit", limit)
		}
		told.Links["next"] = link{Href: pageURL(in.Path, values)}
	}
	return &answer{Body: told}, nil
}
