package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/lifecycle"
	"tillway/internal/telemetry"
)

// subscriptionResource is a subscription with what can be done with it now. A list shows no payments.
type subscriptionResource struct {
	subscriptions.Resource
	*latestPayment

	Links links `json:"_links"`
}

// latestPayment is the newest payment of a subscription's latest order, and what its shopper must do.
type latestPayment struct {
	ID         *string            `json:"latest_payment"`
	NextAction *orders.NextAction `json:"next_action"`
}

func (s *server) createSubscription(ctx context.Context, in *call[createSubscriptionBody]) (*answer, error) {
	request, err := in.Body.request(in, s.Subscriptions.Policy())
	if err != nil {
		return nil, err
	}
	result, err := s.Subscriptions.Create(ctx, request)
	if err != nil {
		return nil, err
	}
	out, err := s.begunAnswer(ctx, result, in.Caller)
	out.Replayed = result.Replayed
	return out, err
}

// errNotBegun says that a subscription was given up before anything was charged for it.
var errNotBegun = errors.New("the subscription's first purchase was never begun")

// begunAnswer says how a subscription stands that was asked for: begun or waiting for its shopper, not known yet, or an error
// that shows the payment.
func (s *server) begunAnswer(ctx context.Context, result subscriptions.Result, caller principal) (*answer, error) {
	sub, payment := result.Subscription, result.Payment
	out := &answer{Status: http.StatusCreated, Body: s.subscriptionWith(ctx, sub, payment, caller)}
	switch {
	case !sub.ActivatedAt.IsZero():
	case payment == nil && sub.Status.Final():
		return out, errNotBegun
	case payment == nil, payment.Status == orders.PaymentProcessing, payment.Status == orders.PaymentUnknown:
		out.Status, out.Open = http.StatusAccepted, sub.ID.String()
	case !payment.Status.Live():
		return out, &paymentError{payment: *payment, links: s.paymentLinks(*payment, caller)}
	}
	return out, nil
}

func (s *server) getSubscription(ctx context.Context, in *call[none]) (*answer, error) {
	sub, err := s.Subscriptions.Get(ctx, in.Subscription)
	return s.subscriptionAnswer(ctx, sub, err, in.Caller)
}

func (s *server) updateSubscription(ctx context.Context, in *call[patchSubscriptionBody]) (*answer, error) {
	patch, err := in.Body.patch(s.Subscriptions.Policy())
	if err != nil {
		return nil, err
	}
	sub, err := s.Subscriptions.Update(ctx, in.Subscription, patch)
	return s.subscriptionAnswer(ctx, sub, err, in.Caller)
}

func (s *server) cancelSubscription(ctx context.Context, in *call[cancelBody]) (*answer, error) {
	sub, err := s.Subscriptions.Cancel(ctx, in.Subscription, in.Body.AtPeriodEnd)
	return s.subscriptionAnswer(ctx, sub, err, in.Caller)
}

func (s *server) pauseSubscription(ctx context.Context, in *call[none]) (*answer, error) {
	sub, err := s.Subscriptions.Pause(ctx, in.Subscription)
	return s.subscriptionAnswer(ctx, sub, err, in.Caller)
}

func (s *server) resumeSubscription(ctx context.Context, in *call[none]) (*answer, error) {
	sub, err := s.Subscriptions.Resume(ctx, in.Subscription)
	return s.subscriptionAnswer(ctx, sub, err, in.Caller)
}

// subscriptionAnswer shows a subscription with its newest payment.
func (s *server) subscriptionAnswer(ctx context.Context, sub subscriptions.Subscription, err error, caller principal) (*answer, error) {
	if err != nil {
		return nil, err
	}
	payment, err := s.Subscriptions.LatestPayment(ctx, sub)
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.subscriptionWith(ctx, sub, payment, caller)}, nil
}

func (s *server) listSubscriptions(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	filter := subscriptions.Filter{
		Customer: identifier[ids.CustomerEntity](q, "customer"), Status: enum(q, "status", lifecycle.Statuses()), Created: q.created(),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Subscriptions.List(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(sub subscriptions.Subscription) (string, any) {
		return sub.ID.String(), s.subscription(ctx, sub, in.Caller)
	}), nil
}

func (s *server) listSubscriptionOrders(ctx context.Context, in *call[none], q *query) (*answer, error) {
	if _, err := s.Subscriptions.Get(ctx, in.Subscription); err != nil { // no such subscription is not one without orders
		return nil, err
	}
	page := q.page()
	return s.ordersWhere(ctx, in, q, page, orders.OrderFilter{
		Subscription: in.Subscription, Status: enum(q, "status", orders.Statuses()), Created: q.created(),
	})
}

// updateLinkResource is a link by which a customer gives a new card, once. It is shown in this answer alone.
type updateLinkResource struct {
	Object       string           `json:"object"`
	URL          string           `json:"url"`
	ExpiresAt    int64            `json:"expires_at"`
	Subscription ids.Subscription `json:"subscription"`
	Links        links            `json:"_links"`
}

func (s *server) getUpdateLink(ctx context.Context, in *call[none]) (*answer, error) {
	if s.CardEntry == CardEntryHostedOnly {
		return nil, noCards("There is no page here on which a customer could give a new card.")
	}
	made, err := s.Subscriptions.NewLink(ctx, in.Subscription)
	if err != nil {
		return nil, err
	}
	id := in.Subscription.String()
	l := links{"self": {Href: "/v1/subscriptions/" + id + "/update_link"}}
	s.offer(l, in.Caller, "update_link:subscription", http.MethodGet, "/v1/subscriptions/{id}", id)
	return &answer{Body: updateLinkResource{
		Object: "subscription_update_link", URL: s.PublicURL + cardPagePath + "/" + made.Token, ExpiresAt: made.ExpiresAt.Unix(),
		Subscription: made.Subscription, Links: l,
	}}, nil
}

func (s *server) subscription(ctx context.Context, sub subscriptions.Subscription, caller principal) *subscriptionResource {
	telemetry.AddField(ctx, slog.String("subscription", sub.ID.String()))
	return &subscriptionResource{Resource: sub.Resource(), Links: s.subscriptionLinks(sub, caller)}
}

func (s *server) subscriptionWith(
	ctx context.Context, sub subscriptions.Subscription, payment *orders.Payment, caller principal,
) *subscriptionResource {
	r := s.subscription(ctx, sub, caller)
	r.latestPayment = &latestPayment{}
	if payment == nil {
		return r
	}
	note(ctx, payment.Order, payment.ID)
	shown := payment.Resource()
	id := payment.ID.String()
	r.latestPayment = &latestPayment{ID: &id, NextAction: shown.NextAction}
	if sub.WaitsForContract(*payment) {
		s.offer(r.Links, caller, "subscription:cancel", http.MethodPost, "/v1/subscriptions/{id}/cancel", sub.ID.String())
	}
	if to, waits := s.paymentLinks(*payment, caller)["payment:redirect"]; waits {
		r.Links["payment:redirect"] = to
	}
	return r
}

// subscriptionNow is the answer that a subscription gives now whose first purchase was open.
func (s *server) subscriptionNow(ctx context.Context, id ids.Subscription, caller principal) (*answer, error) {
	sub, err := s.Subscriptions.Get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("repeat an open answer: %w", err)
	}
	payment, err := s.Subscriptions.LatestPayment(ctx, sub)
	if err != nil {
		return nil, fmt.Errorf("repeat an open answer: %w", err)
	}
	return s.begunAnswer(ctx, subscriptions.Result{Subscription: sub, Payment: payment}, caller)
}
