package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"

	"tillway/internal/api"
	"tillway/internal/api/openapitest"
	"tillway/internal/apikeys"
	paymentcards "tillway/internal/cards"
	"tillway/internal/customers"
	"tillway/internal/embedded/redistest"
	"tillway/internal/events"
	"tillway/internal/fault"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/jobs"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/page"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/ratelimit"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/dunning"
	"tillway/internal/subscriptions/report"
	"tillway/internal/telemetry"
	"tillway/internal/testclock"
	"tillway/internal/webhooks"
)

const (
	publicURL    = "https://pay.example.com"
	returnSecret = "return-secret"

	goodCard      = "4761344136141390"
	declinedCard  = "4021937195658141"
	challengeCard = "4000020951595032"
	lostCard      = "4000027891380961"
	refusedCard   = "4000128449498204"
	unsentCard    = "4000000000002701"
	slowCard      = "4000000000001091"
)

// cards is a provider whose answer depends on the card.
type cards struct {
	mu    sync.Mutex
	sales []string // merchant transaction ids
	// settled is what Find answers by merchant transaction id; without an entry the question fails.
	settled map[string]orders.Evidence
	// release lets sales of slowCard go on.
	release chan struct{}
	began   chan struct{}
}

func (g *cards) Accepts(amount money.Amount) error {
	if amount.Currency.Digits() == 3 {
		return fault.New(fault.Refused, "currency_not_supported", "%s has three decimals.", amount.Currency).WithParam("currency")
	}
	return nil
}

func (g *cards) Admit(context.Context, orders.Initiator) error { return nil }

func (g *cards) Sale(ctx context.Context, sale orders.Sale) orders.Evidence {
	g.mu.Lock()
	g.sales = append(g.sales, sale.MerchantTxnID)
	g.mu.Unlock()
	e := orders.Evidence{
		Source: orders.SourceAnswer, Amount: sale.Amount, ProviderTransactionID: "txn_" + sale.MerchantTxnID,
	}
	if sale.Terms != nil {
		e.Contract = orders.Contract{ID: "contract_" + sale.MerchantTxnID, Token: paymentcards.NewToken("token-" + rand.Text())}
	}
	if sale.Method == orders.MethodHosted {
		e.Outcome, e.RedirectURL = orders.OutcomeActionRequired, "https://psp.example.com/checkout?key=1"
		return e
	}
	if sale.Method == orders.MethodLocal {
		return local(e, sale.Local)
	}
	switch sale.Card.Number {
	case declinedCard:
		e.Outcome = orders.OutcomeDeclined
		e.Failure = &orders.Failure{
			Code: "insufficient_funds", DeclineCode: "insufficient_funds", Message: "The card has insufficient funds.",
			Category: orders.FailureSoft, ProviderCode: "20051",
		}
	case refusedCard:
		e.Outcome = orders.OutcomeDeclined
		e.Failure = &orders.Failure{
			Code: "processing_error", Message: "The provider refused the request.", Category: orders.FailureConfiguration,
			ProviderCode: "40000",
		}
	case challengeCard:
		e.Outcome, e.RedirectURL = orders.OutcomeActionRequired, "https://psp.example.com/3ds/1"
	case lostCard:
		e = orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
	case unsentCard:
		e = orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeNeverSent, Failure: &orders.Failure{
			Code: "processing_error", Message: "Never sent.", Category: orders.FailureTechnical,
		}}
	case slowCard:
		g.began <- struct{}{}
		select {
		case <-g.release:
		case <-ctx.Done():
		}
		e.Outcome = orders.OutcomeSucceeded
	default:
		e.Outcome = orders.OutcomeSucceeded
	}
	return e
}

func (g *cards) Find(_ context.Context, q orders.Query) (orders.Evidence, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e, ok := g.settled[q.MerchantTxnID]; ok {
		return e, nil
	}
	return orders.Evidence{}, errors.New("the provider did not answer")
}

// settle makes the provider tell the outcome when it is asked.
func (g *cards) settle(merchantTxnID string, outcome orders.Outcome, amount money.Amount) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settled[merchantTxnID] = orders.Evidence{
		Source: orders.SourceQuery, Outcome: outcome, Amount: amount, ProviderTransactionID: "txn_" + merchantTxnID,
	}
}

func (g *cards) saleCount() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.sales)
}

type observer struct{}

func (observer) PaymentMoved(context.Context, orders.Payment) {}

func (observer) Settled(context.Context, orders.Source, time.Duration) {}

func (observer) DiscrepancyMoved(context.Context, orders.Discrepancy) {}

func (observer) SubscriptionMoved(context.Context, string) {}

// agreements is what a provider does about subscriptions beside charging them.
type agreements struct{}

func (agreements) VerificationAmount(money.Currency) int64 { return 100 }

func (agreements) EndContract(context.Context, string) (bool, error) { return true, nil }

func (agreements) ContractOver(context.Context, string) (bool, error) { return false, nil }

// contracts has the bundle's subscriptions told of what the provider says to its orders.
type contracts struct{ bundle *testBundle }

func (c contracts) Learn(ctx context.Context, payment ids.Payment, told orders.Contract) error {
	return c.bundle.subs.Learn(ctx, payment, told)
}

// testBundle is a whole service over real HTTP, PostgreSQL and Redis; only the provider is made up.
type testBundle struct {
	pool      *pgxpool.Pool
	redis     redis.UniversalClient
	provider  *cards
	orders    *orders.Service
	vault     *vault
	customers *customers.Service
	subs      *subscriptions.Service
	server    *httptest.Server
	client    *http.Client
	logs      *logBuffer
	keys      map[apikeys.Role]string
	inbox     *inbox
	cut       atomic.Bool // the database cannot be reached
}

// vault keeps every card but the declined one; lostCard is kept, and nobody told.
type vault struct {
	mu    sync.Mutex
	kept  []customers.KeptCard
	names []string // under which each is kept
}

func (v *vault) Bind(_ context.Context, b customers.Binding) customers.Bound {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch b.Card.Number {
	case declinedCard:
		return customers.Bound{Result: customers.ResultDeclined, Failure: customers.Failure{
			Code: "card_declined", DeclineCode: "do_not_honor", Message: "The card was declined.",
		}}
	case refusedCard:
		return customers.Bound{Result: customers.ResultDeclined, Failure: customers.Failure{
			Code: "processing_error", DeclineCode: "request_rejected", Message: "Please contact the shop.", Refused: true,
		}}
	case unsentCard:
		return customers.Bound{Result: customers.ResultNeverSent}
	}
	token := paymentcards.NewToken("token-" + rand.Text())
	n := b.Card.Number
	v.kept = append(v.kept, customers.KeptCard{
		Token: token, First6: n[:6], Last4: n[len(n)-4:], ExpMonth: b.Card.ExpMonth, ExpYear: b.Card.ExpYear,
	})
	v.names = append(v.names, b.ProviderCustomer)
	if n == lostCard {
		return customers.Bound{Result: customers.ResultUnknown}
	}
	return customers.Bound{Result: customers.ResultKept, Token: token}
}

func (v *vault) Kept(_ context.Context, name string) ([]customers.KeptCard, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var kept []customers.KeptCard
	for i, card := range v.kept {
		if v.names[i] == name {
			kept = append(kept, card)
		}
	}
	return kept, nil
}

func (v *vault) Remove(context.Context, string, paymentcards.Token) error { return nil }

// inbox lists what it was given, and answers a replay with what stands there.
type inbox struct {
	listed  []webhooks.Notification
	asked   webhooks.Filter
	refused map[ids.Notification]error
}

func (i *inbox) List(_ context.Context, f webhooks.Filter, _ page.Request) (page.List[webhooks.Notification], error) {
	i.asked = f
	return page.List[webhooks.Notification]{Data: i.listed}, nil
}

func (i *inbox) Replay(_ context.Context, id ids.Notification) (webhooks.Notification, error) {
	for _, n := range i.listed {
		if n.ID == id {
			return n, i.refused[id]
		}
	}
	return webhooks.Notification{}, fault.Missing("notification", id.String())
}

func (b *testBundle) openPool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.URL(t))
	require.NoError(t, err)
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if b.cut.Load() {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return dial(ctx, network, address)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// cutDatabase makes PostgreSQL unreachable.
func (b *testBundle) cutDatabase() {
	b.cut.Store(true)
	b.pool.Reset()
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends to the buffer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// setup starts a service; adjust changes what it is made of.
func setup(t testing.TB, adjust ...func(*api.Deps)) *testBundle {
	t.Helper()
	return setupWith(t, nil, adjust...)
}

// setupWith starts a service on a provider of its own, the cards above when there is none.
func setupWith(t testing.TB, provider orders.Gateway, adjust ...func(*api.Deps)) *testBundle {
	t.Helper()
	return setupConfigured(t, provider, func(*orders.Config) {}, adjust...)
}

// setupConfigured is setupWith for a merchant who has set up orders in a way of its own.
func setupConfigured(
	t testing.TB, provider orders.Gateway, configure func(*orders.Config), adjust ...func(*api.Deps),
) *testBundle {
	t.Helper()
	b := &testBundle{
		redis: redistest.New(t), logs: &logBuffer{}, keys: map[apikeys.Role]string{}, inbox: &inbox{}, vault: &vault{},
		provider: &cards{settled: map[string]orders.Evidence{}, release: make(chan struct{}), began: make(chan struct{}, 100)},
	}
	b.pool = b.openPool(t)
	dataKey := bytes.Repeat([]byte{7}, 32)
	logger := telemetry.NewLogger(b.logs, slog.LevelDebug)
	allowed := func(text string) bool {
		u, err := url.Parse(text)
		return text == api.CardReturnURL(publicURL) ||
			(err == nil && u.User == nil && u.Scheme == "https" && u.Host == "shop.example.com")
	}
	if provider == nil {
		provider = b.provider
	}
	refunds, _ := provider.(orders.RefundGateway)
	config := orders.Config{
		PublicURL: publicURL, ReturnURLAllowed: allowed, MaxAmount: 99_999_999, CallerDeadline: 10 * time.Second,
		ChargeTimeout: 20 * time.Second, Schedule: orders.Schedule{time.Hour}, NotFoundAfter: time.Hour,
		Confirm: orders.ConfirmMismatch, SecretKey: dataKey, Refunds: refunds, DuplicateWindow: 10 * time.Minute,
	}
	configure(&config)
	inserter, err := jobs.NewInserter(b.pool, logger)
	require.NoError(t, err)
	b.customers, err = customers.New(b.pool, inserter, b.vault, logger, time.Now, customers.Config{
		DataKey: dataKey, CallTimeout: 5 * time.Second,
		Erase: func(ctx context.Context, customer ids.Customer) error {
			return b.orders.Erase(ctx, customer, func(context.Context, *pgx.Batch, ids.Order, orders.KnownAs) error { return nil })
		},
	})
	require.NoError(t, err)
	config.Wallet, config.Contracts = b.customers, contracts{b}
	b.orders = orders.New(b.pool, provider, observer{}, logger, time.Now, config)
	b.subs, err = subscriptions.New(b.pool, b.orders, agreements{}, observer{}, logger, time.Now, subscriptions.Config{
		DataKey: dataKey, Zone: time.UTC, ProviderZone: time.UTC, Policy: dunning.Default(), Upcoming: 72 * time.Hour,
		PurchasePatience: time.Minute, LinkLasts: time.Hour,
	})
	require.NoError(t, err)
	fingerprints, err := idempotency.NewKeys(dataKey)
	require.NoError(t, err)
	store, err := idempotency.New(idempotency.Options{Redis: b.redis, Keys: fingerprints})
	require.NoError(t, err)
	limiter, err := ratelimit.NewLimiter(ratelimit.LimiterOptions{Redis: b.redis, PerSecond: 10_000})
	require.NoError(t, err)
	secrets := apikeys.New(b.pool, apikeys.Options{})
	for _, role := range apikeys.Roles() {
		_, secret, err := secrets.Create(t.Context(), role, string(role))
		require.NoError(t, err)
		b.keys[role] = secret
	}
	clock, err := testclock.Open(t.Context(), b.pool, testclock.Options{Log: logger})
	require.NoError(t, err)
	deps := api.Deps{
		TestClock: clock, Orders: b.orders, Events: events.New(b.pool), Customers: b.customers, Subscriptions: b.subs,
		SubscriptionReports: report.New(b.pool, time.Now),
		Keys:                secrets, Idempotency: store, Fingerprints: fingerprints,
		Limiter: limiter, RateLimit: 10_000, PublicURL: publicURL, ReturnURLAllowed: allowed,
		OriginAllowed: func(origin string) bool { return origin == "https://shop.example.com" },
		Inbox:         b.inbox, ReturnSecret: []byte(returnSecret), Logger: logger, Metrics: telemetry.DiscardMetrics(),
		Propagator: propagation.TraceContext{}, Now: time.Now,
		Notifications: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || len(body) > 256<<10 {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				_, _ = io.WriteString(w, errorJSON(invalid, "body_too_large", "Too large.", ""))
				return
			}
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write(body)
		}),
		Checks: []api.Check{
			{Name: "postgres", Required: true, Run: b.pool.Ping},
			{Name: "redis", Run: func(ctx context.Context) error { return b.redis.Ping(ctx).Err() }},
		},
	}
	for _, change := range adjust {
		change(&deps)
	}
	b.server = httptest.NewServer(api.New(deps))
	t.Cleanup(b.server.Close)
	b.client = &http.Client{
		Transport:     openapitest.Transport(t, nil),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return b
}
