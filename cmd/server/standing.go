package main

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/telemetry"
)

// watch has metrics that are asked for on scrapes: whether what we depend on answers, and, where the workers run, what
// stands open.
func (a *app) watch(workers bool) error {
	metrics := a.tel.Metrics
	postgres, err := metrics.ObserveDependency("postgres", a.pool.Ping)
	if err != nil {
		return fmt.Errorf("watch PostgreSQL: %w", err)
	}
	a.closers = append(a.closers, func(context.Context) error { return postgres.Unregister() })
	redis, err := metrics.ObserveDependency("redis", func(ctx context.Context) error { return a.redis.Ping(ctx).Err() })
	if err != nil {
		return fmt.Errorf("watch Redis: %w", err)
	}
	a.closers = append(a.closers, func(context.Context) error { return redis.Unregister() })
	if !workers {
		return nil
	}
	standing, err := metrics.ObserveStanding(a.standing)
	if err != nil {
		return fmt.Errorf("watch what stands open: %w", err)
	}
	a.closers = append(a.closers, func(context.Context) error { return standing.Unregister() })
	return nil
}

// standing reads what stands open in the whole installation: four queries of bounded cost.
func (a *app) standing(ctx context.Context) (telemetry.Standing, error) {
	standing := telemetry.Standing{
		OldestUnresolved:  map[string]time.Duration{},
		OpenDiscrepancies: map[string]int64{}, MoneyAtRisk: map[string]int64{},
	}
	oldest, err := a.orders.OldestUnresolved(ctx)
	if err != nil {
		return standing, err
	}
	standing.OldestUnresolved["payment"] = oldest
	if standing.OldestUnresolved["refund"], err = a.orders.OldestOpenRefund(ctx); err != nil {
		return standing, err
	}
	open, err := a.orders.CountOpenDiscrepancies(ctx)
	if err != nil {
		return standing, err
	}
	for _, o := range open {
		standing.OpenDiscrepancies[o.Class] += o.Count
		if !o.Currency.IsZero() {
			standing.MoneyAtRisk[o.Currency.Lower()] += o.AtRisk
		}
	}
	standing.Notifications, err = a.receiver.Standing(ctx)
	return standing, err
}
