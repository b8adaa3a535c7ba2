package renewals

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/sandbox"
	"tillway/test/world"
)

// Workers is how many processes charge.
const Workers = 4

// Setup is what a run runs on, and how large it is.
type Setup struct {
	// Binary is the service, built with the tag failpoint, Dir a directory for logs.
	Binary, Dir string
	// Database, which must be migrated and empty, and Redis are connection strings.
	Database, Redis string
	// Seed decides the cast, what is killed where, and which calls are struck.
	Seed uint64
	// Subscriptions begin, and run for Lasts after the last of them has.
	Subscriptions int
	Lasts         time.Duration
	// KillEvery is in which of the steps of the clock in which periods begin somebody is killed: 1 in each, 0 in none.
	KillEvery int
	// Passed is told how far the run is, once a month of its own time.
	Passed func(Report)
}

// Report is what came of a run.
type Report struct {
	Seed            uint64
	Subscriptions   int
	From, Now       time.Time
	Kills           int
	Died, Missed    map[failpoint.Name]int
	Steps, Busy     int
	Faults          []string
	Totals          Totals
	Seconds         float64
	Findings        []string
	AuditedMeantime int
}

// run is a running one.
type run struct {
	setup   Setup
	world   *world.World
	client  *client
	killer  *killer
	clock   *clock
	stories []*Story
	// next is the number of the first period of each story that has not begun.
	next   map[*Story]int
	report Report
}

// Run makes a run. An error means that it could not be made, findings are in the report.
func Run(ctx context.Context, setup Setup) (_ Report, err error) {
	begun := time.Now()
	r := &run{setup: setup, next: map[*Story]int{}}
	if r.stories, err = Cast(setup.Seed, setup.Subscriptions, setup.Lasts); err != nil {
		return r.report, err
	}
	r.report = Report{Seed: setup.Seed, Subscriptions: setup.Subscriptions, Faults: faultNames()}
	if err := r.open(ctx); err != nil {
		return r.report, err
	}
	defer func() { err = errors.Join(err, r.world.Close()) }()
	err = r.play(ctx)
	r.report.Kills, r.report.Died, r.report.Missed = r.killer.kills, r.killer.died, r.killer.missed
	r.report.Steps, r.report.Busy, r.report.Seconds = r.clock.steps, r.clock.busy, time.Since(begun).Seconds()
	r.report.Findings = append(r.report.Findings, r.killer.findings...)
	return r.report, err
}

// schedule asks soon and often, first when it counts that nothing is found: a day of the clock passes within a second.
const schedule = "4s,5s,6s,8s,12s,20s,30s,45s,60s,75s,90s,2m,4m,8m,15m,30m,1h,2h,6h,12h,24h"

func (r *run) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(r.setup.Dir, 0o700); err != nil {
		return fmt.Errorf("make a directory for logs: %w", err)
	}
	services := [][]string{{"serve", "--no-workers"}}
	for range Workers {
		services = append(services, []string{"work"})
	}
	r.world, err = world.Start(ctx, world.Options{
		Binary: r.setup.Binary, Dir: r.setup.Dir, Database: r.setup.Database, Redis: r.setup.Redis, Services: services,
		Environment: map[string]string{
			"RESOLVE_SCHEDULE": schedule, "NOT_FOUND_AFTER": "3s", "ONERWAY_TIMEOUT": "2s", "CALLER_DEADLINE": "2500ms",
			"IMPORT_INTERVAL": "24h",
		},
	})
	if err != nil {
		return err
	}
	r.client = newClient(r.world.URL())
	r.killer = newKiller(r.world, r.setup.Seed)
	r.clock = &clock{world: r.world, client: r.client, killer: r.killer}
	return nil
}

// play is the run: the cast begins, time passes, the books are compared.
func (r *run) play(ctx context.Context) error {
	for i, begins := range waves() {
		if err := r.clock.set(ctx, begins); err != nil {
			return err
		}
		if err := r.begin(ctx, i); err != nil {
			return fmt.Errorf("begin subscriptions: %w", err)
		}
		if err := r.clock.quiet(ctx); err != nil {
			return err
		}
	}
	if err := r.misbehave(ctx); err != nil {
		return err
	}
	if err := r.begun(ctx); err != nil {
		return err
	}
	if err := r.pass(ctx); err != nil {
		return err
	}
	if err := r.cancelSome(ctx); err != nil {
		return err
	}
	if err := r.world.Provider.DisarmAll(ctx); err != nil {
		return err
	}
	return r.conclude(ctx)
}

// conclude lets a last day pass without faults and kills, and compares the books.
func (r *run) conclude(ctx context.Context) error {
	for range 2 {
		d, err := r.clock.due(ctx)
		if err != nil {
			return err
		}
		if err := r.clock.set(ctx, d.now.Add(step)); err != nil {
			return err
		}
		if err := r.clock.quiet(ctx); err != nil {
			return err
		}
	}
	return r.audit(ctx)
}

// struck are the faults, and which share of the renewals each strikes: those that change what is known, and not what is true.
func struck() []sandbox.Fault {
	return []sandbox.Fault{
		{Name: "lose_answer", Rate: 0.02},
		{Name: "cut_answer", Rate: 0.01},
		{Name: "reset_before_answer", Rate: 0.01},
		{Name: "http_502_after_charge", Rate: 0.01},
		{Name: "http_500", Rate: 0.01},
		{Name: "malformed_json", Rate: 0.01},
		{Name: "bad_signature", Rate: 0.01},
		{Name: "no_notification", Rate: 0.05},
		{Name: "duplicate_notification", Rate: 0.05},
	}
}

func faultNames() (names []string) {
	for _, f := range struck() {
		names = append(names, f.Name)
	}
	return names
}

// misbehave orders the faults. Whom a rate strikes it strikes whenever the same is asked, so questions are left alone.
func (r *run) misbehave(ctx context.Context) error {
	for _, f := range struck() {
		f.Times, f.Match.Path = -1, "/v1/txn/doTransaction"
		if err := r.world.Provider.Arm(ctx, f); err != nil {
			return err
		}
	}
	return nil
}
