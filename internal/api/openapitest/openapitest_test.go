package openapitest_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"tillway/internal/api/openapitest"
)

// recorder is a test that keeps its failures to itself.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	faults []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

const (
	orderPath = "/v1/orders/ord_01kb3v6z3se1q9fkxy4pnf1v7e"
	order     = `{"id":"ord_01kb3v6z3se1q9fkxy4pnf1v7e","object":"order","created":1,"updated":1,"livemode":false,
		"status":"open","amount":4999,"currency":"eur","amount_paid":0,"amount_authorized":0,"amount_refunded":0,
		"amount_refund_pending":0,"amount_disputed":0,"reference":null,"description":null,"customer":null,
		"subscription":null,"items":[],"billing_details":null,"shipping_details":null,"return_url":null,
		"late_payment":"refund","latest_payment":null,"needs_review":false,"expires_at":86401,"metadata":{}}`
	missing = `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such order.","correlation_id":"c-1"}}`
	problem = `{"type":"/docs#error-resource_missing","title":"Resource missing","status":404,"detail":"No such order.",
		"error_type":"invalid_request_error","code":"resource_missing","correlation_id":"c-1"}`
)

// exchange is one request and the answer that a service gives to it.
type exchange struct {
	method, target, body string
	header               http.Header
	malformed            bool

	status      int
	contentType string
	answer      string
	dropped     string // an answer's header that is left out
}

// faults sends the exchange and returns what the transport had to say.
func (e exchange) faults(t *testing.T) []string {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil || string(sent) != e.body {
			t.Errorf("the service got %q (%v)", sent, err)
		}
		for name, value := range map[string]string{
			"X-Correlation-Id": "c-1", "X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "99", "X-RateLimit-Reset": "1",
			"Content-Type": e.contentType,
		} {
			if name != e.dropped {
				w.Header().Set(name, value)
			}
		}
		w.WriteHeader(e.status)
		_, _ = io.WriteString(w, e.answer)
	}))
	defer service.Close()

	ctx := t.Context()
	if e.malformed {
		ctx = openapitest.Malformed(ctx)
	}
	request, err := http.NewRequestWithContext(ctx, e.method, service.URL+e.target, strings.NewReader(e.body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer sk_test_x")
	if e.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(request.Header, e.header)
	r := &recorder{TB: t}
	client := &http.Client{Transport: openapitest.Transport(r, nil)}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, e.answer, string(got), "the test sees the answer as it was")
	return r.faults
}

func read(status int, answer string) exchange {
	return exchange{method: "GET", target: orderPath, status: status, contentType: "application/json", answer: answer}
}

func create(body string) exchange {
	return exchange{
		method: "POST", target: "/v1/orders", body: body, header: http.Header{"Idempotency-Key": {"k"}},
		status: 201, contentType: "application/json", answer: order,
	}
}

func (e exchange) with(change func(*exchange)) exchange {
	change(&e)
	return e
}

func TestTransport_LetsWhatIsDocumentedPass(t *testing.T) {
	t.Parallel()
	const versioned = "application/vnd.tillway.v1+json"
	for name, e := range map[string]exchange{
		"an order":                  read(200, order),
		"an order with a new field": read(200, strings.Replace(order, `"object"`, `"invented":1,"object"`, 1)),
		"an order by its version":   read(200, order).with(func(e *exchange) { e.contentType = versioned + "; charset=utf-8" }),
		"an error":                  read(404, missing),
		"an error by its version":   read(404, missing).with(func(e *exchange) { e.contentType = versioned }),
		"an error as RFC 9457":      read(404, problem).with(func(e *exchange) { e.contentType = "application/problem+json" }),
		"a creation":                create(`{"amount":4999,"currency":"EUR"}`),
		"a list with filters":       read(200, `{"object":"list","data":[`+order+`],"has_more":false,"url":"/v1/orders"}`).with(func(e *exchange) { e.target = "/v1/orders?limit=100&amount[gte]=1&created[lt]=2&status=paid" }),
		"a page":                    read(404, "<p>no").with(func(e *exchange) { e.target, e.contentType = "/v1/payments/x/return", "text/html; charset=utf-8" }),
		"a request meant to be wrong": create(`{"amonut":1}`).with(func(e *exchange) {
			e.malformed, e.status = true, 400
			e.answer = strings.Replace(missing, "resource_missing", "unknown_field", 1)
		}),
		"a path meant to be wrong": read(404, missing).with(func(e *exchange) { e.target, e.malformed = "/v2", true }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, e.faults(t))
		})
	}
}

func TestTransport_CatchesWhatIsNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		exchange
		says string
	}{
		"a wrong type":              {read(200, strings.Replace(order, "4999", `"49.99"`, 1)), "at /amount: value must be an integer"},
		"a missing field":           {read(200, strings.Replace(order, `"needs_review":false,`, "", 1)), `at /needs_review: property "needs_review" is missing`},
		"a status unheard of":       {read(200, strings.Replace(order, `"open"`, `"settled"`, 1)), "at /status: "},
		"an undocumented answer":    {read(418, missing), "status is not supported"},
		"an undocumented path":      {read(404, missing).with(func(e *exchange) { e.target = "/v1/orderz" }), "no such operation"},
		"an undocumented success":   {read(200, order).with(func(e *exchange) { e.target, e.malformed = "/v1/orderz", true }), "no operation GET /v1/orderz"},
		"another media type":        {read(200, order).with(func(e *exchange) { e.contentType = "text/xml" }), "text/xml"},
		"what is no JSON":           {read(200, order[1:]), "not one JSON value"},
		"more than one value":       {read(200, order+"{}"), "not one JSON value"},
		"a header too few":          {read(200, order).with(func(e *exchange) { e.dropped = "X-Correlation-Id" }), "X-Correlation-Id"},
		"another correlation id":    {read(404, strings.Replace(missing, "c-1", "c-2", 1)), `correlation_id is "c-2"`},
		"a code of another status":  {read(404, strings.Replace(missing, "resource_missing", "unknown_field", 1)), `"unknown_field" is not one of [resource_missing]`},
		"a code unheard of":         {read(404, strings.Replace(missing, "resource_missing", "gone", 1)), "at /error/code: "},
		"the type of another code":  {read(404, strings.Replace(missing, "invalid_request_error", "api_error", 1)), `comes with the type "invalid_request_error"`},
		"an unknown request field":  {create(`{"amount":1,"currency":"eur","amonut":2}`), `property "amonut" is unsupported`},
		"a wrong request field":     {create(`{"amount":"1","currency":"eur"}`), "request body at /amount: value must be an integer"},
		"a request without its key": {create(`{"amount":1,"currency":"eur"}`).with(func(e *exchange) { e.header = nil }), "header parameter Idempotency-Key"},
		"a filter out of range":     {read(200, `{"object":"list","data":[],"has_more":false,"url":"/v1/orders"}`).with(func(e *exchange) { e.target = "/v1/orders?limit=101" }), "query parameter limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults := c.faults(t)
			require.NotEmpty(t, faults)
			require.Contains(t, strings.Join(faults, "\n"), c.says)
			require.LessOrEqual(t, strings.Count(faults[0], "\n"), 12, "readable: %s", faults[0])
		})
	}
}

func TestRoutes_AreComparedBothWays(t *testing.T) {
	t.Parallel()
	routes := openapitest.Routes(t)
	require.Contains(t, routes, "POST /v1/orders/{id}/payments")
	require.Contains(t, routes, "GET /healthz")

	served := strings.Split(strings.NewReplacer("{", ":", "}", "").Replace(strings.Join(routes, "\n")), "\n")
	openapitest.RequireRoutes(t, served)
	for _, wrong := range [][]string{served[1:], append([]string{"GET /v1/secret"}, served...)} {
		r := &fatal{recorder: recorder{TB: t}}
		done := make(chan struct{})
		go func() {
			defer close(done)
			openapitest.RequireRoutes(r, wrong)
		}()
		<-done
		require.NotEmpty(t, r.faults)
	}
}

// fatal ends its goroutine, as a failed test does.
type fatal struct{ recorder }

func (f *fatal) FailNow() { runtime.Goexit() }

func TestDocument_ExplainsEveryErrorCode(t *testing.T) {
	t.Parallel()
	spec := openapitest.Document(t)
	table, ok := spec.Extensions["x-error-codes"].(map[string]any)
	require.True(t, ok)
	var listed []string
	for _, code := range spec.Components.Schemas["ErrorCode"].Value.Enum {
		listed = append(listed, fmt.Sprint(code))
		require.Contains(t, table, code)
	}
	require.Len(t, table, len(listed))

	for name, response := range spec.Components.Responses {
		codes, _ := response.Value.Extensions["x-error-codes"].([]any)
		require.NotEmpty(t, codes, "response %s names its codes", name)
		for _, code := range codes {
			require.Contains(t, listed, code, "response %s", name)
		}
	}
}

// The status of a response must be the status that the table gives to its codes.
func TestDocument_GivesEveryCodeOneStatus(t *testing.T) {
	t.Parallel()
	spec := openapitest.Document(t)
	table, _ := spec.Extensions["x-error-codes"].(map[string]any)
	for path, item := range spec.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				codes, _ := response.Value.Extensions["x-error-codes"].([]any)
				for _, code := range codes {
					row, _ := table[fmt.Sprint(code)].(map[string]any)
					require.Equal(t, status, fmt.Sprint(row["status"]), "%s %s: %s", method, path, code)
				}
			}
		}
	}
}

func TestDocument_ExamplesFollowTheirSchemas(t *testing.T) {
	t.Parallel()
	spec := openapitest.Document(t)
	require.NoError(t, spec.Validate(t.Context(), openapi3.EnableExamplesValidation()))
}
