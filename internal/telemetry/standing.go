package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
)

const (
	// standingPatience bounds what a scrape waits for the database.
	standingPatience = 2 * time.Second
	// standingFresh is how long an answer serves: several scrapers, or one in a hurry, cost the database no more than one.
	standingFresh = 5 * time.Second
)

// Standing is what stands open in the whole installation, as the database tells it; every process that is asked tells the
// same, so alerts take the maximum.
type Standing struct {
	// OldestUnresolved is the age of the oldest operation without a final answer, by kind: payment or refund. Zero: none.
	OldestUnresolved map[string]time.Duration
	// OpenDiscrepancies counts them by class.
	OpenDiscrepancies map[string]int64
	// MoneyAtRisk is that of the open discrepancies, in minor units by currency.
	MoneyAtRisk map[string]int64
	// Notifications counts those not applied, by status.
	Notifications map[string]int64
}

// ObserveStanding asks for the standing when metrics are scraped. While the question fails the gauges are absent rather
// than wrong. Unregister the result before closing what the question needs.
func (m *Metrics) ObserveStanding(ask func(context.Context) (Standing, error)) (metric.Registration, error) {
	cached := &cachedStanding{ask: ask}
	return m.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		standing, err := cached.get(ctx)
		if err != nil {
			return err
		}
		for kind, age := range standing.OldestUnresolved {
			o.ObserveFloat64(m.oldestAge, age.Seconds(), m.sets.of("kind", kind))
		}
		for class, n := range standing.OpenDiscrepancies {
			o.ObserveInt64(m.discrepanciesOpen, n, m.sets.of("class", class))
		}
		for currency, minor := range standing.MoneyAtRisk {
			o.ObserveInt64(m.moneyAtRisk, minor, m.sets.of("currency", currency))
		}
		for status, n := range standing.Notifications {
			o.ObserveInt64(m.notificationsOpen, n, m.sets.of("status", status))
		}
		return nil
	}, m.oldestAge, m.discrepanciesOpen, m.moneyAtRisk, m.notificationsOpen)
}

// cachedStanding asks at most once in standingFresh. Scrapes that come together wait for one answer.
type cachedStanding struct {
	ask func(context.Context) (Standing, error)

	mu       sync.Mutex
	at       time.Time
	standing Standing
	err      error
}

func (c *cachedStanding) get(ctx context.Context) (Standing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < standingFresh {
		return c.standing, c.err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, standingPatience, errors.New("scrape: the database took too long"))
	defer cancel()
	c.standing, c.err = c.ask(ctx)
	c.at = time.Now()
	return c.standing, c.err
}

// ObserveDependency tells on every scrape whether something that we depend on can be reached: postgres, redis.
func (m *Metrics) ObserveDependency(name string, ping func(context.Context) error) (metric.Registration, error) {
	return m.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeoutCause(ctx, standingPatience, errors.New("scrape: no answer in time"))
		defer cancel()
		up := int64(1)
		if ping(ctx) != nil {
			up = 0
		}
		o.ObserveInt64(m.dependencyUp, up, m.sets.of("dependency", name))
		return nil
	}, m.dependencyUp)
}

// Circuit tells the state of the circuit to the provider: closed, open or half-open.
func (m *Metrics) Circuit(ctx context.Context, state string) {
	for _, known := range []string{"closed", "half-open", "open"} {
		is := int64(0)
		if known == state {
			is = 1
		}
		m.circuit.Record(ctx, is, m.sets.of("state", known))
	}
}

// OutboundBudget records how long a call waited for its place in the outbound budget, and whether it got one.
func (m *Metrics) OutboundBudget(ctx context.Context, lane, outcome string, waited time.Duration) {
	m.budgetWait.Record(ctx, waited.Seconds(), m.sets.of("lane", lane, "outcome", outcome))
}
