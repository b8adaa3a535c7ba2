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
	discrepancies metric.Int64Counter
	subscriptions metric.Int64Counter
	unmapped      metric.Int64Counter
	httpDuration  metric.Float64Histogram
	budgetWait    metric.Float64Histogram
	circuit       metric.Int64Gauge

	oldestAge         metric.Float64ObservableGauge
	discrepanciesOpen metric.Int64ObservableGauge
	moneyAtRisk       metric.Int64ObservableGauge
	notificationsOpen metric.Int64ObservableGauge
	dependencyUp      metric.Int64ObservableGauge
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
		discrepancies: b.counter("tillway.discrepancies", "Discrepancies that were opened or have ended, by class and their new status."),
		subscriptions: b.counter("tillway.subscriptions", "Subscriptions by the status that they took."),
		unmapped: b.counter("tillway.psp.unmapped",
			"Statuses and codes of the provider that the mapping does not know; the log has their text."),
		httpDuration: b.histogram("tillway.http.request.duration",
			"Time of a request by method, route and status class.", callBuckets()),
		budgetWait: b.histogram("tillway.psp.budget.wait",
			"Time that a call to the provider waited for its place in the outbound budget, by lane and outcome.", callBuckets()),
		circuit: b.gauge("tillway.psp.circuit", "Whether the circuit to the provider is in this state."),

		oldestAge: b.observedSeconds("tillway.unresolved.oldest.age",
			"Age of the oldest operation without a final answer, by kind; 0: none."),
		discrepanciesOpen: b.observed("tillway.discrepancies.open", "Open discrepancies by class."),
		moneyAtRisk: b.observed("tillway.discrepancies.money_at_risk",
			"Money at risk in open discrepancies, in minor units, by currency."),
		notificationsOpen: b.observed("tillway.notifications.open",
			"Notifications of the last week that are not applied, by status."),
		dependencyUp: b.observed("tillway.dependency.up", "Whether a dependency answers: 1 or 0."),
	}
	m.begin(context.Background())
	return m, errors.Join(b.errs...)
}

// begin makes the series that alerts watch: an increase from nothing to one is none, only that from zero to one is.
func (m *Metrics) begin(ctx context.Context) {
	for _, kind := range []string{"status", "code"} {
		m.unmapped.Add(ctx, 0, m.sets.of("kind", kind))
	}
	for _, result := range []string{"applied", "received", "unmatched", "failed", "dead", "quarantined", "dropped"} {
		m.notifications.Add(ctx, 0, m.sets.of("result", result))
	}
	for _, class := range []string{"approved", "unknown", "never_sent"} {
		m.pspCalls.Add(ctx, 0, m.sets.of("operation", "sale", "class", class))
	}
	m.Circuit(ctx, "closed")
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

// Discrepancy counts one that was opened or has ended: its new status is open, resolved or auto_resolved.
func (m *Metrics) Discrepancy(ctx context.Context, class, status string) {
	m.discrepancies.Add(ctx, 1, m.sets.of("class", class, "status", status))
}

// SubscriptionMoved counts a subscription that took a status.
func (m *Metrics) SubscriptionMoved(ctx context.Context, status string) {
	m.subscriptions.Add(ctx, 1, m.sets.of("status", status))
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

func (b *builder) gauge(name, description string) metric.Int64Gauge {
	instrument, err := b.meter.Int64Gauge(name, metric.WithDescription(description))
	b.errs = append(b.errs, err)
	return instrument
}

func (b *builder) observed(name, description string) metric.Int64ObservableGauge {
	instrument, err := b.meter.Int64ObservableGauge(name, metric.WithDescription(description))
	b.errs = append(b.errs, err)
	return instrument
}

func (b *builder) observedSeconds(name, description string) metric.Float64ObservableGauge {
	instrument, err := b.meter.Float64ObservableGauge(name, metric.WithDescription(description), metric.WithUnit("s"))
	b.errs = append(b.errs, err)
	return instrument
}
