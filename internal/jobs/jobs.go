// Package jobs runs background work on River: a job commits in the transaction that made it necessary and is run by any
// process that works the queues, at least once. The package owns the client, the partitions that must be there before
// they are needed, and what is logged of a job; what a job does belongs to the domain that registers its worker.
//
// Every process that works the queues also stands for election: one leader at a time schedules retries and periodic jobs,
// and another takes over when it is gone.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"tillway/internal/postgres"
)

// Defaults of Options.
const (
	DefaultMaxWorkers = 8
	DefaultSoftStop   = 20 * time.Second

	// The pauses between attempts to begin without a database.
	firstPause   = 250 * time.Millisecond
	longestPause = 10 * time.Second
)

// What a job may take, and when one that still looks as if it were running has lost its process and is run again. River's
// own hour would keep a notification that its process died over for as long.
const (
	jobTimeout   = time.Minute
	rescuedAfter = 90 * time.Second
)

// Inserter adds jobs, usually with InsertTx, in the transaction that makes them necessary. It works none.
type Inserter = river.Client[pgx.Tx]

// Register adds a domain's workers.
type Register func(*river.Workers) error

// Options adjust a Runner; zero fields take their defaults.
type Options struct {
	// MaxWorkers is how many jobs this process runs at once.
	MaxWorkers int
	// SoftStop is how long running jobs may go on after the process is told to stop; then their contexts end.
	SoftStop time.Duration
	// Refresh reads the clock anew, before each job; nil where it is real time.
	Refresh func(context.Context) error
}

// Runner works the queue.
type Runner struct {
	client *river.Client[pgx.Tx]
	log    *slog.Logger
}

// NewInserter returns a client for services that only add jobs.
func NewInserter(pool *pgxpool.Pool, log *slog.Logger) (*Inserter, error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: quiet(log)})
	if err != nil {
		return nil, fmt.Errorf("make the job client: %w", err)
	}
	return client, nil
}

// New makes a Runner for the workers of the domains. The clock says which month it is; how long a job took is told in real
// time.
func New(pool *pgxpool.Pool, log *slog.Logger, now func() time.Time, opts Options, register ...Register) (*Runner, error) {
	workers := river.NewWorkers()
	for _, add := range append([]Register{partitions{pool: pool, now: now}.register}, register...) {
		if err := add(workers); err != nil {
			return nil, fmt.Errorf("register workers: %w", err)
		}
	}
	if opts.MaxWorkers == 0 {
		opts.MaxWorkers = DefaultMaxWorkers
	}
	if opts.SoftStop == 0 {
		opts.SoftStop = DefaultSoftStop
	}
	middleware := []rivertype.Middleware{&canonicalLine{log: log, now: time.Now}}
	if opts.Refresh != nil {
		middleware = append(middleware, &freshClock{refresh: opts.Refresh})
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Logger:          quiet(log),
		Middleware:      middleware,
		PeriodicJobs:    []*river.PeriodicJob{periodicPartitions()},
		Queues:          map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: opts.MaxWorkers}},
		SoftStopTimeout: opts.SoftStop,
		Workers:         workers,

		JobTimeout: jobTimeout, RescueStuckJobsAfter: rescuedAfter,
	})
	if err != nil {
		return nil, fmt.Errorf("make the job client: %w", err)
	}
	return &Runner{client: client, log: log}, nil
}

// Run works the queue until ctx ends, then takes no more jobs and returns when those that run have ended. A database that is
// away just then is waited for: the process that serves beside must not end because its queue could not begin.
func (r *Runner) Run(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := r.client.Start(ctx)
		switch {
		case err == nil:
			<-r.client.Stopped()
			return nil
		case ctx.Err() != nil:
			return nil //nolint:nilerr // told to stop while starting
		case !postgres.IsUnavailable(err):
			return fmt.Errorf("start working jobs: %w", err)
		}
		r.log.WarnContext(ctx, "jobs wait for the database", slog.Duration("again_in", pause), slog.Any("error", err))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}
