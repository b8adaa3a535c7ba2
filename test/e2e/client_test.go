package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/api/openapitest"
)

const (
	requestPatience = 60 * time.Second
	// patience for what happens by itself: a notification, a query, a sweep. It outlasts the half minute for which a check
	// belongs to a worker that has lost it.
	patience = 45 * time.Second
)

// client speaks to one process of the service as a storefront does.
type client struct {
	world *world
	base  string
	http  *http.Client
}

// call is one request. The zero value of what is not named is what a good storefront sends.
type call struct {
	method, path string
	body         any    // a string is sent as it is
	as           string // a secret; storefront when empty, nobody when "none"
	key          string // Idempotency-Key
	header       map[string]string
	wrong        bool // it breaks the document on purpose
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// The resources, as far as the tests look at them.
type (
	link struct {
		Href, Method string
		Templated    bool
	}
	links map[string]link
	order struct {
		ID                  string
		Status              string
		Amount              int64
		AmountPaid          int64  `json:"amount_paid"`
		AmountRefunded      int64  `json:"amount_refunded"`
		AmountRefundPending int64  `json:"amount_refund_pending"`
		AmountDisputed      int64  `json:"amount_disputed"`
		LatestPayment       string `json:"latest_payment"`
		NeedsReview         bool   `json:"needs_review"`
		ClientSecret        string `json:"client_secret"`
		Links               links  `json:"_links"`
	}
	payment struct {
		ID                    string
		Order                 string
		Attempt               int
		Status                string
		Currency              string
		AmountCaptured        int64  `json:"amount_captured"`
		MerchantTxnID         string `json:"merchant_txn_id"`
		ProviderTransactionID string `json:"provider_transaction_id"`
		Confirmed             bool
		Surplus               bool
		NextAction            *struct {
			Type          string
			RedirectToURL struct {
				URL       string
				ReturnURL string `json:"return_url"`
			} `json:"redirect_to_url"`
			DisplayQRCode struct {
				Data      string
				ExpiresAt int64 `json:"expires_at"`
			} `json:"display_qr_code"`
			DisplayInstructions struct{ Text string } `json:"display_instructions"`
		} `json:"next_action"`
		ThreeDS *struct{ Result, ECI string } `json:"three_ds"`
		Failure *struct {
			Code        string
			DeclineCode string `json:"decline_code"`
			Category    string
		}
		Links links `json:"_links"`
	}
	event struct {
		ID       string
		Type     string
		Order    string
		Sequence int
		Data     struct{ Object json.RawMessage }
	}
	page[T any] struct {
		Data    []T
		HasMore bool `json:"has_more"`
	}
	refusal struct {
		Error struct {
			Type, Code, Message, Param string
			DeclineCode                string          `json:"decline_code"`
			CorrelationID              string          `json:"correlation_id"`
			Payment                    json.RawMessage `json:"payment"`
		}
	}
	object = map[string]any
)

// try sends a request; for goroutines, which must not end the test.
func (c *client) try(ctx context.Context, r call) (answer, error) {
	request, err := c.request(ctx, r)
	if err != nil {
		return answer{}, err
	}
	got, err := c.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	return answer{got.StatusCode, got.Header, string(raw)}, err
}

func (c *client) request(ctx context.Context, r call) (*http.Request, error) {
	var body io.Reader
	switch content := r.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(content)
	default:
		raw, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	if r.wrong {
		ctx = openapitest.Malformed(ctx)
	}
	request, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	switch r.as {
	case "none":
	case "":
		request.Header.Set("Authorization", "Bearer "+storefront)
	default:
		request.Header.Set("Authorization", "Bearer "+r.as)
	}
	if r.key != "" {
		request.Header.Set("Idempotency-Key", r.key)
	}
	for name, value := range r.header {
		request.Header.Set(name, value)
	}
	return request, nil
}

// send sends a request and requires that it is answered.
func (c *client) send(r call) answer {
	c.world.t.Helper()
	got, err := c.try(c.world.t.Context(), r)
	require.NoError(c.world.t, err)
	return got
}

// into reads the answer's body.
func into[T any](t *testing.T, a answer) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal([]byte(a.body), &value), a.body)
	return value
}

// requireStatus requires the answer's status and shows its body if it has another.
func (a answer) requireStatus(t *testing.T, status int) answer {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	return a
}

// orderBody is an order of 27.00 EUR that can be paid by card; nil takes a field away.
func orderBody(changes object) object {
	body := object{
		"amount": 2700, "currency": "eur", "return_url": shop + "/done?cart=7",
		"billing_details": object{"email": "buyer@example.com", "address": object{"country": "DE"}},
	}
	for name, value := range changes {
		if body[name] = value; value == nil {
			delete(body, name)
		}
	}
	return body
}

// createOrder makes an order.
func (c *client) createOrder(changes object) order {
	c.world.t.Helper()
	made := c.send(call{method: http.MethodPost, path: "/v1/orders", body: orderBody(changes), key: rand.Text()})
	return into[order](c.world.t, made.requireStatus(c.world.t, http.StatusCreated))
}

// payCall is the request that pays an order with a card.
func (c *client) payCall(order, number, key string, changes object) call {
	c.world.cards.remember(number)
	body := object{"payment_method": object{"type": "card", "card": object{
		"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123", "holder_name": "Ada Lovelace",
	}}}
	maps.Copy(body, changes)
	return call{method: http.MethodPost, path: "/v1/orders/" + order + "/payments", body: body, key: key}
}

// pay pays an order with a card, under a new key.
func (c *client) pay(order, number string, changes object) answer {
	c.world.t.Helper()
	return c.send(c.payCall(order, number, rand.Text(), changes))
}

func get[T any](c *client, path string) T {
	c.world.t.Helper()
	got := c.send(call{method: http.MethodGet, path: path})
	return into[T](c.world.t, got.requireStatus(c.world.t, http.StatusOK))
}

func (c *client) order(id string) order {
	c.world.t.Helper()
	return get[order](c, "/v1/orders/"+id)
}

func (c *client) payment(id string) payment {
	c.world.t.Helper()
	return get[payment](c, "/v1/payments/"+id)
}

// paymentsOf lists every attempt at an order, oldest first.
func (c *client) paymentsOf(order string) []payment {
	c.world.t.Helper()
	attempts := get[page[payment]](c, "/v1/orders/"+order+"/payments?limit=100").Data
	slices.Reverse(attempts)
	return attempts
}

// awaitOrder waits until the order has the status.
func (c *client) awaitOrder(id, status string) order {
	c.world.t.Helper()
	var o order
	c.awaiting(func() string { return fmt.Sprintf("order %s is %s, not %s", id, o.Status, status) }, func() bool {
		o = c.order(id)
		return o.Status == status
	})
	return o
}

// awaitPayment waits until the payment has the status and is confirmed by the provider.
func (c *client) awaitPayment(id, status string) payment {
	c.world.t.Helper()
	var p payment
	c.awaiting(func() string {
		return fmt.Sprintf("payment %s is %s (confirmed %t), not %s and confirmed", id, p.Status, p.Confirmed, status)
	}, func() bool {
		p = c.payment(id)
		return p.Status == status && p.Confirmed
	})
	return p
}

func (c *client) awaiting(state func() string, holds func() bool) {
	c.world.t.Helper()
	tick := time.NewTicker(5 * pollEvery)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			c.world.t.Fatalf("within %s: %s", patience, state())
		}
	}
}

// history lists an order's events, first to last, and requires that none is missing.
func (c *client) history(order string) []string {
	c.world.t.Helper()
	events := get[page[event]](c, "/v1/events?limit=100&order="+order)
	require.False(c.world.t, events.HasMore)
	types := make([]string, 0, len(events.Data))
	slices.SortFunc(events.Data, func(a, b event) int { return a.Sequence - b.Sequence })
	for i, e := range events.Data {
		require.Equal(c.world.t, i+1, e.Sequence, "events count without gaps")
		require.Equal(c.world.t, order, e.Order)
		types = append(types, e.Type)
	}
	return types
}

// requirePaidOnce requires that the order is paid, says so once, and was charged once.
func (w *world) requirePaidOnce(id string) {
	w.t.Helper()
	o := w.service.awaitOrder(id, "paid")
	require.Equal(w.t, o.Amount, o.AmountPaid)
	require.False(w.t, o.NeedsReview)
	require.Equal(w.t, 1, count(w.service.history(id), "order.paid"))
	w.provider.requireOneSale(id)
}

func count[T comparable](all []T, one T) int {
	n := 0
	for _, each := range all {
		if each == one {
			n++
		}
	}
	return n
}

// result is what a request that ran beside others came to.
type result struct {
	answer
	err error
}

// together sends requests at the same moment and waits for all.
func together(ctx context.Context, n int, send func(context.Context, int) (answer, error)) []result {
	results := make([]result, n)
	begin, done := make(chan struct{}), make(chan struct{}, n)
	for i := range n {
		go func() { // each reports to done
			<-begin
			results[i].answer, results[i].err = send(ctx, i)
			done <- struct{}{}
		}()
	}
	close(begin)
	for range n {
		<-done
	}
	return results
}

// codeOf is the code of an error, or nothing.
func codeOf(a answer) string {
	var r refusal
	if json.Unmarshal([]byte(a.body), &r) != nil {
		return ""
	}
	return r.Error.Code
}
