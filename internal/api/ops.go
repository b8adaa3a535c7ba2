package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"tillway/internal/ids"
	"tillway/internal/page"
	"tillway/internal/webhooks"
)

// queryPatience is how long an operator waits for the provider's answer to a question.
const queryPatience = 10 * time.Second

// Inbox is the provider's notifications as operators see them: webhooks.Receiver, or what a test makes of it.
type Inbox interface {
	List(ctx context.Context, f webhooks.Filter, p page.Request) (page.List[webhooks.Notification], error)
	Replay(ctx context.Context, id ids.Notification) (webhooks.Notification, error)
}

// notificationResource is a notification with what can be done with it now.
type notificationResource struct {
	ID            ids.Notification `json:"id"`
	Object        string           `json:"object"`
	Created       int64            `json:"created"`
	Updated       int64            `json:"updated"`
	Livemode      bool             `json:"livemode"`
	Status        webhooks.Status  `json:"status"`
	Reason        string           `json:"reason"`
	NotifyType    string           `json:"notify_type"`
	TxnType       string           `json:"txn_type"`
	TransactionID string           `json:"transaction_id"`
	MerchantTxnID string           `json:"merchant_txn_id"`
	Deliveries    int              `json:"deliveries"`
	Attempts      int              `json:"attempts"`
	Order         *string          `json:"order"`
	Payment       *string          `json:"payment"`
	Applied       *int64           `json:"applied"`
	Body          json.RawMessage  `json:"body"`
	Links         links            `json:"_links"`
}

func (s *server) listNotifications(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	filter := webhooks.Filter{
		Status: enum(q, "status", webhooks.Statuses()), Order: identifier[ids.OrderEntity](q, "order"),
		TransactionID: q.text("transaction_id"), NotifyType: q.text("notify_type"), Created: q.created(),
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Inbox.List(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(n webhooks.Notification) (string, any) {
		return n.ID.String(), s.notificationOf(n, in.Caller)
	}), nil
}

func (s *server) replayNotification(ctx context.Context, in *call[none]) (*answer, error) {
	n, err := s.Inbox.Replay(ctx, in.Notification)
	if err != nil {
		return nil, err
	}
	note(ctx, n.Order, n.Payment)
	return &answer{Body: s.notificationOf(n, in.Caller)}, nil
}

func (s *server) notificationOf(n webhooks.Notification, caller principal) *notificationResource {
	l := links{}
	if n.Replayable {
		s.offer(l, caller, "notification:replay", http.MethodPost, "/v1/ops/notifications/{id}/replay", n.ID.String())
	}
	r := &notificationResource{
		ID: n.ID, Object: "notification", Created: n.CreatedAt.Unix(), Updated: n.UpdatedAt.Unix(), Livemode: s.Livemode,
		Status: n.Status, Reason: n.Reason, NotifyType: n.NotifyType, TxnType: n.TxnType, TransactionID: n.TransactionID,
		MerchantTxnID: n.MerchantTxnID, Deliveries: n.Deliveries, Attempts: n.Attempts, Body: n.Body, Links: l,
	}
	if !n.Order.IsZero() {
		id := n.Order.String()
		r.Order = &id
		s.offer(l, caller, "notification:order", http.MethodGet, "/v1/orders/{id}", id)
		s.offer(l, caller, "order:timeline", http.MethodGet, "/v1/orders/{id}/timeline", id)
	}
	if !n.Payment.IsZero() {
		id := n.Payment.String()
		r.Payment = &id
		s.offer(l, caller, "notification:payment", http.MethodGet, "/v1/payments/{id}", id)
	}
	if !n.AppliedAt.IsZero() {
		at := n.AppliedAt.Unix()
		r.Applied = &at
	}
	return r
}

// queryPayment asks the provider about a payment now, whatever its status, and answers the payment as it is then.
func (s *server) queryPayment(ctx context.Context, in *call[none]) (*answer, error) {
	p, err := s.Orders.GetPayment(ctx, in.Payment)
	if err != nil {
		return nil, err
	}
	note(ctx, p.Order, p.ID)
	asked, err := s.Orders.Ask(ctx, p, queryPatience)
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.payment(asked, in.Caller)}, nil
}
