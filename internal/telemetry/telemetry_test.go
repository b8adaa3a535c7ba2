package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"tillway/internal/telemetry"
)

func setup(t *testing.T, options telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	options.ServiceName = "tillway"
	tel, err := telemetry.Setup(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tel.Shutdown(context.Background())) })
	return tel
}

// get asks the admin pages.
func get(t *testing.T, tel *telemetry.Telemetry, path string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	telemetry.AdminHandler(tel).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return recorder
}

func TestSetup_WithoutExporterOnlyHandsOnTheTrace(t *testing.T) {
	t.Parallel()

	tel := setup(t, telemetry.Options{})
	const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx := tel.Propagator.Extract(t.Context(), propagation.MapCarrier{"traceparent": caller, "baggage": "a=b"})
	ctx, span := tel.TracerProvider.Tracer("test").Start(ctx, "work")
	defer span.End()
	require.False(t, span.IsRecording())

	sent := propagation.MapCarrier{}
	tel.Propagator.Inject(ctx, sent)
	require.Equal(t, propagation.MapCarrier{"traceparent": caller}, sent)
}

func TestSetup_RefusesUnknownExporters(t *testing.T) {
	t.Parallel()

	_, err := telemetry.Setup(t.Context(), telemetry.Options{TraceExport: "smoke"})
	require.ErrorContains(t, err, `"smoke"`)
}

func TestSetup_MakesTheGRPCExporter(t *testing.T) {
	t.Parallel()

	tel := setup(t, telemetry.Options{TraceExport: "grpc"}) // dials only when there is something to send
	require.IsType(t, &sdktrace.TracerProvider{}, tel.TracerProvider)
}

// It sets the variable that the exporter reads, which the environment of a process allows only one test at a time.
func TestSetup_ExportsSpansRedacted(t *testing.T) {
	var (
		mu       sync.Mutex
		received bytes.Buffer
	)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		_, _ = io.Copy(&received, body)
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)

	tel, err := telemetry.Setup(t.Context(), telemetry.Options{
		ServiceName: "tillway", Version: "1.2.3", TraceExport: "http/protobuf",
	})
	require.NoError(t, err)
	_, span := tel.TracerProvider.Tracer("test").Start(t.Context(), "pay "+pan)
	span.SetAttributes(attribute.String("note", "card "+pan), attribute.String("cvc", "sesame"),
		attribute.Int64("n", 4761344136141390), attribute.StringSlice("list", []string{pan}),
		attribute.String("transaction_id", "5000000000000000005"), attribute.String("kept", "readable"))
	span.RecordError(errors.New("refused " + pan))
	span.SetStatus(codes.Error, "refused "+pan)
	span.End()
	require.NoError(t, tel.Shutdown(t.Context()))

	mu.Lock()
	defer mu.Unlock()
	sent := received.String()
	for _, kept := range []string{"tillway", "1.2.3", "readable", "[redacted]", "refused", "5000000000000000005"} {
		require.Contains(t, sent, kept)
	}
	require.NotContains(t, sent, pan)
	require.NotContains(t, sent, "sesame")
}

func TestAdmin_ServesMetricsAndProfiles(t *testing.T) {
	t.Parallel()

	tel := setup(t, telemetry.Options{Version: "1.2.3", Livemode: true})
	metrics := get(t, tel, "/metrics")
	require.Equal(t, http.StatusOK, metrics.Code)
	for _, want := range []string{"go_goroutine_count", "process_resident_memory_bytes", `service_version="1.2.3"`} {
		require.Contains(t, metrics.Body.String(), want)
	}
	require.Contains(t, get(t, tel, "/debug/pprof/").Body.String(), "goroutine")
	require.Equal(t, http.StatusOK, get(t, tel, "/debug/pprof/heap").Code)
	require.Equal(t, http.StatusNotFound, get(t, tel, "/").Code)
}

func TestMetrics_AppearUnderTheirNames(t *testing.T) {
	t.Parallel()

	tel := setup(t, telemetry.Options{})
	ctx, m := t.Context(), tel.Metrics
	m.PaymentOutcome(ctx, "succeeded")
	m.PaymentOutcome(ctx, "succeeded")
	m.PSPCall(ctx, "sale", "approved", 300*time.Millisecond)
	m.Notification(ctx, "applied")
	m.Idempotency(ctx, "replayed")
	m.TimeToTruth(ctx, "query", 40*time.Second)
	m.UnmappedProviderValue(ctx, "code")
	m.HTTPRequest(ctx, "POST", "/v1/orders", 201, 12*time.Millisecond)
	m.HTTPRequest(ctx, "BREW", "", 404, time.Millisecond)
	m.Discrepancy(ctx, "amount", "auto_resolved")
	m.Circuit(ctx, "open")
	m.OutboundBudget(ctx, "sale", "granted", 20*time.Millisecond)
	asked := 0
	registration, err := m.ObserveStanding(func(context.Context) (telemetry.Standing, error) {
		asked++
		return telemetry.Standing{
			OldestUnresolved:  map[string]time.Duration{"payment": 90 * time.Second},
			OpenDiscrepancies: map[string]int64{"amount": 2}, MoneyAtRisk: map[string]int64{"eur": 2700},
			Notifications: map[string]int64{"dead": 3},
		}, nil
	})
	require.NoError(t, err)
	_, err = m.ObserveDependency("redis", func(context.Context) error { return errors.New("down") })
	require.NoError(t, err)

	body := get(t, tel, "/metrics").Body.String()
	for _, want := range []string{
		`tillway_payments_total{outcome="succeeded"} 2`,
		`tillway_psp_calls_total{class="approved",operation="sale"} 1`,
		`tillway_psp_duration_seconds_bucket{operation="sale",le="0.5"} 1`,
		`tillway_notifications_total{result="applied"} 1`,
		`tillway_idempotency_total{outcome="replayed"} 1`,
		`tillway_time_to_truth_seconds_bucket{source="query",le="60"} 1`,
		`tillway_psp_unmapped_total{kind="code"} 1`,
		`tillway_http_request_duration_seconds_count{method="POST",route="/v1/orders",status_class="2xx"} 1`,
		`tillway_http_request_duration_seconds_count{method="other",route="unmatched",status_class="4xx"} 1`,
		`tillway_unresolved_oldest_age_seconds{kind="payment"} 90`,
		`tillway_discrepancies_open{class="amount"} 2`,
		`tillway_discrepancies_total{class="amount",status="auto_resolved"} 1`,
		`tillway_discrepancies_money_at_risk{currency="eur"} 2700`,
		`tillway_notifications_open{status="dead"} 3`,
		`tillway_dependency_up{dependency="redis"} 0`,
		`tillway_psp_circuit{state="open"} 1`,
		`tillway_psp_circuit{state="closed"} 0`,
		`tillway_psp_budget_wait_seconds_count{lane="sale",outcome="granted"} 1`,
		`tillway_psp_unmapped_total{kind="status"} 0`, // so that the first one is an increase
	} {
		require.Contains(t, body, want)
	}
	get(t, tel, "/metrics")
	require.Equal(t, 1, asked, "scrapes in a row cost one question")

	require.NoError(t, registration.Unregister())
	_, err = m.ObserveStanding(func(context.Context) (telemetry.Standing, error) {
		return telemetry.Standing{}, errors.New("down")
	})
	require.NoError(t, err)
	failing := get(t, tel, "/metrics")
	require.Equal(t, http.StatusOK, failing.Code)
	require.NotContains(t, failing.Body.String(), "\ntillway_unresolved_oldest_age_seconds{")
	require.Contains(t, failing.Body.String(), "tillway_payments_total", "the others stay")
}

func TestDiscardMetrics_TakesEverything(t *testing.T) {
	t.Parallel()

	m := telemetry.DiscardMetrics()
	m.PaymentOutcome(t.Context(), "failed")
	m.PSPCall(t.Context(), "sale", "unknown", time.Second)
	_, err := m.ObserveStanding(func(context.Context) (telemetry.Standing, error) { return telemetry.Standing{}, nil })
	require.NoError(t, err)
}

func TestPSPTransport_TimesCallsAndKeepsOurTraceToOurselves(t *testing.T) {
	t.Parallel()

	clock := newClock()
	headers := make(chan http.Header, 1)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header
		clock.advance(250 * time.Millisecond)
		_, _ = io.WriteString(w, `{"respCode":"20000"}`)
	}))
	t.Cleanup(provider.Close)

	tel := setup(t, telemetry.Options{})
	tel.TracerProvider = sdktrace.NewTracerProvider() // records, and sends nowhere
	client := &http.Client{Transport: tel.PSPTransport(http.DefaultTransport)}
	ctx, span := tel.TracerProvider.Tracer("test").Start(telemetry.WithTiming(t.Context(), clock.now), "request")
	require.True(t, trace.SpanContextFromContext(ctx).IsSampled())

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, provider.URL+"/v1/sdkTxn/doTransaction", strings.NewReader("{}"))
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	clock.advance(50 * time.Millisecond) // a slow body is the provider's time as well
	_, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	clock.advance(time.Second)
	require.NoError(t, response.Body.Close())

	timing := telemetry.TimingFrom(ctx)
	require.Equal(t, 300*time.Millisecond, timing.PSP())
	require.Equal(t, int64(1), timing.PSPCalls())
	require.Empty(t, (<-headers).Get("Traceparent"))

	provider.Close()
	request, err = http.NewRequestWithContext(ctx, http.MethodPost, provider.URL, strings.NewReader("{}"))
	require.NoError(t, err)
	response, err = client.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	require.Error(t, err)
	require.Equal(t, int64(2), timing.PSPCalls(), "a call that failed is a call")
	span.End()
}

func TestInstallGlobals_SendsComplaintsToTheLogger(t *testing.T) { //nolint:paralleltest // it replaces process-wide state.
	var out bytes.Buffer
	tel := setup(t, telemetry.Options{})
	tel.InstallGlobals(telemetry.NewLogger(&out, slog.LevelInfo))
	t.Cleanup(func() { otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) })
	otel.Handle(errors.New("collector is down, said " + pan))
	require.Contains(t, out.String(), "collector is down")
	require.NotContains(t, out.String(), pan)
}
