package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shop is the merchant's side: it takes notifications and acknowledges them as the provider wants.
type shop struct {
	*httptest.Server
	mu       sync.Mutex
	received []received
	answer   func(transactionID string, nth int) (int, string)
}

type received struct {
	header http.Header
	body   []byte
	fields map[string]any
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fields := map[string]any{}
	if err == nil {
		err = json.Unmarshal(body, &fields)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id, _ := fields["transactionId"].(string)
	s.mu.Lock()
	s.received = append(s.received, received{r.Header.Clone(), body, fields})
	code, answer := http.StatusOK, id
	if s.answer != nil {
		code, answer = s.answer(id, len(s.received))
	}
	s.mu.Unlock()
	w.WriteHeader(code)
	_, _ = io.WriteString(w, answer)
}

func (s *shop) notifications() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.received...)
}

// clock is a clock that stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

type testBundle struct {
	sandbox *Server
	shop    *shop
	url     string
	clock   *clock
	ids     atomic.Int64
}

// setup starts a strict sandbox and a shop. The clock stands still on 1 March 2026 in Asia.
func setup(t *testing.T, options ...func(*Config)) *testBundle {
	t.Helper()
	b := &testBundle{shop: &shop{}, clock: &clock{at: time.Date(2026, 3, 1, 1, 30, 1, 0, time.UTC)}}
	b.shop.Server = httptest.NewServer(b.shop)
	cfg := Config{Now: b.clock.now, Strict: true}
	for _, option := range options {
		option(&cfg)
	}
	b.sandbox = New(cfg)
	server := httptest.NewServer(b.sandbox.Handler())
	b.url = server.URL

	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = b.sandbox.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		server.Close()
		b.shop.Close()
	})
	return b
}

const cardPays = "4761344136141390"

// sale is a good request; edits change it before it is signed.
func (b *testBundle) sale(card, amount string, edits ...func(map[string]any)) map[string]any {
	currency := "USD"
	params := map[string]any{
		"merchantNo": DefaultMerchantNo, "merchantTxnId": fmt.Sprintf("txn-%d", b.ids.Add(1)),
		"productType": "CARD", "subProductType": "DIRECT", "txnType": "SALE",
		"orderAmount": amount, "orderCurrency": currency, "risk3dsStrategy": "DEFAULT",
		"cardInfo":            fmt.Sprintf(`{"holderName":"Test Buyer","cardNumber":%q,"month":"12","year":"2030","cvv":"123"}`, card),
		"billingInformation":  `{"email":"buyer@example.com","country":"US","province":"CA"}`,
		"shippingInformation": `{"email":"buyer@example.com","country":"US","province":"CA"}`,
	}
	for _, edit := range edits {
		edit(params)
	}
	if params["txnOrderMsg"] == nil {
		params["txnOrderMsg"] = b.orderMsg(signedText(params["orderAmount"]), signedText(params["orderCurrency"]))
	}
	return params
}

func (b *testBundle) orderMsg(amount, currency string) string {
	products, _ := json.Marshal([]map[string]string{{"name": "Tea", "price": amount, "num": "1", "currency": currency}})
	msg, _ := json.Marshal(map[string]any{
		"returnUrl": b.shop.URL + "/return", "notifyUrl": b.shop.URL + "/notify", "appId": DefaultAppID,
		"products": string(products), "transactionIp": "203.0.113.7", "javaEnabled": false,
	})
	return string(msg)
}

func set(name string, value any) func(map[string]any) {
	return func(params map[string]any) {
		params[name] = value
		if value == nil {
			delete(params, name)
		}
	}
}

// envelope is an answer as a client reads it.
type envelope struct {
	RespCode string         `json:"respCode"`
	RespMsg  string         `json:"respMsg"`
	Data     map[string]any `json:"data"`
	raw      []byte
}

func (e envelope) status() string { return signedText(e.Data["status"]) }
func (e envelope) id() string     { return signedText(e.Data["transactionId"]) }

// raw posts params, signed with the merchant's key, and returns what the transport made of it.
func (b *testBundle) raw(t *testing.T, path string, params map[string]any) (*http.Response, []byte, error) {
	t.Helper()
	params = maps.Clone(params)
	if params["sign"] == nil {
		params["sign"] = digest(params, unsignedInRequest(), DefaultSecretKey)
	}
	body, err := json.Marshal(params)
	require.NoError(t, err)
	return b.post(t, path, "application/json", body)
}

func (b *testBundle) post(t *testing.T, path, contentType string, body []byte) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, resp.Body.Close())
	return resp, answer, err
}

// call posts params and expects an answer that can be read.
func (b *testBundle) call(t *testing.T, path string, params map[string]any) envelope {
	t.Helper()
	resp, body, err := b.raw(t, path, params)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	e := envelope{raw: body}
	require.NoError(t, json.Unmarshal(body, &e), string(body))
	return e
}

func (b *testBundle) charge(t *testing.T, card, amount string, edits ...func(map[string]any)) envelope {
	t.Helper()
	return b.call(t, pathSale, b.sale(card, amount, edits...))
}

// rows asks /v1/txn/list for one merchantTxnId.
func (b *testBundle) rows(t *testing.T, merchantTxnID string) []any {
	t.Helper()
	e := b.call(t, pathList, map[string]any{"merchantNo": DefaultMerchantNo, "merchantTxnIds": merchantTxnID, "current": "1"})
	require.Equal(t, codeSuccess, e.RespCode, e.RespMsg)
	rows, isList := e.Data["content"].([]any)
	require.True(t, isList)
	return rows
}

// control calls an endpoint under /sandbox and decodes its answer.
func (b *testBundle) control(t *testing.T, method, path, body string, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	if into != nil {
		require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
	}
	return resp.StatusCode
}

func eventually(t *testing.T, fact func() bool, what string) {
	t.Helper()
	require.Eventually(t, fact, 5*time.Second, 2*time.Millisecond, what)
}

// quietly says that something does not happen for a while: long enough for the agenda to have looked several times.
func quietly(t *testing.T, fact func() bool, what string) {
	t.Helper()
	require.Never(t, fact, 60*time.Millisecond, 5*time.Millisecond, what)
}
