package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tillway/internal/sandbox"
	"tillway/test/audit"
	"tillway/test/storefront"
	"tillway/test/world"
)

const (
	shoppers         = 128
	simulatorLatency = "100ms"
	shopperPatience  = 20 * time.Second
	// measureFor is how long the limit is measured, after a while in which everything gets warm.
	warmFor, measureFor = 5 * time.Second, 10 * time.Second
	// faultShare of all sales meet a fault.
	faultShare = 0.05
	// clockScale makes the half hour that the bank waits for a shopper 90 seconds: some never learn that it waits.
	clockScale = "20"
	// unhurried is how long the default schedule alone settles what the last visits left open. Its next steps are minutes
	// apart, so from then on checks are brought forward, every hurry; restPatience is what all of it may take.
	unhurried    = time.Minute
	hurry        = 5 * time.Second
	restPatience = 5 * time.Minute
	restPoll     = time.Second
	// reserve is how many visits may begin at once when shoppers were held up.
	reserve = 16
)

// Options say what to run.
type Options struct {
	Binary, Dir     string
	Database, Redis string
	Duration        time.Duration
	// Share of the measured limit is the load: 0.6 in the requirement.
	Share float64
	Seed  uint64
	// Watch is told of every sample.
	Watch func(Sample)
}

// soak is a running one.
type soak struct {
	opts   Options
	world  *world.World
	report Report
}

// Run runs it. An error means that it could not be run; what was found is in the report.
func Run(ctx context.Context, opts Options) (_ Report, err error) {
	s := &soak{opts: opts, report: Report{Duration: opts.Duration, Share: opts.Share, Seed: opts.Seed, Started: time.Now().UTC()}}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return s.report, fmt.Errorf("make a directory for logs: %w", err)
	}
	s.world, err = world.Start(ctx, world.Options{
		Binary: opts.Binary, Dir: opts.Dir, Database: opts.Database, Redis: opts.Redis,
		Simulator: []string{"--latency", simulatorLatency, "--clock-scale", clockScale}, Services: [][]string{{"serve"}, {"serve"}},
		// RESOLVE_SCHEDULE keeps its default. A call ends before a denial of it is believed, as in production, only sooner.
		Environment: map[string]string{"NOT_FOUND_AFTER": "25s", "ONERWAY_TIMEOUT": "10s", "CALLER_DEADLINE": "5s", "ONERWAY_RATE_LIMIT": "2000"},
	})
	if err != nil {
		return s.report, err
	}
	defer func() { err = errors.Join(err, s.world.Close()) }()
	if err := s.misbehave(ctx); err != nil {
		return s.report, err
	}
	if s.report.Limit, err = s.limit(ctx); err != nil {
		return s.report, err
	}
	record, err := s.load(ctx)
	if err != nil {
		return s.report, err
	}
	return s.report, s.conclude(ctx, record)
}

// salePath is where the provider takes sales (Onerway contract §8.1).
const salePath = "/v1/txn/doTransaction"

// misbehave orders a fault on one sale in twenty, and silence on all. Whom a rate strikes it strikes whenever the same is
// asked, so questions are left alone: those about some payments would never be answered.
func (s *soak) misbehave(ctx context.Context) error {
	orders := []sandbox.Fault{{Name: "no_notification", Times: -1}}
	names := faults()
	for _, name := range names {
		orders = append(orders, sandbox.Fault{
			Name: name, Times: -1, Rate: faultShare / float64(len(names)), Match: sandbox.Match{Path: salePath},
		})
	}
	for _, order := range orders {
		if err := s.world.Provider.Arm(ctx, order); err != nil {
			return err
		}
	}
	return nil
}

// faults are the ways to lose an answer, with the money taken or not, and to be late. Those about notifications have
// nothing to strike, and a late success that nobody tells of is found an hour after the decline.
func faults() []string {
	return []string{
		"lose_answer", "hang", "reset_before_answer", "cut_answer", "http_502_after_charge", "bad_signature", "missing_signature",
		"malformed_json", "unmapped_status", "processing", "slow", "refuse_connection", "http_500", "rate_limited",
	}
}

// cards pay or are declined, and some want the bank's page.
func cards() []string {
	return []string{
		"4242424242424242", "4242424242424242", "4242424242424242", "4242424242424242", "4761344136141390", "2221008123677736",
		"4000020951595032", "4000000000000002",
	}
}

func (s *soak) shop(seed uint64, starts <-chan struct{}) *storefront.Shop {
	return storefront.New(storefront.Options{
		URL: s.world.URL(), APIKey: world.Storefront, Seed: seed, Shoppers: shoppers, Cards: cards(), LeavesBank: storefront.Never,
		Patience: shopperPatience, Starts: starts,
	})
}

// limit is how many visits a second the service takes.
func (s *soak) limit(ctx context.Context) (float64, error) {
	shop := s.shop(s.opts.Seed<<1, nil)
	closing, done := make(chan struct{}), make(chan struct{})
	go func() { // ends with the shoppers
		shop.Open(ctx, closing)
		close(done)
	}()
	defer func() { close(closing); <-done }()
	if err := pause(ctx, warmFor); err != nil {
		return 0, err
	}
	before, begun := shop.Record().Stories(), time.Now()
	if err := pause(ctx, measureFor); err != nil {
		return 0, err
	}
	return float64(shop.Record().Stories()-before) / time.Since(begun).Seconds(), nil
}

// load keeps the service busy for the duration, and looks at it meanwhile.
func (s *soak) load(ctx context.Context) (*storefront.Record, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	starts, closing, done := make(chan struct{}, reserve), make(chan struct{}), make(chan struct{}, 2)
	shop := s.shop(s.opts.Seed<<1+1, starts)
	go func() { // ends with closing
		meter(closing, starts, time.Duration(float64(time.Second)/(s.opts.Share*s.report.Limit)))
		done <- struct{}{}
	}()
	go func() { // ends with the shoppers
		shop.Open(ctx, closing)
		done <- struct{}{}
	}()
	err := s.watch(ctx, shop)
	close(closing)
	<-done
	<-done
	s.report.Visits = shop.Record().Stories()
	return shop.Record(), err
}

// meter lets one visit begin in every interval; those that nobody could begin in time are lost.
func meter(closing <-chan struct{}, starts chan<- struct{}, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-closing:
			return
		case <-tick.C:
			select {
			case starts <- struct{}{}:
			default:
			}
		}
	}
}

// conclude waits for everything to come to rest, and compares.
func (s *soak) conclude(ctx context.Context, record *storefront.Record) error {
	if err := s.rest(ctx); err != nil {
		return err
	}
	books, err := s.world.Provider.Books(ctx)
	if err != nil {
		return err
	}
	told, faults, answers := record.Everything()
	if s.report.Audit, err = audit.Compare(ctx, audit.Case{DB: s.world.DB, Books: books, Told: told}); err != nil {
		return err
	}
	s.report.Audit.Findings = append(s.report.Audit.Findings, faults...)
	s.report.Answers = answers
	s.report.judge()
	return nil
}

// rest waits until nothing is open: for a while by the schedule alone, as long as which the truth about lost answers is timed.
func (s *soak) rest(ctx context.Context) error {
	begun := time.Now()
	left, err := s.settled(ctx, begun.Add(unhurried), func() error { return nil })
	if err != nil {
		return err
	}
	if s.report.Lost, err = audit.TimeToTruth(ctx, s.world.DB); err != nil {
		return err
	}
	if left > 0 {
		var hurried time.Time
		left, err = s.settled(ctx, begun.Add(restPatience), func() error {
			if time.Since(hurried) < hurry {
				return nil
			}
			hurried = time.Now()
			return audit.Hurry(ctx, s.world.DB)
		})
	}
	if s.report.Rest = time.Since(begun); left > 0 {
		s.report.find("%d operations have no end %s after the last visit", left, restPatience)
	}
	return err
}

// settled waits until nothing is open or the time is over, and returns what is left. What waits for the provider's staff is
// approved.
func (s *soak) settled(ctx context.Context, until time.Time, meanwhile func() error) (left int, err error) {
	for {
		if err := errors.Join(meanwhile(), s.world.Provider.ApproveRefunds(ctx)); err != nil {
			return left, err
		}
		left, err = audit.Unsettled(ctx, s.world.DB)
		if err != nil || left == 0 || time.Now().After(until) {
			return left, err
		}
		if err := pause(ctx, restPoll); err != nil {
			return left, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
