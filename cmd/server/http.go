package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"tillway/internal/api"
	"tillway/internal/idempotency"
	"tillway/internal/ratelimit"
	"tillway/internal/subscriptions/report"
	"tillway/migrations"
)

// leaseMargin is what a request may take beyond its wait for the provider before its idempotency key may be taken over. Short,
// since a process that was killed keeps its callers' repetitions waiting that long; a request that is slower than that is
// still not done twice, its row knows the key.
const leaseMargin = 5 * time.Second

// requestMargin is what a request may take for its database besides waiting for the provider.
const requestMargin = 3 * time.Second

// handler wires the public address.
func (a *app) handler() (http.Handler, error) {
	cfg := a.config
	keys, err := idempotency.NewKeys(cfg.DataKey.Reveal())
	if err != nil {
		return nil, fmt.Errorf("set up idempotency: %w", err)
	}
	store, err := idempotency.New(idempotency.Options{
		Redis: a.redis, Keys: keys, Lease: cfg.CallerDeadline + leaseMargin,
		Observe: func(outcome string) { a.tel.Metrics.Idempotency(context.Background(), outcome) },
	})
	if err != nil {
		return nil, fmt.Errorf("set up idempotency: %w", err)
	}
	limiter, err := ratelimit.NewLimiter(ratelimit.LimiterOptions{Redis: a.redis, PerSecond: cfg.RateLimit})
	if err != nil {
		return nil, fmt.Errorf("set up the rate limit: %w", err)
	}
	deps := api.Deps{
		SubscriptionReports: report.New(a.reads, a.now),
		Orders:              a.orders, Events: a.events, Customers: a.customers, Subscriptions: a.subs, Keys: a.keys, Idempotency: store, Fingerprints: keys,
		Limiter: limiter, RateLimit: cfg.RateLimit, Notifications: a.receiver, Inbox: a.receiver, Checks: a.checks(),
		Livemode: cfg.Livemode, CardEntry: api.CardEntry(cfg.CardEntry), PublicURL: cfg.PublicURL.String(), ReturnURLAllowed: a.returnURLAllowed,
		OriginAllowed: cfg.ReturnURLAllowlist.Has,
		ReturnSecret:  []byte(cfg.ReturnSecret.Reveal()), Logger: a.log, Metrics: a.tel.Metrics,
		Propagator: a.tel.Propagator, Now: a.now, RealNow: a.database.Now, TestClock: a.clock,
		Patience: cfg.CallerDeadline + requestMargin,
	}
	if cfg.TraceExport() != "" {
		deps.Tracer = a.tel.TracerProvider
	}
	return api.New(deps), nil
}

// checks are what readiness looks at. Redis and a replica are reported only: without them we are slower or have no reports, and are
// as right.
func (a *app) checks() []api.Check {
	checks := []api.Check{
		{Name: "postgres", Required: true, Run: a.pool.Ping},
		{Name: "migrations", Required: true, Run: func(ctx context.Context) error {
			pending, err := migrations.Pending(ctx, a.config.DatabaseURL.Reveal())
			if err == nil && pending {
				err = errors.New("the database lacks migrations of this version")
			}
			return err
		}},
		{Name: "redis", Run: func(ctx context.Context) error { return a.redis.Ping(ctx).Err() }},
	}
	if a.reads != a.pool {
		checks = append(checks, api.Check{Name: "postgres_read", Run: a.reads.Ping})
	}
	return checks
}
