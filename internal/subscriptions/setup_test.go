package subscriptions_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/customers"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/jobs"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/ratelimit"
	"tillway/internal/reconcile"
	"tillway/internal/sandbox"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/telemetry"
	"tillway/internal/webhooks"
)

const (
	frictionless = "4000009900000020" // authenticated without a challenge
	challenged   = "4000020951595032" // asks for one
	day          = 24 * time.Hour
)

// testBundle is the service on a database of its own, with the simulator as its provider. Both go by one clock.
type testBundle struct {
	pool      *pgxpool.Pool
	orders    *orders.Service
	customers *customers.Service
	subs      *subscriptions.Service
	config    subscriptions.Config
	worker    *subscriptions.Worker
	settler   *reconcile.Settler
	provider  *sandbox.Server
	gateway   *gateway.Gateway
	began     time.Time
	ahead     atomic.Int64
}

type noBudget struct{}

func (noBudget) Acquire(context.Context, ratelimit.Lane) error { return nil }

// january is when the stories begin: the last day of a month, so that short months show.
var january = time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC)

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{pool: pgtest.New(t), began: time.Now()}
	require.NoError(t, jobs.EnsurePartitions(t.Context(), b.pool, january))
	b.startProvider(t)
	return b
}

// now is the story's time: it goes on by itself, and as far as a test moves it.
func (b *testBundle) now() time.Time {
	return january.Add(time.Since(b.began)).Add(time.Duration(b.ahead.Load()))
}

func (b *testBundle) startProvider(t *testing.T) {
	t.Helper()
	var receiver atomic.Pointer[webhooks.Receiver]
	notified := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receiver.Load().ServeHTTP(w, r)
	}))
	b.provider = sandbox.New(sandbox.Config{Strict: true, Now: b.now})
	server := httptest.NewServer(b.provider.Handler())
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = b.provider.Run(ctx) })
	client, err := onerway.New(onerway.Config{
		BaseURL: server.URL, MerchantNo: sandbox.DefaultMerchantNo, AppID: sandbox.DefaultAppID,
		SecretKey: onerway.Conceal(sandbox.DefaultSecretKey),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		client.Close()
		stop()
		running.Wait()
		server.Close()
		notified.Close()
	})
	receiver.Store(b.startService(t, client, notified.URL))
}

func (b *testBundle) startService(t *testing.T, client *onerway.Client, publicURL string) *webhooks.Receiver {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	metrics := telemetry.DiscardMetrics()
	g, err := gateway.New(gateway.Options{Provider: client, Budget: noBudget{}, Observer: metrics, Log: log, Now: b.now})
	require.NoError(t, err)
	b.gateway = g
	inserter, err := jobs.NewInserter(b.pool, log)
	require.NoError(t, err)
	key := make([]byte, 32)
	b.customers, err = customers.New(b.pool, inserter, g, log, b.now, customers.Config{DataKey: key})
	require.NoError(t, err)
	contracts := &late{}
	b.orders = orders.New(b.pool, g, silent{}, log, b.now, orders.Config{
		PublicURL: publicURL, ReturnURLAllowed: func(string) bool { return true }, MaxAmount: 99_999_999,
		CallerDeadline: 20 * time.Second, ChargeTimeout: 20 * time.Second, NotFoundAfter: 15 * time.Minute,
		Schedule: orders.Schedule{3 * time.Second, time.Minute, 15 * time.Minute, time.Hour}, Confirm: orders.ConfirmMismatch,
		SecretKey: key, RealNow: time.Now, Wallet: b.customers, Refunds: g, Contracts: contracts,
	})
	b.config = subscriptions.Config{
		DataKey: key, Zone: time.UTC, ProviderZone: client.Location(), Policy: dunning.Default(), Upcoming: 3 * day,
		PurchasePatience: 5 * time.Minute, LinkLasts: 7 * day,
	}
	b.subs, err = subscriptions.New(b.pool, b.orders, g, metrics, log, b.now, b.config)
	require.NoError(t, err)
	contracts.Service = b.subs
	b.worker = subscriptions.NewWorker(b.subs, 50, log, time.Now)
	b.settler = reconcile.New(b.orders, log, time.Now, reconcile.Options{})
	return webhooks.New(b.pool, b.orders, g.News, inserter, metrics, log, b.now, webhooks.Config{
		MerchantNo: sandbox.DefaultMerchantNo, Secrets: client.Secrets(), PublicURL: publicURL, RealNow: time.Now, Renewals: b.subs,
	})
}

// late is the service before it is there.
type late struct{ *subscriptions.Service }

type silent struct{}

func (silent) PaymentMoved(context.Context, orders.Payment) {}

func (silent) Settled(context.Context, orders.Source, time.Duration) {}

func (silent) DiscrepancyMoved(context.Context, orders.Discrepancy) {}

// card is a card that the simulator knows.
func card(number string) cards.Card {
	return cards.Card{Number: number, ExpMonth: 12, ExpYear: 2039, CVC: "123", HolderName: "Ada Buyer"}
}

func (b *testBundle) customer(t *testing.T) ids.Customer {
	t.Helper()
	created, err := b.customers.Create(t.Context(), customers.CreateRequest{
		CorrelationID: "test", Email: "ada@example.com",
		Billing: &details.Contact{Email: "ada@example.com", Address: &details.Address{Country: "DE"}},
	})
	require.NoError(t, err)
	return created.Customer.ID
}

// request asks for a monthly subscription of EUR 9.99 by a card that needs no challenge.
func (b *testBundle) request(t *testing.T, edits ...func(*subscriptions.CreateRequest)) subscriptions.CreateRequest {
	t.Helper()
	req := subscriptions.CreateRequest{
		CorrelationID: "test", Customer: b.customer(t), Amount: 999, Currency: "eur", Interval: calendar.IntervalMonth,
		Description: "Plus", Purchase: subscriptions.Purchase{Card: card(frictionless), ReturnURL: "https://shop.example.com/done"},
	}
	for _, edit := range edits {
		edit(&req)
	}
	return req
}

// subscribe begins a subscription that is active, or in its trial, at once.
func (b *testBundle) subscribe(t *testing.T, edits ...func(*subscriptions.CreateRequest)) subscriptions.Subscription {
	t.Helper()
	result, err := b.subs.Create(t.Context(), b.request(t, edits...))
	require.NoError(t, err)
	require.NotNil(t, result.Payment)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	b.settle(t)
	return b.get(t, result.Subscription.ID)
}

func (b *testBundle) get(t *testing.T, id ids.Subscription) subscriptions.Subscription {
	t.Helper()
	sub, err := b.subs.Get(t.Context(), id)
	require.NoError(t, err)
	return sub
}

// settle does what is due until nothing is.
func (b *testBundle) settle(t *testing.T) {
	t.Helper()
	for quiet := 0; quiet < 2; {
		done := 0
		for _, sweep := range []func(context.Context) (int, error){
			func(ctx context.Context) (int, error) { r, err := b.settler.Settle(ctx); return r.Done, err },
			func(ctx context.Context) (int, error) { r, err := b.worker.Advance(ctx); return r.Done, err },
			func(ctx context.Context) (int, error) { r, err := b.worker.End(ctx); return r.Done, err },
			func(ctx context.Context) (int, error) { r, err := b.settler.SettleRefunds(ctx); return r.Done, err },
		} {
			n, err := sweep(t.Context())
			require.NoError(t, err)
			done += n
		}
		if done == 0 {
			quiet++
		} else {
			quiet = 0
		}
	}
}

// until does what is due until something is so: notifications come by themselves.
func (b *testBundle) until(t *testing.T, is func() bool) {
	t.Helper()
	require.Eventually(t, func() bool { b.settle(t); return is() }, 20*time.Second, 20*time.Millisecond)
}

// pass lets time go by, in steps that miss nothing that is hours apart.
func (b *testBundle) pass(t *testing.T, by time.Duration) {
	t.Helper()
	for by > 0 {
		step := min(by, 12*time.Hour)
		b.ahead.Add(int64(step))
		b.provider.Advance(0) // what falls due there
		by -= step
		b.settle(t)
	}
}

// passTo lets time go by until a moment.
func (b *testBundle) passTo(t *testing.T, at time.Time) {
	t.Helper()
	b.pass(t, at.Sub(b.now()))
}

// contracts are the provider's books.
func (b *testBundle) contracts() []sandbox.BookedContract {
	return b.provider.Books(sandbox.BookQuery{}).Contracts
}

// events are the types of the subscription events of a customer, in order.
func (b *testBundle) events(t *testing.T, sub subscriptions.Subscription) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(),
		"SELECT type FROM customer_events WHERE customer_id = $1 AND object->>'id' = $2 ORDER BY sequence", sub.Customer.UUID(), sub.ID.String())
	require.NoError(t, err)
	defer rows.Close()
	var told []string
	for rows.Next() {
		var kind string
		require.NoError(t, rows.Scan(&kind))
		told = append(told, strings.TrimPrefix(kind, "subscription."))
	}
	require.NoError(t, rows.Err())
	return told
}

// periods are the orders of a subscription, the oldest first.
func (b *testBundle) periods(t *testing.T, id ids.Subscription) []orders.Order {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "SELECT id FROM orders WHERE subscription_id = $1 ORDER BY coalesce(period_start, created_at)", id.UUID())
	require.NoError(t, err)
	var found []ids.Order
	for rows.Next() {
		var raw [16]byte
		require.NoError(t, rows.Scan(&raw))
		found = append(found, ids.From[ids.OrderEntity](raw))
	}
	require.NoError(t, rows.Err())
	list := make([]orders.Order, 0, len(found))
	for _, id := range found {
		o, err := b.orders.Get(t.Context(), id)
		require.NoError(t, err)
		list = append(list, o)
	}
	return list
}

// control tells the simulator what to do.
func (b *testBundle) control(t *testing.T, path, body string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	answer := httptest.NewRecorder()
	b.provider.Handler().ServeHTTP(answer, req)
	require.Less(t, answer.Code, 300, answer.Body.String())
}

// act answers the challenge page of a payment as a browser does.
func act(t *testing.T, page, action string) {
	t.Helper()
	form := strings.NewReader(url.Values{"action": {action}}.Encode())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page, form)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Do(req)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
}
