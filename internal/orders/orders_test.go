package orders_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
)

const (
	callerDeadline = 5 * time.Second
	chargeTimeout  = 10 * time.Second
	notFoundAfter  = 15 * time.Minute
)

// clock is the service's clock, moved by tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// tracer notes every statement that travels, one entry per round trip: the names of its queries, joined by "+".
type tracer struct {
	mu    sync.Mutex
	trips []string
	after func(trip string)
}

type tripKey struct{}

func (r *tracer) note(ctx context.Context, trip string) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trips = append(r.trips, trip)
	return context.WithValue(ctx, tripKey{}, trip)
}

func (r *tracer) done(ctx context.Context) {
	if trip, ok := ctx.Value(tripKey{}).(string); ok && r.after != nil {
		r.after(trip)
	}
}

func (r *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return r.note(ctx, queryName(data.SQL))
}

func (r *tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	r.done(ctx)
}

func (r *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	var names []string
	for _, q := range data.Batch.QueuedQueries {
		names = append(names, queryName(q.SQL))
	}
	return r.note(ctx, strings.Join(names, "+"))
}

func (r *tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (r *tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	r.done(ctx)
}

// since returns what has traveled since it was last asked.
func (r *tracer) since() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	trips := r.trips
	r.trips = nil
	return trips
}

// queryName is the name that sqlc keeps in the text, or the text itself.
func queryName(sql string) string {
	if rest, named := strings.CutPrefix(sql, "-- name: "); named {
		name, _, _ := strings.Cut(rest, " ")
		return name
	}
	return sql
}

// testBundle is a service on a database of its own.
type testBundle struct {
	t       *testing.T
	gateway *fakeGateway
	clock   *clock
	tracer  *tracer
	pool    *pgxpool.Pool
	config  orders.Config
	service *orders.Service
}

func setup(t *testing.T, adjust ...func(*orders.Config)) *testBundle {
	t.Helper()
	b := &testBundle{
		t: t, gateway: &fakeGateway{t: t}, clock: &clock{now: time.Now()}, tracer: &tracer{},
		config: orders.Config{
			PublicURL: "https://pay.example.com", ReturnURLAllowed: func(url string) bool { return strings.Contains(url, "shop.example.com") },
			MaxAmount: 99_999_999, CallerDeadline: callerDeadline, ChargeTimeout: chargeTimeout, NotFoundAfter: notFoundAfter,
			Schedule: orders.Schedule{3 * time.Second, 10 * time.Second}, Confirm: orders.ConfirmMismatch,
			SecretKey: []byte("a key of thirty-two bytes for us"),
		},
	}
	for _, a := range adjust {
		a(&b.config)
	}
	pool, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Options{MaxConns: 12, Tracer: b.tracer})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	b.pool = pool
	b.service = b.process()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, b.service.Drain(ctx))
	})
	return b
}

// process makes one more service on the same database, as another process has it.
func (b *testBundle) process() *orders.Service {
	return orders.New(b.pool, b.gateway, nil, discard(), b.clock.Now, b.config)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newOrder() orders.CreateOrder {
	return orders.CreateOrder{
		Amount: 2700, Currency: "eur", CorrelationID: "test",
		Billing: &details.Contact{Email: "buyer@example.com", Address: &details.Address{Country: "DE"}},
	}
}

func testCard() cards.Card {
	return cards.Card{Number: "4761344136141390", ExpMonth: 12, ExpYear: 2030, CVC: "123", HolderName: "A B"}
}

func key(name string) orders.Idempotency {
	idem := orders.Idempotency{Principal: "storefront", Key: name}
	copy(idem.Fingerprint[:], name)
	return idem
}

// order creates an order of 27.00 EUR.
func (b *testBundle) order(adjust ...func(*orders.CreateOrder)) orders.Order {
	b.t.Helper()
	req := newOrder()
	for _, a := range adjust {
		a(&req)
	}
	created, err := b.service.Create(b.t.Context(), req)
	require.NoError(b.t, err)
	return created.Order
}

func payRequest(order ids.Order, idem orders.Idempotency) orders.PayRequest {
	return orders.PayRequest{Order: order, Idempotency: idem, CorrelationID: "test", Card: testCard()}
}

// pay pays the order and expects an answer that is no error.
func (b *testBundle) pay(o orders.Order, name string) orders.Payment {
	b.t.Helper()
	result, err := b.service.Pay(b.t.Context(), payRequest(o.ID, key(name)))
	require.NoError(b.t, err)
	return result.Payment
}

func (b *testBundle) get(id ids.Order) orders.Order {
	b.t.Helper()
	o, err := b.service.Get(b.t.Context(), id)
	require.NoError(b.t, err)
	return o
}

func (b *testBundle) payment(id ids.Payment) orders.Payment {
	b.t.Helper()
	p, err := b.service.GetPayment(b.t.Context(), id)
	require.NoError(b.t, err)
	return p
}

func (b *testBundle) apply(p orders.Payment, ev orders.Evidence) orders.Applied {
	b.t.Helper()
	applied, err := b.service.Apply(b.t.Context(), p.MerchantTxnID, ev, nil)
	require.NoError(b.t, err)
	return applied
}

// events returns the types of the order's events, after checking that they are numbered 1, 2, … up to the order's count.
func (b *testBundle) events(id ids.Order) []string {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), "SELECT sequence, type FROM events WHERE order_id = $1 ORDER BY sequence", id.UUID())
	require.NoError(b.t, err)
	type event struct {
		Sequence int64
		Type     string
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[event])
	require.NoError(b.t, err)
	types := make([]string, len(all))
	for i, e := range all {
		require.EqualValues(b.t, i+1, e.Sequence, "a gap in %v", all)
		types[i] = e.Type
	}
	require.EqualValues(b.t, len(all), b.get(id).LastSequence)
	return types
}

// count runs a query that answers one number.
func (b *testBundle) count(sql string, args ...any) int {
	b.t.Helper()
	var n int
	require.NoError(b.t, b.pool.QueryRow(b.t.Context(), sql, args...).Scan(&n))
	return n
}

func requireFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, code, f.Code, f.Message)
	require.Equal(t, kind, f.Kind, f.Message)
}

// requireParam says that the request was refused for one field.
func requireParam(t *testing.T, err error, param string) {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Invalid, f.Kind, f.Message)
	require.Equal(t, param, f.Param, f.Message)
}
