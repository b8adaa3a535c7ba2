package api_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/apikeys"
	"tillway/internal/telemetry"
)

// benchmarked is the service as it runs in production: metrics are kept, traces go nowhere, the log is quiet. Requests are
// handed to the handler itself, so that what is counted is ours and not a client's.
type benchmarked struct {
	*testBundle
	handler http.Handler
}

func newBenchmarked(b *testing.B) benchmarked {
	b.Helper()
	t, err := telemetry.Setup(b.Context(), telemetry.Options{ServiceName: "bench"})
	require.NoError(b, err)
	bundle := setup(b, func(deps *api.Deps) {
		deps.Logger = telemetry.NewLogger(io.Discard, slog.LevelWarn)
		deps.Metrics = t.Metrics
		deps.Notifications = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusOK)
		})
	})
	return benchmarked{testBundle: bundle, handler: bundle.server.Config.Handler}
}

// post serves a request; measured says whether it counts.
func (m benchmarked) post(b *testing.B, measured bool, path, body string, want int) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+m.keys[apikeys.RoleStorefront])
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "shop/1.0")
	r.Header.Set("X-Correlation-Id", "c-1")
	r.Header.Set("Idempotency-Key", rand.Text())
	w := httptest.NewRecorder()
	if measured {
		b.StartTimer()
	}
	m.handler.ServeHTTP(w, r)
	b.StopTimer()
	require.Equal(b, want, w.Code, w.Body)
	return w
}

func benchmarkJSON(b *testing.B, v any) string {
	b.Helper()
	encoded, err := json.Marshal(v)
	require.NoError(b, err)
	return string(encoded)
}

func benchmarkOrder(b *testing.B) string {
	b.Helper()
	address := object{"line1": "Main St 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
	contact := object{"first_name": "Ada", "last_name": "Lovelace", "email": "buyer@example.com", "address": address}
	return benchmarkJSON(b, orderBody(object{
		"description": "Two books", "metadata": object{"cart": "7"},
		"billing_details": contact, "shipping_details": contact,
		"items": []object{
			{"name": "Book", "unit_amount": 1000, "quantity": 2}, {"name": "Postage", "unit_amount": 700, "quantity": 1},
		},
	}))
}

func BenchmarkCreateOrder(b *testing.B) {
	m, body := newBenchmarked(b), benchmarkOrder(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		m.post(b, true, "/v1/orders", body, http.StatusCreated)
		b.StartTimer()
	}
}

func BenchmarkCreatePayment(b *testing.B) {
	m, order, body := newBenchmarked(b), benchmarkOrder(b), benchmarkJSON(b, payBody(goodCard, object{
		"browser": object{
			"ip": "192.0.2.7", "user_agent": "Mozilla/5.0", "accept": "*/*", "language": "de-DE", "java_enabled": false,
			"color_depth": 24, "screen_height": 1080, "screen_width": 1920, "time_zone_offset": -60,
		},
	}))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		var created struct {
			ID string `json:"id"`
		}
		require.NoError(b, json.Unmarshal(m.post(b, false, "/v1/orders", order, http.StatusCreated).Body.Bytes(), &created))
		m.post(b, true, "/v1/orders/"+created.ID+"/payments", body, http.StatusCreated)
		b.StartTimer()
	}
}

// BenchmarkNotification is the way of a notification to its receiver, which does nothing here.
func BenchmarkNotification(b *testing.B) {
	m, body := newBenchmarked(b), strings.Repeat(`{"a":"b"}`, 100)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		m.post(b, true, "/v1/webhooks/onerway", body, http.StatusOK)
		b.StartTimer()
	}
}
