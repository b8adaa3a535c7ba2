package api

import (
	"context"
	"time"

	"tillway/internal/subscriptions/report"
)

// reportDays is how many days a report looks back when its request does not say.
const reportDays = 30

// subscriptionSummaryResource is how subscriptions do. From is part of the range, To is not.
type subscriptionSummaryResource struct {
	Object     string            `json:"object"`
	Livemode   bool              `json:"livemode"`
	From       int64             `json:"from"`
	To         int64             `json:"to"`
	AsOf       int64             `json:"as_of"`
	Currencies []report.Currency `json:"currencies"`
	Links      links             `json:"_links"`
}

func (s *server) summarizeSubscriptions(ctx context.Context, in *call[none], q *query) (*answer, error) {
	from, to := q.span(s.Now(), reportDays*24*time.Hour)
	if err := q.finish(); err != nil {
		return nil, err
	}
	summary, err := s.SubscriptionReports.Summary(ctx, from, to)
	if err != nil {
		return nil, err
	}
	return &answer{Body: subscriptionSummaryResource{
		Object: "subscription_summary", Livemode: s.Livemode, From: summary.From.Unix(), To: summary.To.Unix(),
		AsOf: summary.AsOf.Unix(), Currencies: summary.Currencies, Links: links{"self": {Href: in.Path}},
	}}, nil
}
