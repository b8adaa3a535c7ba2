package main

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/jobs"
	"tillway/internal/reconcile"
	"tillway/internal/subscriptions"
)

// workers wires what runs in the background: the job queue, the sweeps that settle, expire and renew, and the reading of the
// provider's books.
func (a *app) workers() ([]func(context.Context) error, error) {
	var opts jobs.Options
	if a.clock != nil {
		opts.Refresh = a.clock.Refresh
	}
	runner, err := jobs.New(a.pool, a.log, a.now, opts, a.receiver.Register, a.customers.Register)
	if err != nil {
		return nil, fmt.Errorf("set up the job queue: %w", err)
	}
	settler := reconcile.New(a.orders, a.log, time.Now, reconcile.Options{})
	importer := reconcile.NewImporter(a.orders, a.log, time.Now, a.database.Now, a.config.ImportInterval)
	renewals := subscriptions.NewWorker(a.subs, a.config.OnerwayRateLimit, a.log, time.Now)
	return []func(context.Context) error{runner.Run, settler.Run, importer.Run, renewals.Run}, nil
}
