package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"tillway/internal/failpoint"
	"tillway/test/audit"
	"tillway/test/storefront"
	"tillway/test/world"
)

const (
	// shoppers buy at once; simulatorLatency keeps their payments in flight.
	shoppers         = 80
	simulatorLatency = "1500ms"
	shopperPatience  = 3 * time.Second

	// restPatience is how long everything may take to come to rest after the last kill, and auditPatience how long the
	// books may differ after that: late news may be on its way.
	restPatience  = 90 * time.Second
	auditPatience = 30 * time.Second
	restPoll      = 100 * time.Millisecond
	// hurry is how often what waits for its next check is brought forward then.
	hurry = 5 * time.Second

	// strayGoroutines is how many more goroutines a process may have at rest than when it was new.
	strayGoroutines = 40
)

// schedule asks soon and often; the last step is beyond the length of any batch.
const schedule = "500ms,1s,1500ms,2s,3s,4s,5s,6s,7s,8s,9s,10s,12s,14s,16s,18s,20s,25s,30s,35s,40s,45s,50s,55s,60s,70s,80s,90s,100s," +
	"110s,2m,140s,160s,3m,200s,220s,4m,5m,6m,7m,8m,9m,10m,15m,20m,30m,1h"

// Setup is what batches run on.
type Setup struct {
	// Binary is the service, built with the tag failpoint, Dir a directory for logs.
	Binary, Dir string
	// Database, which must be migrated and empty, and Redis are connection strings.
	Database, Redis string
	// Shoppers buy at once; zero means the usual number.
	Shoppers int
	// Rounds are how many rounds of kills the batch has.
	Rounds int
	// Happened is told of every kill.
	Happened func(Outcome)
}

// Outcome is what came of one kill.
type Outcome struct {
	Kill

	// Reached: the process died at the point; else it was killed at a random moment after waiting in vain.
	Reached bool `json:"reached"`
	// UnderWay is how many operations were in flight or due just after.
	UnderWay int `json:"under_way"`
}

// Report is what came of a batch.
type Report struct {
	Batch    int       `json:"batch"`
	Outcomes []Outcome `json:"outcomes"`
	// Distinct is how many different operations were under way at any kill.
	Distinct int          `json:"distinct"`
	Stories  int          `json:"stories"`
	Audit    audit.Report `json:"audit"`
	Seconds  float64      `json:"seconds"`
}

// batch is a running one.
type batch struct {
	setup    Setup
	number   int
	world    *world.World
	shop     *storefront.Shop
	strays   *strays
	seen     map[string]bool
	baseline map[string]int // goroutines of a new process
	report   Report
}

// Run runs one batch of a seed, of which it makes the first kills only if so many are asked for. An error means that the
// test could not be run, findings are in the report.
func Run(ctx context.Context, setup Setup, seed uint64, number, kills int) (_ Report, err error) {
	begun := time.Now()
	b := &batch{setup: setup, number: number, seen: map[string]bool{}, baseline: map[string]int{}, report: Report{Batch: number}}
	if err := b.open(ctx, seed); err != nil {
		return b.report, err
	}
	defer func() { err = errors.Join(err, b.world.Close()) }()
	closing, done := make(chan struct{}), make(chan struct{})
	go func() { // ends with the shoppers
		b.shop.Open(ctx, closing)
		close(done)
	}()
	var plan []Kill
	for round := range setup.Rounds {
		plan = append(plan, Plan(seed, number*setup.Rounds+round)...)
	}
	err = b.killAll(ctx, plan[:min(kills, len(plan))])
	close(closing)
	<-done
	if err == nil {
		err = b.conclude(ctx)
	}
	b.report.Distinct, b.report.Stories = len(b.seen), b.shop.Record().Stories()
	b.report.Seconds = time.Since(begun).Seconds()
	return b.report, err
}

// open starts the installation and prepares the shop.
func (b *batch) open(ctx context.Context, seed uint64) (err error) {
	if err := os.MkdirAll(b.setup.Dir, 0o700); err != nil {
		return fmt.Errorf("make a directory for logs: %w", err)
	}
	b.world, err = world.Start(ctx, world.Options{
		Binary: b.setup.Binary, Dir: b.setup.Dir, Database: b.setup.Database, Redis: b.setup.Redis,
		// Its waits of half an hour take six seconds: a notification that met a dead process is delivered again.
		Simulator: []string{"--latency", simulatorLatency, "--clock-scale", "300"},
		Services:  [][]string{{"serve"}, {"serve", "--no-workers"}, {"work"}},
		Environment: map[string]string{
			"RESOLVE_SCHEDULE": schedule, "NOT_FOUND_AFTER": "9s", "ONERWAY_TIMEOUT": "4s", "CALLER_DEADLINE": "2500ms",
			"ONERWAY_RATE_LIMIT": "1000",
		},
	})
	if err != nil {
		return err
	}
	for _, s := range b.world.Services {
		if b.baseline[s.Name], err = s.Goroutines(ctx); err != nil {
			return errors.Join(err, b.world.Close())
		}
	}
	if b.strays, err = newStrays(b.world, fmt.Sprintf("%d-%d", seed, b.number)); err != nil {
		return errors.Join(err, b.world.Close())
	}
	number := b.setup.Shoppers
	if number == 0 {
		number = shoppers
	}
	b.shop = storefront.New(storefront.Options{
		URL: b.world.URL(), APIKey: world.Storefront, Seed: seed<<16 + uint64(b.number), //nolint:gosec // a small number
		Shoppers: number, Cards: cards(), Patience: shopperPatience,
	})
	return nil
}

// conclude lets everything come to rest, answers who was not answered, and compares the books.
func (b *batch) conclude(ctx context.Context) error {
	if err := b.world.Provider.DisarmAll(ctx); err != nil {
		return err
	}
	for _, s := range b.world.Services {
		if err := b.ready(ctx, s); err != nil {
			return err
		}
	}
	// Keys that dead processes held are free at once, and everything that was answered is forgotten: the rows must do.
	if err := flush(ctx, b.setup.Redis); err != nil {
		return err
	}
	// Some are still told to wait: what they began may be in flight.
	left, err := until(ctx, restPatience, func() (int, error) { return b.shop.Finish(ctx), nil })
	if err != nil {
		return err
	}
	if left > 0 {
		b.find("%d requests are not answered although everything works: %s", left, strings.Join(b.shop.Record().Unanswered(), ", "))
	}
	if err := audit.EndClaims(ctx, b.world.DB); err != nil {
		return err
	}
	if err := b.rest(ctx); err != nil {
		return err
	}
	// News of a late success may have met the dead each time that it was delivered.
	books, err := b.world.Provider.Books(ctx)
	if err != nil {
		return err
	}
	if err := audit.LookAgain(ctx, b.world.DB, books); err != nil {
		return err
	}
	if err := b.rest(ctx); err != nil {
		return err
	}
	return b.audit(ctx)
}

func flush(ctx context.Context, url string) error {
	options, err := redis.ParseURL(url)
	if err != nil {
		return fmt.Errorf("read the address of Redis: %w", err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	return nil
}

// rest waits until nothing is open. What waits for the provider's staff is approved; the claims of the dead and the distances of the schedule are not waited for.
func (b *batch) rest(ctx context.Context) error {
	var hurried time.Time
	left, err := until(ctx, restPatience, func() (int, error) {
		if time.Since(hurried) > hurry {
			hurried = time.Now()
			if err := errors.Join(b.world.Provider.ApproveRefunds(ctx), audit.Hurry(ctx, b.world.DB)); err != nil {
				return 0, err
			}
		}
		return audit.Unsettled(ctx, b.world.DB)
	})
	if err == nil && left > 0 {
		b.find("%d operations have no end %s after the last kill", left, restPatience)
	}
	return err
}

// audit compares the books until they agree, or patience ends.
func (b *batch) audit(ctx context.Context) error {
	told, faults, _ := b.shop.Record().Everything()
	var compared audit.Report
	_, err := until(ctx, auditPatience, func() (int, error) {
		books, err := b.world.Provider.Books(ctx)
		if err != nil {
			return 0, err
		}
		deliveries, err := b.world.Provider.Deliveries(ctx)
		if err != nil {
			return 0, err
		}
		compared, err = audit.Compare(ctx, audit.Case{
			DB: b.world.DB, Books: books, Deliveries: deliveries, Told: told, Strays: b.strays.all(),
		})
		return len(compared.Findings), err
	})
	compared.Findings = append(append(b.report.Audit.Findings, compared.Findings...), faults...)
	b.report.Audit = compared
	if err != nil {
		return err
	}
	return b.goroutines(ctx)
}

// goroutines requires that no process keeps any for work that is over.
func (b *batch) goroutines(ctx context.Context) error {
	for _, s := range b.world.Services {
		most := b.baseline[s.Name] + strayGoroutines
		now, err := until(ctx, auditPatience, func() (int, error) {
			count, err := s.Goroutines(ctx)
			return max(0, count-most), err
		})
		if err != nil {
			return err
		}
		if now > 0 {
			b.find("%s has %d goroutines at rest, it had %d when it was new", s.Name, most+now, b.baseline[s.Name])
		}
	}
	return nil
}

// until repeats a count until it is zero or patience ends, and returns the last.
func until(ctx context.Context, patience time.Duration, count func() (int, error)) (int, error) {
	tick := time.NewTicker(restPoll)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; {
		left, err := count()
		if err != nil || left == 0 || time.Now().After(deadline) {
			return left, err
		}
		select {
		case <-ctx.Done():
			return left, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (b *batch) find(format string, args ...any) {
	b.report.Audit.Findings = append(b.report.Audit.Findings, fmt.Sprintf(format, args...))
}

// Reached returns the points at which processes died.
func (r Report) Reached() map[failpoint.Name]int {
	reached := make(map[failpoint.Name]int)
	for _, o := range r.Outcomes {
		if o.Reached {
			reached[o.Point]++
		}
	}
	return reached
}
