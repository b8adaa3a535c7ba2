// Package telemetry owns how the service is watched: the redacting logger, traces, metrics, the time that a request
// spends in the database and at the provider, and the admin pages that show them.
//
// It does not own what is worth saying: domains log, count and add fields; the edges (one HTTP request, one job) write
// the canonical line.
//
// Invariants: what looks like a card number, and what is named like a secret, leaves the process neither in a log line
// nor in a span; no metric label holds an id; without an exporter a span costs nothing.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// cardinalityLimit bounds the label combinations of one instrument, should an unforeseen value ever become a label.
const cardinalityLimit = 500

// Options says what the process is and where its traces go.
type Options struct {
	ServiceName string
	Version     string
	Livemode    bool
	// TraceExport is "grpc", "http/protobuf", or empty for no traces. The exporter reads the rest (endpoint, headers,
	// certificates, sampler) from the standard OTEL_* variables.
	TraceExport string
}

// Telemetry holds the providers of one process. They are handed to what needs them, not looked up.
type Telemetry struct {
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Propagator reads and writes W3C trace context. Baggage is left out: it would carry whatever a caller sends.
	Propagator propagation.TextMapPropagator
	Metrics    *Metrics

	registry *prometheus.Registry
	shutdown []func(context.Context) error
}

// Setup builds the providers. Without an exporter the tracer provider makes no spans at all but still hands on the
// trace context that a caller sent.
func Setup(ctx context.Context, options Options) (*Telemetry, error) {
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", options.ServiceName),
			attribute.String("service.version", options.Version),
			attribute.Bool("tillway.livemode", options.Livemode),
		),
		resource.WithFromEnv(), // last, so that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	)
	if err != nil {
		return nil, fmt.Errorf("describe the process to OpenTelemetry: %w", err)
	}
	t := &Telemetry{Propagator: propagation.TraceContext{}, registry: prometheus.NewRegistry()}
	if err := t.setUpMetrics(res); err != nil { //nolint:contextcheck // what it observes outlives this call
		return nil, err
	}
	if err := t.setUpTraces(ctx, res, options.TraceExport); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	return t, nil
}

func (t *Telemetry) setUpMetrics(res *resource.Resource) error {
	if err := t.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})); err != nil {
		return fmt.Errorf("register process metrics: %w", err)
	}
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(t.registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return fmt.Errorf("set up the Prometheus exporter: %w", err)
	}
	provider := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(exporter), sdkmetric.WithResource(res), sdkmetric.WithCardinalityLimit(cardinalityLimit))
	t.MeterProvider = provider
	t.shutdown = append(t.shutdown, provider.Shutdown)
	if err := runtime.Start(runtime.WithMeterProvider(provider)); err != nil {
		return fmt.Errorf("start runtime metrics: %w", err)
	}
	t.Metrics, err = NewMetrics(provider)
	return err
}

func (t *Telemetry) setUpTraces(ctx context.Context, res *resource.Resource, export string) error {
	var (
		exporter sdktrace.SpanExporter
		err      error
	)
	switch export {
	case "":
		t.TracerProvider = noop.NewTracerProvider()
		return nil
	case "grpc":
		exporter, err = otlptracegrpc.New(ctx)
	case "http/protobuf":
		exporter, err = otlptracehttp.New(ctx)
	default:
		return fmt.Errorf("set up traces: no exporter speaks %q", export)
	}
	if err != nil {
		return fmt.Errorf("set up the trace exporter: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(redactingExporter{exporter}), sdktrace.WithResource(res))
	t.TracerProvider = provider
	t.shutdown = append(t.shutdown, provider.Shutdown)
	return nil
}

// InstallGlobals makes the providers the process-wide ones, for libraries that know no others, and sends the complaints
// of OpenTelemetry itself (a collector that is down) to logger. Only main calls it.
func (t *Telemetry) InstallGlobals(logger *slog.Logger) {
	otel.SetTracerProvider(t.TracerProvider)
	otel.SetMeterProvider(t.MeterProvider)
	otel.SetTextMapPropagator(t.Propagator)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.LogAttrs(context.Background(), slog.LevelWarn, "opentelemetry", slog.Any("error", err))
	}))
}

// Handler serves the metrics in the formats of Prometheus.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		// One collector that fails (the database is down) must not hide the others.
		ErrorHandling: promhttp.ContinueOnError,
	})
}

// Shutdown sends what is still buffered and stops; ctx bounds how long it may take.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	errs := make([]error, 0, len(t.shutdown))
	for _, stop := range t.shutdown {
		errs = append(errs, stop(ctx))
	}
	return errors.Join(errs...)
}
