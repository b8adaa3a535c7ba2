package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/page"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Status is where a notification stands.
type Status = status

// Statuses lists every status in the order of API.md.
func Statuses() []Status {
	return []Status{statusReceived, statusApplied, statusUnmatched, statusFailed, statusDead, statusQuarantined}
}

// Notification is one distinct notification body of the provider, redacted.
type Notification struct {
	ID     ids.Notification
	Status Status
	// Reason is what came of it: the verdict on it when applied, else why it was not.
	Reason              string
	NotifyType, TxnType string
	TransactionID       string
	MerchantTxnID       string
	Order               ids.Order
	Payment             ids.Payment
	// Deliveries is how often the provider sent it, Attempts how often we tried again by ourselves.
	Deliveries, Attempts int
	// Body is the redacted body, as JSON: a string where it is no longer valid by itself, since quarantined bodies are cut.
	Body      json.RawMessage
	CreatedAt time.Time
	UpdatedAt time.Time
	AppliedAt time.Time
	// Replayable: Replay would take it.
	Replayable bool
}

// Filter selects notifications; zero fields select all.
type Filter struct {
	Status        Status
	Order         ids.Order
	TransactionID string
	NotifyType    string
	Created       page.TimeRange
}

// usualType is the kind that nearly all notifications are of; the index on the others leaves it out.
const usualType = "TXN"

// List returns a page of notifications, newest first. An unknown cursor is a fault Invalid.
func (r *Receiver) List(ctx context.Context, f Filter, p page.Request) (page.List[Notification], error) {
	k, err := page.Keyset[ids.NotificationEntity](p, "notifications")
	if err != nil {
		return page.List[Notification]{}, err
	}
	page.Equal(&k, "status = %s", string(f.Status))
	page.Equal(&k, "transaction_id = %s", f.TransactionID)
	if f.NotifyType == usualType {
		page.Equal(&k, "notify_type = %s", f.NotifyType)
	} else {
		page.Equal(&k, "notify_type <> 'TXN' AND notify_type = %s", f.NotifyType)
	}
	if !f.Order.IsZero() {
		k.Where("order_id = %s", f.Order.UUID())
	}
	f.Created.Bound(&k)
	return page.Read(ctx, r.pool, k, notificationFromRow, r.queries.NotificationExists)
}

func (r *Receiver) find(ctx context.Context, id ids.Notification) (dbsqlc.Notification, error) {
	row, err := r.queries.NotificationFind(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return row, fault.Missing("notification", id.String())
	}
	if err != nil {
		return row, fmt.Errorf("read notification %s: %w", id, postgres.Translate(err))
	}
	return row, nil
}

func notificationFromRow(row dbsqlc.Notification) (Notification, error) {
	n := Notification{
		ID: ids.From[ids.NotificationEntity](row.ID), Status: Status(row.Status), Reason: row.Reason,
		NotifyType: row.NotifyType, TxnType: row.TxnType, TransactionID: row.TransactionID, MerchantTxnID: row.MerchantTxnID,
		Order: ids.FromNullable[ids.OrderEntity](row.OrderID), Payment: ids.FromNullable[ids.PaymentEntity](row.PaymentID),
		Deliveries: int(row.Deliveries), Attempts: int(row.Attempts), Body: json.RawMessage(row.Body),
		CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), Replayable: refuseReplay(row) == nil,
	}
	if row.AppliedAt != nil {
		n.AppliedAt = row.AppliedAt.UTC()
	}
	if !json.Valid(n.Body) {
		text, err := json.Marshal(row.Body)
		if err != nil {
			return Notification{}, fmt.Errorf("read notification %s: %w", row.ID, err)
		}
		n.Body = text
	}
	return n, nil
}
