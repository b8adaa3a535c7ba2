package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

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

	// restPatience is how long everything may take to come to rest after the last kill, or requests may be repeated without
	// one of them being answered, and auditPatience how long the books may differ after that: late news may be on its way.
	restPatience  = 90 * time.Second
	auditPatience = 30 * time.Second
	restPoll      = 100 * time.Millisecond
	// hurry is how often what waits for its next check is brought forward then.
	hurry = 5 * time.Second

	// burst is how many refunds are sent at once where there is room for one.
	burst = 50

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
		// Nothing that is held lapses meanwhile: our own clock is not shortened.
		Simulator: []string{"--latency", simulatorLatency, "--clock-scale", "300", "--auth-lifetime", "9000h"},
		Services:  [][]string{{"serve"}, {"serve", "--no-workers"}, {"work"}},
		Environment: map[string]string{
			"RESOLVE_SCHEDULE": schedule, "NOT_FOUND_AFTER": "9s", "ONERWAY_TIMEOUT": "4s", "CALLER_DEADLINE": "2500ms",
			"ONERWAY_RATE_LIMIT": "1000", "REFUND_APPROVAL_ABOVE": "EUR:3000", "IMPORT_INTERVAL": "2s",
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
		Shoppers: number, Cards: cards(), Patience: shopperPatience, Known: 60, Hosted: 20,
		Reviewer: world.Operator, Burst: burst, Bank: b.world.Provider,
	})
	return nil
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
