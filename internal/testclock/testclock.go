// Package testclock owns the clock of a test installation (API.md, Test clock): real time plus an offset that is kept in
// PostgreSQL and is the same for every process. By it are decided expiries, renewals, dunning, retries and query schedules,
// and it stamps what is recorded. What measures real waits does not use it: timeouts, rate limits, leases, latencies, and
// how long a call to the provider may be under way.
//
// Its invariants: the clock never goes back, whoever moves it at once, in the table and in each process; no process that has
// seen a time sees an earlier one; without PostgreSQL it goes on as far ahead as it was last seen. In live mode there is no
// Clock: real time is wired in its place.
package testclock

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

const (
	// refreshEvery is how often a process looks whether the clock was moved. With the second that an idle sweep or a worker of
	// the queue sleeps, due work begins well within the two that are promised.
	refreshEvery = 250 * time.Millisecond
	// refreshPatience bounds one look.
	refreshPatience = 2 * time.Second
)

// Options say what moves with the clock.
type Options struct {
	Log *slog.Logger
	// Real is real time, the same for every process; nil is the machine's own.
	Real func() time.Time
	// Prepare is run before the clock moves to a time, for what must be there by then. It may run and the move fail.
	Prepare func(ctx context.Context, to time.Time) error
	// Carry moves, in the transaction that moves the clock, what waits by real time.
	Carry func(ctx context.Context, tx pgx.Tx, by time.Duration) error
	// CatchUp moves what Carry could not reach yet. It is run again and again once the clock has been moved.
	CatchUp func(ctx context.Context) error
}

// Clock tells the time of a test installation. It is safe for concurrent use.
type Clock struct {
	pool    *pgxpool.Pool
	queries *dbsqlc.Queries
	opts    Options
	ahead   atomic.Int64 // a time.Duration; grows only
	moving  sync.Mutex   // moves of this process wait here rather than refuse each other in the database
}

// Open returns the clock as it stands in the database.
func Open(ctx context.Context, pool *pgxpool.Pool, opts Options) (*Clock, error) {
	if opts.Real == nil {
		opts.Real = time.Now
	}
	c := &Clock{pool: pool, queries: dbsqlc.New(pool), opts: opts}
	if err := c.Refresh(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Now is the time of the installation, as far as this process has seen the clock moved.
func (c *Clock) Now() time.Time { return c.opts.Real().Add(c.Ahead()) }

// Ahead is how far the clock is ahead of real time; never less than before.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

// Refresh looks whether the clock was moved.
func (c *Clock) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, refreshPatience)
	defer cancel()
	micros, err := c.queries.TestClockAhead(ctx)
	if err != nil {
		return fmt.Errorf("read the test clock: %w", postgres.Translate(err))
	}
	c.see(time.Duration(micros) * time.Microsecond)
	return nil
}

// see takes over an offset, unless a later one was seen.
func (c *Clock) see(ahead time.Duration) {
	for {
		seen := c.ahead.Load()
		if int64(ahead) <= seen {
			return
		}
		if c.ahead.CompareAndSwap(seen, int64(ahead)) {
			return
		}
	}
}

// Run follows the clock until ctx ends. PostgreSQL may be away: that is logged once, and looked for again.
func (c *Clock) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	lost := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := c.follow(ctx)
		if err != nil && !lost && ctx.Err() == nil {
			c.opts.Log.WarnContext(ctx, "the test clock is not followed", slog.Any("error", err))
		}
		lost = err != nil
	}
}

// follow looks at the clock and, where it was moved, has caught up what was on its way then.
func (c *Clock) follow(ctx context.Context) error {
	if err := c.Refresh(ctx); err != nil {
		return err
	}
	if c.Ahead() == 0 || c.opts.CatchUp == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, refreshPatience)
	defer cancel()
	return c.opts.CatchUp(ctx)
}
