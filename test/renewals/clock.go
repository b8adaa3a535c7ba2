package renewals

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillway/test/world"
)

const (
	// step is how far time moves at once: a day's charges are made within their day.
	step = 12 * time.Hour
	// hurry is how far ahead of the clock something may be due and still be waited for before the next step: what a dead worker
	// held, and what is asked about again soon.
	hurry = 2 * time.Minute
	// rushes bound how often a step is prolonged for that; what is left comes with the next.
	rushes = 40
	// quietPatience is how long everything that is due may take.
	quietPatience = 3 * time.Minute
	quietPoll     = 15 * time.Millisecond
	// grace is how long nothing must move before what is claimed is taken to be held by the dead.
	grace = 120 * time.Millisecond
)

// dueSQL is the service's time, how many rows are due, and when the first is due of those that are not yet. A payment whose outcome is
// known, and that waits to be confirmed, is left to the next step.
const dueSQL = `
WITH clock AS (SELECT now() + ahead_us * interval '1 microsecond' AS at FROM test_clock),
waits AS (
    (SELECT next_run_at AS at, true AS hurries FROM subscriptions WHERE next_run_at IS NOT NULL ORDER BY 1 LIMIT $1)
    UNION ALL (SELECT next_check_at, true FROM subscription_contracts WHERE next_check_at IS NOT NULL ORDER BY 1 LIMIT $1)
    UNION ALL (SELECT next_check_at, status NOT IN ('succeeded', 'failed') FROM payments WHERE next_check_at IS NOT NULL ORDER BY 1 LIMIT $1)
    UNION ALL (SELECT next_check_at, true FROM refunds WHERE next_check_at IS NOT NULL ORDER BY 1 LIMIT $1)
)
SELECT clock.at, (SELECT count(*) FROM waits WHERE waits.at <= clock.at),
    (SELECT min(waits.at) FROM waits WHERE waits.at > clock.at AND hurries) FROM clock`

// looked is how many rows of each kind are looked at: it matters only whether there are any.
const looked = 200

// due is what waits.
type due struct {
	now   time.Time
	count int
	// next is when the first of the others is due; zero for none.
	next time.Time
}

// clock moves the clocks of both sides in step.
type clock struct {
	world  *world.World
	client *client
	killer *killer
	// ahead is how far the provider's clock was moved.
	ahead time.Duration
	// steps counts the moves, busy the steps in which a period began.
	steps, busy int
}

func (c *clock) due(ctx context.Context) (due, error) {
	var d due
	var next *time.Time
	if err := c.world.DB.QueryRow(ctx, dueSQL, looked).Scan(&d.now, &d.count, &next); err != nil {
		return d, fmt.Errorf("look what is due: %w", err)
	}
	if next != nil {
		d.next = *next
	}
	return d, nil
}

// set moves both clocks to a moment, the provider's first: what is sent is never ahead of whom it is sent to.
func (c *clock) set(ctx context.Context, to time.Time) error {
	if by := time.Until(to) - c.ahead; by > 0 {
		by = by.Truncate(time.Second) + time.Second
		if err := c.world.Provider.Advance(ctx, by); err != nil {
			return err
		}
		c.ahead += by
	}
	c.steps++
	return c.client.post(ctx, "/v1/test_clock", world.Admin, "", map[string]any{"now": to.Unix()}, nil)
}

// quiet waits until nothing is due, and lets come due what will be within moments: what a dead worker held would else wait for
// the next step. What is claimed by a worker that lives is given the time to be done.
func (c *clock) quiet(ctx context.Context) error {
	var last due
	rushed, since := 0, time.Now()
	for begun := since; ; {
		if err := c.killer.tend(); err != nil {
			return err
		}
		d, err := c.due(ctx)
		if err != nil {
			return err
		}
		if d.count != last.count || !d.next.Equal(last.next) {
			last, since = d, time.Now()
		}
		soon := !d.next.IsZero() && d.next.Sub(d.now) < hurry && rushed < rushes
		switch {
		case d.count == 0 && !soon:
			return nil
		case d.count == 0 && time.Since(since) > grace:
			rushed++
			if err := c.set(ctx, d.next.Add(time.Second)); err != nil {
				return err
			}
			begun, since = time.Now(), time.Now()
		case time.Since(begun) > quietPatience:
			return fmt.Errorf("%d rows are still due after %s: %w", d.count, quietPatience, errStuck)
		}
		if err := pause(ctx, quietPoll); err != nil {
			return err
		}
	}
}

var errStuck = errors.New("nobody does what is due")
