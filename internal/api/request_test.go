package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api/openapitest"
	"tillway/internal/apikeys"
)

// request is one call to the API. The defaults are what a good storefront sends.
type request struct {
	method, path string
	body         any // a string is sent as it is
	as           apikeys.Role
	secret       string // instead of a role's key
	key          string // Idempotency-Key
	header       map[string]string
	// wrong: the request breaks the document on purpose.
	wrong bool
}

type response struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (b *testBundle) do(t *testing.T, r request) response {
	t.Helper()
	answer, err := b.try(t.Context(), r)
	require.NoError(t, err)
	return answer
}

// try is do for goroutines, which must not end the test.
func (b *testBundle) try(ctx context.Context, r request) (response, error) {
	var body io.Reader
	switch content := r.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(content)
	default:
		raw, err := json.Marshal(content)
		if err != nil {
			return response{}, err
		}
		body = bytes.NewReader(raw)
	}
	if r.wrong {
		ctx = openapitest.Malformed(ctx)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, b.server.URL+r.path, body)
	if err != nil {
		return response{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.secret == "" && r.as != "none" {
		if r.as == "" {
			r.as = apikeys.RoleStorefront
		}
		r.secret = b.keys[r.as]
	}
	if r.secret != "" {
		req.Header.Set("Authorization", "Bearer "+r.secret)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	req.Header.Set("X-Correlation-Id", "c-1")
	for name, value := range r.header {
		if value == "" {
			req.Header.Del(name)
			continue
		}
		req.Header.Set(name, value)
	}
	answer, err := b.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return response{}, err
	}
	out := response{status: answer.StatusCode, header: answer.Header, body: string(raw)}
	_ = json.Unmarshal(raw, &out.json)
	return out, nil
}

type object = map[string]any

func orderBody(changes ...object) object {
	body := object{
		"amount": 2700, "currency": "EUR", "return_url": "https://shop.example.com/done?cart=7",
		"billing_details": object{"email": "buyer@example.com", "address": object{"country": "DE"}},
	}
	for _, change := range changes {
		for name, value := range change {
			if value == nil {
				delete(body, name)
				continue
			}
			body[name] = value
		}
	}
	return body
}

func payBody(number string, changes ...object) object {
	body := object{"payment_method": object{"type": "card", "card": object{
		"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123", "holder_name": "Ada Lovelace",
	}}}
	for _, change := range changes {
		maps.Copy(body, change)
	}
	return body
}

func (b *testBundle) createOrder(t *testing.T, changes ...object) (id string, order response) {
	t.Helper()
	order = b.do(t, request{method: "POST", path: "/v1/orders", body: orderBody(changes...), key: rand.Text()})
	require.Equal(t, http.StatusCreated, order.status, order.body)
	return order.str("id"), order
}

func (b *testBundle) pay(t *testing.T, order, number string) response {
	t.Helper()
	return b.do(t, request{method: "POST", path: "/v1/orders/" + order + "/payments", body: payBody(number), key: rand.Text()})
}

// at follows a path such as error.payment.id; nil when it leads nowhere.
func (r response) at(path string) any {
	var found any = r.json
	for name := range strings.SplitSeq(path, ".") {
		within, ok := found.(map[string]any)
		if !ok {
			return nil
		}
		found = within[name]
	}
	return found
}

func (r response) str(path string) string {
	text, _ := r.at(path).(string)
	return text
}

// rels lists the names of the links.
func (r response) rels() []string {
	found, _ := r.at("_links").(map[string]any)
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	return names
}
