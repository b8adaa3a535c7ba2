package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// monthAndMore is how far the clocks move, so that every subscription is due once more.
	monthAndMore = 32 * 24 * time.Hour
	// samplesEvery is how often it is looked how far a drain is.
	samplesEvery = 250 * time.Millisecond
)

// renewalsRun is the scenario under way.
type renewalsRun struct {
	*stack

	service   *service
	simulator *simulator
	// begun is how many subscriptions the service has begun; the others of the table are copies that are never due.
	begun int
}

// renewals lets many subscriptions come due at one moment, in tables of growing size, and watches the workers charge them at the
// provider's rate.
func (s *stack) renewals(ctx context.Context) (_ *renewalsReport, err error) {
	if err := s.countStatements(ctx); err != nil {
		return nil, err
	}
	r := &renewalsRun{stack: s}
	if r.simulator, err = s.startSimulator(ctx, s.options.latency, "--merchant-clock"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.simulator.stop()) }()
	report := &renewalsReport{Rate: s.options.rate}
	for _, size := range s.options.subscriptions {
		drained, err := r.size(ctx, size)
		if err != nil {
			return nil, fmt.Errorf("%d subscriptions: %w", size, err)
		}
		report.Sizes = append(report.Sizes, drained)
		progress("%d subscriptions, %d due: %.0f charges a second of %d", size, drained.Due, drained.PerSecond, s.options.rate)
	}
	return report, nil
}

// size prepares a table of so many subscriptions without any limit to the provider, and drains it under the limit.
func (r *renewalsRun) size(ctx context.Context, size int) (d drainReport, err error) {
	d.Subscriptions, d.Due = size, min(size, r.options.due)
	err = r.serve(ctx, unlimited, func() error {
		if err := r.subscribe(ctx, d.Due); err != nil {
			return err
		}
		return r.fill(ctx, size)
	})
	if err != nil {
		return d, err
	}
	err = r.serve(ctx, strconv.Itoa(r.options.rate), func() error { return r.drain(ctx, &d) })
	return d, err
}

// serve runs the service for as long as work takes.
func (r *renewalsRun) serve(ctx context.Context, rate string, work func() error) (err error) {
	r.service, err = r.startService(ctx, r.simulator.addr, "ONERWAY_RATE_LIMIT="+rate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.service.stop()) }()
	return work()
}

// drain moves the clocks to when all are due, and watches until every one of them is paid.
func (r *renewalsRun) drain(ctx context.Context, d *drainReport) error {
	var from, at time.Time
	err := r.db.QueryRow(ctx, "SELECT now() + ahead_us * interval '1 microsecond' FROM test_clock").Scan(&from)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	at = from.Add(monthAndMore).Truncate(time.Second)
	if d.Plan, err = r.claimPlan(ctx, at); err != nil {
		return err
	}
	if err := r.moveClocks(ctx, at); err != nil {
		return err
	}
	if err := r.watch(ctx, d, at); err != nil {
		return err
	}
	starts, err := r.starts(ctx, at)
	if err != nil {
		return err
	}
	d.measure(starts, r.options.rate)
	return nil
}

// moveClocks moves the provider's clock and then the service's.
func (r *renewalsRun) moveClocks(ctx context.Context, to time.Time) error {
	for _, move := range []struct{ addr, path, headers, body string }{
		{r.simulator.addr, "/sandbox/clock", "", fmt.Sprintf(`{"advance_seconds":%d}`, int64(monthAndMore/time.Second))},
		{r.service.addr, "/v1/test_clock", "Authorization: Bearer " + adminKey + "\r\n", fmt.Sprintf(`{"now":%d}`, to.Unix())},
	} {
		c, err := dial(ctx, move.addr)
		if err != nil {
			return err
		}
		got, err := c.post(move.path, move.headers, []byte(move.body))
		c.close()
		if err != nil {
			return err
		}
		if got.status != http.StatusOK {
			return fmt.Errorf("post %s: %d %s", move.path, got.status, got.body)
		}
	}
	return nil
}

// watch waits until all are paid, and takes what claims cost while the first tenth and while the last was claimed.
func (r *renewalsRun) watch(ctx context.Context, d *drainReport, at time.Time) error {
	patience := time.Minute + 4*time.Duration(d.Due/r.options.rate)*time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the renewals were not drained in time"))
	defer cancel()
	var samples []claims
	for {
		now, err := r.claimed(ctx)
		if err != nil {
			return err
		}
		samples = append(samples, now)
		if done, err := r.paid(ctx, d.Due, at); err != nil || done {
			d.First, d.Last = tenths(samples, d.Due)
			return err
		}
		if err := wait(ctx, samplesEvery); err != nil {
			return err
		}
	}
}

// paid tells whether every subscription is past its charge, and none is left behind.
func (r *renewalsRun) paid(ctx context.Context, due int, at time.Time) (bool, error) {
	var waiting bool
	err := r.db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM subscriptions WHERE next_run_at <= $1)", at.Add(24*time.Hour)).Scan(&waiting)
	if err != nil || waiting {
		return false, err
	}
	var orders, paid int
	err = r.db.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE status = 'paid' AND attempts = 1)
		FROM orders WHERE created_at >= $1 AND period_start IS NOT NULL`, at).Scan(&orders, &paid)
	if err == nil && (orders != due || paid != due) {
		err = fmt.Errorf("%d subscriptions were due, %d orders are there and %d are paid by one charge", due, orders, paid)
	}
	return err == nil, err
}

// starts are when each charge began.
func (r *renewalsRun) starts(ctx context.Context, at time.Time) ([]time.Time, error) {
	rows, err := r.db.Query(ctx, "SELECT created_at FROM payments WHERE created_at >= $1 ORDER BY created_at", at)
	if err != nil {
		return nil, fmt.Errorf("read the charges: %w", err)
	}
	starts, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		return nil, fmt.Errorf("read the charges: %w", err)
	}
	return starts, nil
}
