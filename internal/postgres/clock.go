package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// clockEvery is how often a Clock is set again. Between settings it runs on the machine's monotonic clock, which is off
	// by some ten microseconds a second at worst; what it must follow is a database that has moved to another machine.
	clockEvery = 10 * time.Second
	// clockPatience bounds the question, and clockTrip what the answer may have taken to be worth more than the last one.
	clockPatience = 2 * time.Second
	clockTrip     = 500 * time.Millisecond
)

var errClockSlow = errors.New("the database told its time too slowly")

// Asker runs a query that answers one row: a pool, or a connection.
type Asker interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Clock tells the database's time, to within half a round trip, without asking for it each time.
//
// Processes on one database decide by comparing the time with what others have written: when an order expires, whose claim
// has run out, whether a payment is old enough to be believed lost. By its own clock a machine that is minutes ahead would
// take the others' claims and take fresh payments for old ones. All processes therefore go by the one clock that they
// share. It is safe for concurrent use.
type Clock struct {
	db     Asker
	local  func() time.Time
	latest atomic.Pointer[reading]
}

// reading is the same moment on both clocks.
type reading struct{ local, database time.Time }

// NewClock sets a clock by the database. Local is the machine's own, with its monotonic reading: it may be stepped, or
// wrong by any amount, and only what passes on it counts.
func NewClock(ctx context.Context, db Asker, local func() time.Time) (*Clock, error) {
	c := &Clock{db: db, local: local}
	if err := c.Set(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Now returns the database's time.
func (c *Clock) Now() time.Time {
	r := c.latest.Load()
	return r.database.Add(c.local().Sub(r.local))
}

// Ahead returns how far the machine's clock was ahead of the database's when this one was last set; negative when behind.
func (c *Clock) Ahead() time.Duration {
	r := c.latest.Load()
	return r.local.Round(0).Sub(r.database)
}

// Set asks the database for its time. A clock that is set already stays as it is when the answer took long.
func (c *Clock) Set(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, clockPatience, errClockSlow)
	defer cancel()
	var told time.Time
	asked := c.local()
	if err := c.db.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&told); err != nil {
		return fmt.Errorf("ask the database for its time: %w", err)
	}
	trip := c.local().Sub(asked)
	if c.latest.Load() != nil && trip > clockTrip {
		return errClockSlow
	}
	c.latest.Store(&reading{local: asked.Add(trip / 2), database: told})
	return nil
}

// Run keeps the clock set until ctx ends. While the database is away it runs on: nothing is decided then either.
func (c *Clock) Run(ctx context.Context) error {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			_ = c.Set(ctx)
		}
	}
}
