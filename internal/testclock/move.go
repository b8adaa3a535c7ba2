package testclock

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/fault"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// MaxStep is the furthest that the clock moves at once. It is an upper bound of a request's shape as well: no step within it
// overflows.
const MaxStep = 10 * 365 * 24 * time.Hour

// moveAttempts bounds how often a move begins anew because another process has moved the clock.
const moveAttempts = 20

// Latest is the time that the clock does not pass: far enough for any test, and within what every part of the installation
// can express.
func Latest() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }

// Idempotency is the caller's key for a move. It is kept on the clock until the next move, so a repetition moves nothing,
// with or without Redis. The zero value means that the caller sent none.
type Idempotency struct {
	Principal, Key string
	// Fingerprint is an HMAC of the request's body.
	Fingerprint [32]byte
}

// Reading is what the clock says.
type Reading struct {
	Now   time.Time
	Ahead time.Duration
	// Replayed: the key had moved the clock already; it was not moved again.
	Replayed bool
}

// Read looks at the clock as it stands in the database.
func (c *Clock) Read(ctx context.Context) (Reading, error) {
	if err := c.Refresh(ctx); err != nil {
		return Reading{}, err
	}
	return c.reading(), nil
}

func (c *Clock) reading() Reading {
	actual, ahead := c.opts.Real(), c.Ahead()
	return Reading{Now: actual.Add(ahead).UTC(), Ahead: ahead}
}

// Advance moves the clock on by a duration, of whole microseconds. It returns a fault Invalid on advance_seconds when that is
// not a step forward of at most MaxStep or passes Latest.
func (c *Clock) Advance(ctx context.Context, by time.Duration, idem Idempotency) (Reading, error) {
	if by <= 0 || by > MaxStep {
		return Reading{}, fault.InvalidParam("advance_seconds", "advance_seconds must be between 1 and %d.", int64(MaxStep/time.Second))
	}
	return c.move(ctx, idem, func(ahead time.Duration) (time.Duration, error) {
		return ahead + by, c.inReach("advance_seconds", by, ahead+by)
	})
}

// Set moves the clock on to a time in whole seconds; the second that it shows already is no move. It returns a fault Invalid
// on now when that would go back, further than MaxStep, or past Latest.
func (c *Clock) Set(ctx context.Context, to time.Time, idem Idempotency) (Reading, error) {
	return c.move(ctx, idem, func(ahead time.Duration) (time.Duration, error) {
		actual := c.opts.Real()
		shown := actual.Add(ahead)
		if to.Unix() < shown.Unix() {
			return 0, fault.InvalidParam("now", "now must not be before the clock's own time, %d: it never goes back.", shown.Unix())
		}
		if to.Unix() == shown.Unix() {
			return ahead, nil
		}
		if to.After(Latest()) {
			return 0, tooLate("now")
		}
		target := to.Sub(actual).Truncate(time.Microsecond)
		return max(target, ahead), c.inReach("now", target-ahead, target)
	})
}

func (c *Clock) inReach(param string, by, ahead time.Duration) error {
	switch {
	case by > MaxStep:
		return fault.InvalidParam(param, "The clock moves at most %d seconds at once.", int64(MaxStep/time.Second))
	case c.opts.Real().Add(ahead).After(Latest()):
		return tooLate(param)
	}
	return nil
}

func tooLate(param string) error {
	return fault.InvalidParam(param, "The clock does not pass %s.", Latest().Format(time.DateOnly))
}

// errMoved says that somebody else has moved the clock since it was read.
var errMoved = errors.New("test clock moved on")

// move carries out one move; target says from where the clock stands to where.
func (c *Clock) move(ctx context.Context, idem Idempotency, target func(ahead time.Duration) (time.Duration, error)) (Reading, error) {
	c.moving.Lock()
	defer c.moving.Unlock()
	for range moveAttempts {
		row, err := c.queries.TestClockGet(ctx)
		if err != nil {
			return Reading{}, fmt.Errorf("read the test clock: %w", postgres.Translate(err))
		}
		from := time.Duration(row.AheadUs) * time.Microsecond
		c.see(from)
		if replayed, err := repeats(row, idem); replayed || err != nil {
			reading := c.reading()
			reading.Replayed = replayed
			return reading, err
		}
		to, err := target(from)
		if err != nil || to <= from {
			return c.reading(), err
		}
		err = c.commit(ctx, from, to, idem)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return Reading{}, fmt.Errorf("move the test clock: %w", postgres.Translate(err))
		}
		c.see(to)
		return c.reading(), nil
	}
	return Reading{}, fault.Down("database_unavailable", time.Second, errMoved,
		"The clock is being moved by many requests at once. Repeat the request.")
}

// repeats reports whether the key has moved the clock last. It refuses a key that did so with another body.
func repeats(row dbsqlc.TestClock, idem Idempotency) (bool, error) {
	if idem.Key == "" || row.IdempotencyKey == nil || row.IdempotencyPrincipal == nil ||
		*row.IdempotencyKey != idem.Key || *row.IdempotencyPrincipal != idem.Principal {
		return false, nil
	}
	if subtle.ConstantTimeCompare(row.IdempotencyFingerprint, idem.Fingerprint[:]) != 1 {
		return false, fault.KeyReused()
	}
	return true, nil
}

func (c *Clock) commit(ctx context.Context, from, to time.Duration, idem Idempotency) error {
	if c.opts.Prepare != nil {
		if err := c.opts.Prepare(ctx, c.opts.Real().Add(to)); err != nil {
			return err
		}
	}
	params := dbsqlc.TestClockMoveParams{FromUs: from.Microseconds(), AheadUs: to.Microseconds()}
	if idem.Key != "" {
		params.IdempotencyPrincipal, params.IdempotencyKey = &idem.Principal, &idem.Key
		params.IdempotencyFingerprint = idem.Fingerprint[:]
	}
	return postgres.InTx(ctx, c.pool, func(ctx context.Context, tx pgx.Tx) error {
		moved, err := dbsqlc.New(tx).TestClockMove(ctx, params)
		if err != nil {
			return err
		}
		if moved == 0 {
			return errMoved
		}
		if c.opts.Carry == nil {
			return nil
		}
		return c.opts.Carry(ctx, tx, to-from)
	})
}
