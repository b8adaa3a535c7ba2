// Package events reads the event log: what happened to each order, and to each customer, in order, without gaps. The log is
// written by whoever changes one, in the transaction of the change (internal/orders, internal/customers); nothing here writes, and the database refuses to
// change what is written.
package events

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/page"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// Filter selects events; zero fields select all. A type that does not exist selects none.
type Filter struct {
	Type     string
	Order    ids.Order
	Customer ids.Customer
	Created  page.TimeRange
}

// Service reads the event log. It is safe for concurrent use.
type Service struct {
	pool    *pgxpool.Pool
	queries *dbsqlc.Queries
}

// New makes a Service.
func New(pool *pgxpool.Pool) *Service {
	return &Service{pool: pool, queries: dbsqlc.New(pool)}
}

// Get returns an event, or a fault NotFound.
func (s *Service) Get(ctx context.Context, id ids.Event) (orders.EventResource, error) {
	row, err := s.queries.EventGet(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return orders.EventResource{}, fault.Missing("event", id.String())
	}
	if err != nil {
		return orders.EventResource{}, fmt.Errorf("read event %s: %w", id, postgres.Translate(err))
	}
	return fromRow(row)
}

// List returns a page of events, newest first. An unknown cursor is a fault Invalid.
func (s *Service) List(ctx context.Context, f Filter, p page.Request) (page.List[orders.EventResource], error) {
	k, err := page.Keyset[ids.EventEntity](p, "event_log")
	if err != nil {
		return page.List[orders.EventResource]{}, err
	}
	page.Equal(&k, "type = %s", f.Type)
	if !f.Order.IsZero() {
		k.Where("order_id = %s", f.Order.UUID())
	}
	if !f.Customer.IsZero() {
		k.Where("customer_id = %s", f.Customer.UUID())
	}
	f.Created.Where(&k)
	return page.Read(ctx, s.pool, k, fromRow, s.queries.EventExists)
}

func fromRow(r dbsqlc.EventLog) (orders.EventResource, error) {
	e := orders.EventResource{
		ID: ids.From[ids.EventEntity](r.ID), Object: "event", Type: r.Type, Created: r.CreatedAt.Unix(), Livemode: r.Livemode,
		Sequence: r.Sequence, Data: orders.EventData{Object: r.Object},
	}
	if order := ids.FromNullable[ids.OrderEntity](r.OrderID); !order.IsZero() {
		e.Order = &order
	}
	if customer := ids.FromNullable[ids.CustomerEntity](r.CustomerID); !customer.IsZero() {
		e.Customer = &customer
	}
	return e, nil
}
