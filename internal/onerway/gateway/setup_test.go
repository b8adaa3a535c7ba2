package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
	"tillway/internal/sandbox"
)

// Cards of the sandbox.
const (
	cardPays         = "4761344136141390"
	cardNoFunds      = "4021937195658141"
	cardChallenged   = "4000020951595032"
	cardAuthFails    = "4000000000001109"
	cardAuthRefused  = "4000009900000012"
	cardFrictionless = "4000009900000020"
	cardLosesAnswer  = "4000009900000103"
	cardServerError  = "4000009900000152"
	cardBadSignature = "4000009900000194"
	cardUnmapped     = "4000009900000228"
	cardProcessing   = "4000009900000236"
)

// testBundle is a gateway on the real client, before a strict sandbox.
type testBundle struct {
	gateway  *gateway.Gateway
	sandbox  *sandbox.Server
	client   *onerway.Client
	observer *observer
	budget   *budget
	log      *strings.Builder // written by the test's own calls only
	url      string
	received *notifications
}

type settings struct {
	sandbox sandbox.Config
	client  onerway.Config
	api     gateway.API
	zone    *time.Location
}

func setup(t *testing.T, options ...func(*settings)) *testBundle {
	t.Helper()
	s := settings{sandbox: sandbox.Config{Strict: true}}
	for _, option := range options {
		option(&s)
	}
	b := &testBundle{
		sandbox: sandbox.New(s.sandbox), observer: &observer{}, budget: &budget{}, log: &strings.Builder{},
		received: &notifications{},
	}
	server := httptest.NewServer(b.sandbox.Handler())
	shop := httptest.NewServer(b.received)
	b.received.url, b.url = shop.URL, server.URL
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = b.sandbox.Run(ctx) })

	s.client.BaseURL, s.client.MerchantNo, s.client.AppID = server.URL, sandbox.DefaultMerchantNo, sandbox.DefaultAppID
	s.client.SecretKey = onerway.Conceal(sandbox.DefaultSecretKey)
	var err error
	b.client, err = onerway.New(s.client)
	require.NoError(t, err)
	t.Cleanup(func() {
		b.client.Close()
		stop()
		running.Wait()
		server.Close()
		shop.Close()
	})
	b.gateway, err = gateway.New(gateway.Options{
		Provider: b.client, Budget: b.budget, Observer: b.observer, API: s.api, Zone: s.zone, Log: slog.New(slog.NewJSONHandler(b.log, nil)),
	})
	require.NoError(t, err)
	return b
}

func newGateway(
	tb testing.TB, provider gateway.Provider, observer *observer, budget *budget, api gateway.API,
) *gateway.Gateway {
	tb.Helper()
	g, err := gateway.New(gateway.Options{Provider: provider, Budget: budget, Observer: observer, API: api})
	require.NoError(tb, err)
	return g
}

// find asks the provider about the sale.
func (b *testBundle) find(t *testing.T, sale orders.Sale) orders.Evidence {
	t.Helper()
	ev, err := b.gateway.Find(t.Context(), orders.Query{
		MerchantTxnID: sale.MerchantTxnID, Amount: sale.Amount, Patience: 5 * time.Second,
	})
	require.NoError(t, err)
	return ev
}

// sale is a good sale; edits change it.
func (b *testBundle) sale(card string, amount money.Amount, edits ...func(*orders.Sale)) orders.Sale {
	payment, order := ids.New[ids.PaymentEntity](), ids.New[ids.OrderEntity]()
	germany := &details.Address{Line1: "Hauptstraße 1", Line2: "Hof 2", City: "Köln", PostalCode: "50667", Country: "DE"}
	contact := details.Contact{FirstName: "Test", LastName: "Buyer", Email: "buyer@example.com", Phone: "+49 221 1", Address: germany}
	sale := orders.Sale{
		Payment: payment, Order: order, MerchantTxnID: payment.String(), OriginalID: order.String(), Amount: amount,
		Card:    cards.Card{Number: card, ExpMonth: 5, ExpYear: time.Now().Year() + 3, CVC: "123", HolderName: "Test Buyer"},
		Billing: contact, Shipping: contact, CustomerID: ids.New[ids.CustomerEntity]().String(),
		ThreeDS:   orders.ThreeDS{Strategy: orders.ThreeDSAuto},
		ReturnURL: b.received.url + "/return", NotifyURL: b.received.url + "/notify", SentAt: time.Now(),
	}
	for _, edit := range edits {
		edit(&sale)
	}
	return sale
}

func amount(t require.TestingT, minor int64, code string) money.Amount {
	currency, err := money.ParseCurrency(code)
	require.NoError(t, err)
	return money.New(minor, currency)
}

// budget grants every call, or refuses with err.
type budget struct {
	mu    sync.Mutex
	lanes []ratelimit.Lane
	err   error
}

func (b *budget) Acquire(_ context.Context, lane ratelimit.Lane) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lanes = append(b.lanes, lane)
	return b.err
}

// observer keeps what it is told as "operation class" and kinds.
type observer struct {
	mu       sync.Mutex
	calls    []string
	unmapped []string
}

func (o *observer) PSPCall(_ context.Context, operation, class string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, operation+" "+class)
}

func (o *observer) UnmappedProviderValue(_ context.Context, kind string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unmapped = append(o.unmapped, kind)
}

// notifications is the merchant's side: it keeps what the sandbox notifies of.
type notifications struct {
	url string
	mu  sync.Mutex
	got []received
}

type received struct {
	body   []byte
	header string
}

func (n *notifications) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	n.got = append(n.got, received{body, r.Header.Get(onerway.SignatureHeader)})
	n.mu.Unlock()
	var fields struct {
		TransactionID string `json:"transactionId"`
	}
	_ = json.Unmarshal(body, &fields)
	_, _ = io.WriteString(w, fields.TransactionID)
}

// notification waits for one about the sale and verifies it.
func (b *testBundle) notification(t *testing.T, sale orders.Sale) onerway.Notification {
	t.Helper()
	var found onerway.Notification
	require.Eventually(t, func() bool {
		b.received.mu.Lock()
		defer b.received.mu.Unlock()
		for _, message := range b.received.got {
			n, err := onerway.VerifyNotification(message.body, message.header, b.client.Secrets())
			if err == nil && n.MerchantTxnID == sale.MerchantTxnID {
				found = n
				return true
			}
		}
		return false
	}, 5*time.Second, 2*time.Millisecond, "a notification about the sale")
	return found
}

// provider answers what a test lets it, and keeps the sale that it was asked for.
type provider struct {
	checkout     onerway.CheckoutRequest
	sale         onerway.SaleRequest
	refund       onerway.RefundRequest
	answer       onerway.SaleResponse
	refundAnswer onerway.RefundResponse
	rows         onerway.Page[onerway.Transaction]
	intents      onerway.Page[onerway.PaymentIntent]
	chargebacks  onerway.Page[onerway.Chargeback]
	detail       onerway.SubscriptionDetail
	err          error
	down         error
}

func (p *provider) DoTransaction(_ context.Context, request onerway.SaleRequest) (onerway.SaleResponse, error) {
	p.sale = request
	return p.answer, p.err
}

func (p *provider) Checkout(_ context.Context, request onerway.CheckoutRequest) (onerway.SaleResponse, error) {
	p.checkout = request
	return p.answer, p.err
}

func (p *provider) ListTransactions(context.Context, onerway.ListRequest) (onerway.Page[onerway.Transaction], error) {
	return p.rows, p.err
}

func (p *provider) QueryPayments(context.Context, onerway.PaymentsRequest) (onerway.Page[onerway.PaymentIntent], error) {
	return p.intents, p.err
}

func (p *provider) OnlineRefund(_ context.Context, request onerway.RefundRequest) (onerway.RefundResponse, error) {
	p.refund = request
	return p.refundAnswer, p.err
}

func (p *provider) AuthPayment(context.Context, onerway.AuthPaymentRequest) (onerway.SaleResponse, error) {
	return p.answer, p.err
}

func (p *provider) ListChargebacks(context.Context, onerway.ChargebackRequest) (onerway.Page[onerway.Chargeback], error) {
	return p.chargebacks, p.err
}

func (p *provider) BindCard(context.Context, onerway.BindCardRequest) (onerway.BindCardResponse, error) {
	return onerway.BindCardResponse{}, p.err
}

func (p *provider) QueryTokens(context.Context, string) ([]onerway.BoundToken, error) {
	return nil, p.err
}

func (p *provider) RemoveToken(context.Context, string) error { return p.err }

func (p *provider) CancelTransaction(context.Context, string) (onerway.CancelResponse, error) {
	return onerway.CancelResponse{RespCode: onerway.CodeApproved, Status: "I"}, p.err
}

func (p *provider) CancelSubscription(
	context.Context, onerway.CancelSubscriptionRequest,
) (onerway.CancelSubscriptionResponse, error) {
	return onerway.CancelSubscriptionResponse{Contract: onerway.ContractCanceled}, p.err
}

func (p *provider) QuerySubscription(context.Context, onerway.Sensitive) (onerway.SubscriptionDetail, error) {
	return p.detail, p.err
}

func (p *provider) Available() error { return p.down }

// paymentNews is what a notification says of a payment, by our reference.
func paymentNews(tb testing.TB, g *gateway.Gateway, n onerway.Notification) (string, orders.Evidence, error) {
	tb.Helper()
	news, err := g.News(tb.Context(), n)
	if err != nil {
		return "", orders.Evidence{}, err
	}
	about, ok := news.(orders.PaymentNews)
	require.True(tb, ok, "%T", news)
	return about.MerchantTxnID, about.Evidence, nil
}
