package webhooks_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/jobs"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/ratelimit"
	"tillway/internal/seal"
	"tillway/internal/telemetry"
	"tillway/internal/webhooks"
)

const (
	merchantNo  = "800209"
	secret      = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	oldSecret   = "previous-secret"
	transaction = "2084000000000000101"
	patience    = 20 * time.Second
)

// testBundle is a receiver on a server of its own, with a clock that tests turn.
type testBundle struct {
	pool     *pgxpool.Pool
	orders   *orders.Service
	receiver *webhooks.Receiver
	url      string
	clock    atomic.Int64 // what the clock is ahead of ours
	log      *syncBuffer
	config   webhooks.Config
	// ledger keeps what is told of contracts.
	ledger *ledger
	// chargebacks is what the provider answers about disputes.
	chargebacks *chargebacks
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// provider sends every shopper to a challenge and is not asked anything.
type provider struct{ orders.Gateway }

func (provider) Accepts(money.Amount) error { return nil }

func (provider) Admit(context.Context, orders.Initiator) error { return nil }

func (provider) Sale(_ context.Context, s orders.Sale) orders.Evidence {
	return orders.Evidence{
		Source: orders.SourceAnswer, Outcome: orders.OutcomeActionRequired, Amount: s.Amount,
		RedirectURL: "https://3ds.example.com/",
	}
}

type noProvider struct{ gateway.Provider }

type noBudget struct{}

func (noBudget) Acquire(context.Context, ratelimit.Lane) error { return nil }

func setup(t *testing.T, adjust ...func(*webhooks.Config)) *testBundle {
	t.Helper()
	b := &testBundle{pool: pgtest.New(t), log: &syncBuffer{}, chargebacks: &chargebacks{}, ledger: &ledger{}}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	b.orders = orders.New(b.pool, provider{}, nil, log, b.now, orders.Config{
		PublicURL: "https://pay.example.com", ReturnURLAllowed: func(string) bool { return true }, MaxAmount: 99_999_999,
		CallerDeadline: 5 * time.Second, ChargeTimeout: 10 * time.Second, NotFoundAfter: 15 * time.Minute,
		Schedule: orders.Schedule{3 * time.Second}, Confirm: orders.ConfirmMismatch, SecretKey: make([]byte, 32),
		Disputes: b.chargebacks, Contracts: b.ledger,
	})
	words, err := gateway.New(gateway.Options{
		Provider: noProvider{}, Budget: noBudget{}, Observer: telemetry.DiscardMetrics(), Now: b.now,
	})
	require.NoError(t, err)
	inserter, err := jobs.NewInserter(b.pool, log)
	require.NoError(t, err)
	sealer, err := seal.New(make([]byte, 32), "notifications")
	require.NoError(t, err)
	b.config = webhooks.Config{
		Sealer:     sealer,
		MerchantNo: merchantNo, PublicURL: "https://pay.example.com",
		Secrets: onerway.Secrets{Current: onerway.Conceal(secret), Previous: onerway.Conceal(oldSecret)},
	}
	for _, change := range adjust {
		change(&b.config)
	}
	b.receiver = webhooks.New(b.pool, b.orders, words.News, inserter, telemetry.DiscardMetrics(), log, b.now, b.config)
	server := httptest.NewServer(b.receiver)
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

func (b *testBundle) now() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) }

// payment makes an order of EUR 27.00 with a payment that waits for its shopper.
func (b *testBundle) payment(t *testing.T) orders.Payment {
	t.Helper()
	created, err := b.orders.Create(t.Context(), orders.CreateOrder{
		Amount: 2700, Currency: "eur", CorrelationID: "test",
		Billing: &details.Contact{Email: "buyer@example.com", Address: &details.Address{Country: "DE"}},
	})
	require.NoError(t, err)
	result, err := b.orders.Pay(t.Context(), orders.PayRequest{
		Order: created.Order.ID, CorrelationID: "test",
		Card: cards.Card{Number: "4761344136141390", ExpMonth: 12, ExpYear: 2030, CVC: "123", HolderName: "A B"},
	})
	require.NoError(t, err)
	require.Equal(t, orders.PaymentRequiresAction, result.Payment.Status)
	return result.Payment
}

// message is a notification before it is signed.
type message map[string]any

func saleOf(merchantTxnID, status string) message {
	return message{
		"notifyType": "TXN", "transactionId": transaction, "txnType": "SALE", "merchantNo": merchantNo,
		"merchantTxnId": merchantTxnID, "orderAmount": "27.00", "orderCurrency": "EUR", "status": status, "eci": "05",
		"reason": `{"respCode":"20000","respMsg":"Success"}`, "paymentMethod": "VISA",
	}
}

func (m message) with(name string, value any) message {
	m = maps.Clone(m)
	m[name] = value
	return m
}

// signed is the body with its signature, made as the Onerway contract §3 says: the values of all members that are not
// excluded, by name, and the secret.
func (m message) signed(t *testing.T, key string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch name {
		case "originTransactionId", "originMerchantTxnId", "paymentMethod", "walletTypeName", "tokenExpireTime", "periodValue":
			continue
		}
		if value, ok := m[name].(string); ok || m[name] == nil {
			text.WriteString(value)
			continue
		}
		encoded, err := json.Marshal(m[name])
		require.NoError(t, err)
		text.Write(encoded)
	}
	digest := sha256.Sum256([]byte(text.String() + key))
	return m.with("sign", hex.EncodeToString(digest[:])).unsigned(t)
}

func (m message) unsigned(t *testing.T) string {
	t.Helper()
	body, err := json.Marshal(m)
	require.NoError(t, err)
	return string(body)
}

type answer struct {
	status int
	body   string
	header http.Header
}

func (b *testBundle) deliver(t *testing.T, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{status: resp.StatusCode, body: string(content), header: resp.Header}
}

// acknowledged delivers a body and expects exactly the transaction's id.
func (b *testBundle) acknowledged(t *testing.T, body string) {
	t.Helper()
	got := b.deliver(t, body)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, transaction, got.body)
	require.Equal(t, "text/plain", got.header.Get("Content-Type"))
}

// row is a stored notification.
type row struct {
	Status, Reason       string
	Deliveries, Attempts int
	Body                 string
}

func (b *testBundle) rows(t *testing.T) []row {
	t.Helper()
	return query[row](t, b, "SELECT status, reason, deliveries, attempts, body FROM notifications ORDER BY id")
}

func (b *testBundle) order(t *testing.T, p orders.Payment) orders.Order {
	t.Helper()
	o, err := b.orders.Get(t.Context(), p.Order)
	require.NoError(t, err)
	return o
}

func (b *testBundle) events(t *testing.T, p orders.Payment) []string {
	t.Helper()
	return query[string](t, b, "SELECT type FROM events WHERE order_id = $1 ORDER BY sequence", p.Order.UUID())
}

func (b *testBundle) discrepancies(t *testing.T) []string {
	t.Helper()
	return query[string](t, b, "SELECT class || ' ' || subject FROM discrepancies ORDER BY id")
}

// work runs the jobs until the test ends.
func (b *testBundle) work(t *testing.T) {
	t.Helper()
	runner, err := jobs.New(b.pool, slog.New(slog.NewTextHandler(b.log, nil)), b.now, jobs.Options{}, b.receiver.Register)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}
