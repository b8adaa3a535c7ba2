package subscriptions

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/page"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/seal"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/lifecycle"
)

// Orders is what subscriptions need of orders: every period is one.
type Orders interface {
	Create(ctx context.Context, req orders.CreateOrder) (orders.Created, error)
	Pay(ctx context.Context, req orders.PayRequest) (orders.PayResult, error)
	Get(ctx context.Context, id ids.Order) (orders.Order, error)
	GetPayment(ctx context.Context, id ids.Payment) (orders.Payment, error)
	Cancel(ctx context.Context, req orders.CancelOrder) (orders.Order, error)
	Refund(ctx context.Context, req orders.RefundRequest) (orders.RefundResult, error)
	Review(ctx context.Context, id ids.Order, class string) error
	Adopt(ctx context.Context, a orders.Adoption) error
	Hear(ctx context.Context, news orders.News, rider orders.Rider) error
	Accepts(amount int64, currency string) error
	Purchasable(ctx context.Context, customer ids.Customer, returnURL string) error
}

// Observer is told what a Service does, for metrics and alerts. All methods return at once.
type Observer interface {
	// SubscriptionMoved reports a subscription's new status.
	SubscriptionMoved(ctx context.Context, status string)
}

// Config holds the settings of a Service; see docs/configuration.md for their meaning.
type Config struct {
	Livemode bool
	// DataKey seals tokens: 32 bytes.
	DataKey []byte
	// Zone is that of subscriptions which name none.
	Zone *time.Location
	// ProviderZone is that by whose days the provider counts.
	ProviderZone *time.Location
	// Policy is what is done when a charge fails, where a subscription does not say otherwise.
	Policy dunning.Policy
	// Upcoming is how long before a charge it is announced.
	Upcoming time.Duration
	// PurchasePatience is how long a purchase that was recorded may take to be sent: longer than its request can.
	PurchasePatience time.Duration
	// LinkLasts is how long the link to the page for a new card works.
	LinkLasts time.Duration
}

// Service keeps subscriptions. It is safe for concurrent use by any number of processes on one database.
type Service struct {
	pool     *pgxpool.Pool
	queries  *dbsqlc.Queries
	orders   Orders
	provider Provider
	sealer   *seal.Sealer
	observer Observer
	log      *slog.Logger
	now      func() time.Time
	config   Config
	// due and ending are how far this process has read the queue of subscriptions, and that of contracts to end.
	due, ending reading
}

// New makes a Service.
func New(
	pool *pgxpool.Pool, service Orders, provider Provider, observer Observer, log *slog.Logger, now func() time.Time, config Config,
) (*Service, error) {
	sealer, err := seal.New(config.DataKey, "subscription_contracts")
	if err != nil {
		return nil, err
	}
	return &Service{
		pool: pool, queries: dbsqlc.New(pool), orders: service, provider: provider, sealer: sealer, observer: observer, log: log,
		config: config,
		// The database keeps microseconds: what is decided on must be what is stored.
		now: func() time.Time { return now().UTC().Truncate(time.Microsecond) },
	}, nil
}

// Policy is what is done when a charge fails, where a subscription does not say otherwise.
func (s *Service) Policy() dunning.Policy { return s.config.Policy }

// Get returns a subscription, or a fault NotFound.
func (s *Service) Get(ctx context.Context, id ids.Subscription) (Subscription, error) {
	row, err := s.queries.SubscriptionGet(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return Subscription{}, missing(id)
	}
	if err != nil {
		return Subscription{}, fmt.Errorf("read subscription %s: %w", id, postgres.Translate(err))
	}
	return fromRow(row)
}

// Filter selects subscriptions; zero fields select all.
type Filter struct {
	Customer ids.Customer
	Status   lifecycle.Status
	Created  page.TimeRange
}

// List returns a page of subscriptions, newest first. An unknown cursor is a fault Invalid.
func (s *Service) List(ctx context.Context, f Filter, p page.Request) (page.List[Subscription], error) {
	k, err := page.Keyset[ids.SubscriptionEntity](p, "subscriptions")
	if err != nil {
		return page.List[Subscription]{}, err
	}
	if !f.Customer.IsZero() {
		k.Where("customer_id = %s", f.Customer.UUID())
	}
	page.Equal(&k, "status = %s", string(f.Status))
	f.Created.Where(&k)
	return page.Read(ctx, s.pool, k, fromRow, s.queries.SubscriptionExists)
}

// LatestPayment returns the newest payment of a subscription's latest order, nil where none was begun.
func (s *Service) LatestPayment(ctx context.Context, sub Subscription) (*orders.Payment, error) {
	o, err := s.orderOf(ctx, sub.LatestOrder)
	if err != nil || o == nil || o.LatestPayment.IsZero() {
		return nil, err
	}
	return s.paymentOf(ctx, o.LatestPayment)
}
