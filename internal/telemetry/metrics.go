package telemetry

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// Metrics are the instruments of the service, named here and nowhere else. Labels are words of our own vocabulary, few
// of each; ids, amounts and texts of the provider belong into logs. All methods are safe for concurrent use.
type Metrics struct {
	meter metric.Meter
	sets  labelSets

	payments      metric.Int64Counter
	pspCalls      metric.Int64Counter
	pspDuration   metric.Float64Histogram
	notifications metric.Int64Counter
	idempotency   metric.Int64Counter
	timeToTruth   metric.Float64Histogram
	oldestAge     metric.Float64ObservableGauge
	unmapped      metric.Int64Counter
	httpDuration  metric.Float64Histogram
}

// Bucket boundaries in seconds: a call to the provider is bounded by its timeout, the truth may take days.
func callBuckets() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60}
}

func truthBuckets() []float64 {
	return []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800}
}

// NewMetrics creates the instruments.
func NewMetrics(provider metric.MeterProvider) (*Metrics, error) {
	b := &builder{meter: provider.Meter("tillway")}
	m := &Metrics{
		meter:         b.meter,
		payments:      b.counter("tillway.payments", "Payment attempts by outcome."),
		pspCalls:      b.counter("tillway.psp.calls", "Calls to the provider by operation and class of result."),
		pspDuration:   b.histogram("tillway.psp.duration", "Time of a call to the provider.", callBuckets()),
		notifications: b.counter("tillway.notifications", "Notifications of the provider by what became of them."),
		idempotency:   b.counter("tillway.idempotency", "Requests with an idempotency key by what the key decided."),
		timeToTruth: b.histogram("tillway.time_to_truth",
			"Time from sending a payment to its final answer, by the source that gave it.", truthBuckets()),
		oldestAge: b.gauge("tillway.unresolved.oldest.age", "Age of the oldest payment without a final answer; 0: none."),
		unmapped: b.counter("tillway.psp.unmapped",
			"Statuses and codes of the provider that the mapping does not know; the log has their text."),
		httpDuration: b.histogram("tillway.http.request.duration",
			"Time of a request by method, route and status class.", callBuckets()),
	}
	return m, errors.Join(b.errs...)
}

// DiscardMetrics returns instruments that record nothing, for tests and commands without an admin address.
func DiscardMetrics() *Metrics {
	m, _ := NewMetrics(noop.NewMeterProvider()) // the no-op provider makes any instrument
	return m
}

// PaymentOutcome counts an attempt that reached outcome: a payment status.
func (m *Metrics) PaymentOutcome(ctx context.Context, outcome string) {
	m.payments.Add(ctx, 1, m.sets.of("outcome", outcome))
}

// PSPCall counts and times one call: the operation (sale, query, refund, …) and its class (approved, soft, hard,
// technical, configuration, unknown, never_sent, …).
func (m *Metrics) PSPCall(ctx context.Context, operation, class string, took time.Duration) {
	m.pspCalls.Add(ctx, 1, m.sets.of("operation", operation, "class", class))
	m.pspDuration.Record(ctx, took.Seconds(), m.sets.of("operation", operation))
}

// Notification counts a notification by what became of it: applied, duplicate, unmatched, quarantined and so on.
func (m *Metrics) Notification(ctx context.Context, result string) {
	m.notifications.Add(ctx, 1, m.sets.of("result", result))
}

// Idempotency counts what an idempotency key decided: executed, replayed, in_flight, reused, degraded and so on.
func (m *Metrics) Idempotency(ctx context.Context, outcome string) {
	m.idempotency.Add(ctx, 1, m.sets.of("outcome", outcome))
}

// TimeToTruth records how long after sending a payment became final, and through which source: answer, notification,
// return_page, query, reconciliation or operator.
func (m *Metrics) TimeToTruth(ctx context.Context, source string, took time.Duration) {
	m.timeToTruth.Record(ctx, took.Seconds(), m.sets.of("source", source))
}

// UnmappedProviderValue counts a word of the provider that we do not know; kind is "status" or "code".
func (m *Metrics) UnmappedProviderValue(ctx context.Context, kind string) {
	m.unmapped.Add(ctx, 1, m.sets.of("kind", kind))
}

// HTTPRequest records a request. The route is its pattern, not its path; empty means that none matched.
func (m *Metrics) HTTPRequest(ctx context.Context, method, route string, status int, took time.Duration) {
	if route == "" {
		method, route = "other", "unmatched" // both are then whatever a caller made up
	}
	m.httpDuration.Record(ctx, took.Seconds(), m.sets.of(
		"method", method, "route", route, "status_class", strconv.Itoa(status/100)+"xx"))
}

// ObserveOldestUnresolved asks for the age of the oldest payment without a final answer on every scrape. While the
// question fails the gauge is absent rather than wrong. Unregister the result before closing what the question needs.
func (m *Metrics) ObserveOldestUnresolved(age func(context.Context) (time.Duration, error)) (metric.Registration, error) {
	const patience = 2 * time.Second // a scrape must not hang on the database
	return m.meter.RegisterCallback(func(ctx context.Context, observer metric.Observer) error {
		ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("scrape: oldest unresolved payment took too long"))
		defer cancel()
		oldest, err := age(ctx)
		if err != nil {
			return err
		}
		observer.ObserveFloat64(m.oldestAge, oldest.Seconds())
		return nil
	}, m.oldestAge)
}

// builder collects the errors of creating instruments, so that their list can be read as a list.
type builder struct {
	meter metric.Meter
	errs  []error
}

func (b *builder) counter(name, description string) metric.Int64Counter {
	instrument, err := b.meter.Int64Counter(name, metric.WithDescription(description))
	b.errs = append(b.errs, err)
	return instrument
}

func (b *builder) histogram(name, description string, buckets []float64) metric.Float64Histogram {
	instrument, err := b.meter.Float64Histogram(name, metric.WithDescription(description), metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(buckets...))
	b.errs = append(b.errs, err)
	return instrument
}

func (b *builder) gauge(name, description string) metric.Float64ObservableGauge {
	instrument, err := b.meter.Float64ObservableGauge(name, metric.WithDescription(description), metric.WithUnit("s"))
	b.errs = append(b.errs, err)
	return instrument
}
