package orders

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"tillway/internal/ids"
	"tillway/internal/postgres/dbsqlc"
)

// eventLog is an entry's events as the columns of their rows.
type eventLog struct {
	sequences []int64
	ids       []uuid.UUID
	types     []string
	objects   []string
}

// log numbers the events after the order's last one. Their objects are the resources as the entry leaves them; the refund is
// the one that the entry is about, or makes necessary.
func (e *entry) log(refund Refund) (eventLog, error) {
	var log eventLog
	told := e.told
	for i, kind := range e.events {
		var about any
		switch object, _, _ := strings.Cut(kind, "."); object {
		case "payment":
			about = e.payment.told()
		case "refund":
			about = refund.Resource()
		case "dispute":
			about = e.disputed.Resource()
		case "reconciliation":
			about, told = told[0].Resource(), told[1:]
		default:
			about = e.orderObject(kind)
		}
		object, err := asJSON(about)
		if err != nil {
			return log, err
		}
		log.sequences = append(log.sequences, e.order.LastSequence+int64(i)+1)
		log.ids = append(log.ids, ids.New[ids.EventEntity]().UUID())
		log.types = append(log.types, kind)
		log.objects = append(log.objects, string(object))
	}
	return log, nil
}

// oneEvent is the event that an order or payment begins with, as the arguments of EventsInsert.
func oneEvent(
	o Order, sequence int64, kind string, object json.RawMessage, correlationID string, now time.Time,
) dbsqlc.EventsInsertParams {
	return dbsqlc.EventsInsertParams{
		OrderID: o.ID.UUID(), Livemode: o.Livemode, Sequences: []int64{sequence}, Ids: []uuid.UUID{ids.New[ids.EventEntity]().UUID()},
		Types: []string{kind}, Objects: []string{string(object)}, CorrelationID: correlationID, Now: now,
	}
}

// orderObject is the order as an event shows it. A paid order says whether the provider has confirmed it by itself.
func (e *entry) orderObject(kind string) OrderResource {
	resource := e.order.Resource()
	if kind == "order.paid" {
		resource.Confirmed = &e.payment.Confirmed
	}
	return resource
}

// writeNoted writes the discrepancies that the entry opened, saw again or ended.
func (e *entry) writeNoted(ctx context.Context, queries *dbsqlc.Queries, now time.Time) error {
	for _, d := range e.noted {
		if d.Status != DiscrepancyOpen {
			if err := queries.DiscrepancyClose(ctx, dbsqlc.DiscrepancyCloseParams{ID: d.ID.UUID(), Now: now}); err != nil {
				return err
			}
			continue
		}
		currency := d.AtRisk.Currency.Code()
		err := queries.DiscrepancyOpen(ctx, dbsqlc.DiscrepancyOpenParams{
			ID: d.ID.UUID(), Class: d.Class, Subject: d.Subject, OrderID: d.Order.Nullable(), PaymentID: d.Payment.Nullable(),
			RefundID: d.Refund.Nullable(), Ours: d.Ours, Theirs: d.Theirs, MoneyAtRisk: d.AtRisk.Minor, Currency: &currency,
			Now: now,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
