// Command bench measures Tillway beside the SQL that its work comes down to.
//
// It starts a private PostgreSQL with fsync on, a private Redis, the simulator of Onerway and the service, each a process
// of its own, loads the service over HTTP, and in the same run gives pgbench the same transactions on a database of the
// same schema, statement by statement. The two take turns, so that whatever else the machine does hits both. The method,
// what the twin leaves out, and the figures of one run stand in docs/benchmark.md.
//
// It writes nothing outside its temporary directory but what --out and --profile name.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options is what a run can be told.
type options struct {
	scenarios     []string
	duration      time.Duration
	warmup        time.Duration
	rounds        int
	clients       int
	notifications int
	inFlight      int
	starts        int
	latency       time.Duration
	notifyAfter   time.Duration
	slowness      time.Duration
	subscriptions sizes
	due, rate     int
	server        string
	json          bool
	out           string
	profile       string
}

func scenarioNames() []string {
	return []string{"payments", "notifications", "memory", "ready", "renewals"}
}

func main() {
	err := run(os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts, err := parse(args)
	if err != nil {
		return err
	}
	result, err := bench(ctx, opts)
	if err != nil {
		return err
	}
	return result.publish(os.Stdout, opts)
}

func parse(args []string) (options, error) {
	var o options
	var scenarios string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&scenarios, "scenario", "all", "comma list of "+strings.Join(scenarioNames(), ", ")+", or all")
	flags.DurationVar(&o.duration, "duration", 8*time.Second, "how long each round measures")
	flags.DurationVar(&o.warmup, "warmup", 3*time.Second, "load before a measurement, not counted")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds; in each the service and its twin take a turn")
	flags.IntVar(&o.clients, "clients", 16, "concurrent clients, of the service and of pgbench alike")
	flags.IntVar(&o.notifications, "notifications", 8000, "notifications a round")
	flags.IntVar(&o.inFlight, "in-flight", 200, "payments in flight at once in scenario memory")
	flags.IntVar(&o.starts, "starts", 7, "starts of the service in scenario ready")
	flags.DurationVar(&o.latency, "latency", 0, "how long the simulator takes to answer in scenario payments")
	flags.DurationVar(&o.notifyAfter, "notify-after", 100*time.Millisecond, "how long after its answer the simulator notifies; 0s: at once")
	flags.DurationVar(&o.slowness, "slowness", 2*time.Second, "how long it takes in scenario memory, so that calls pile up")
	o.subscriptions = sizes{1_000, 20_000}
	flags.Var(&o.subscriptions, "subscriptions", "comma list: the sizes of the table in scenario renewals, growing")
	flags.IntVar(&o.due, "due", 1000, "how many of them come due at once in scenario renewals")
	flags.IntVar(&o.rate, "rate", 50, "calls a second that the provider takes in scenario renewals (ONERWAY_RATE_LIMIT)")
	flags.StringVar(&o.server, "server", "", "a built cmd/server to measure; built anew when empty")
	flags.BoolVar(&o.json, "json", false, "print the report as JSON")
	flags.StringVar(&o.out, "out", "", "also write the JSON report to this file")
	flags.StringVar(&o.profile, "profile", "", "write CPU and allocation profiles of the service to this directory")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.scenarios = strings.Split(scenarios, ",")
	if scenarios == "all" {
		o.scenarios = scenarioNames()
	}
	return o, o.check(flags.NArg())
}

func (o options) check(rest int) error {
	for _, name := range o.scenarios {
		if !slices.Contains(scenarioNames(), name) {
			return fmt.Errorf("--scenario %s: there are %s", name, strings.Join(scenarioNames(), ", "))
		}
	}
	switch {
	case rest > 0:
		return errors.New("everything is told by flags; see --help")
	case o.rounds < 1 || o.clients < 1 || o.starts < 1 || o.inFlight < 1 || o.notifications < o.clients:
		return errors.New("--rounds, --clients, --starts and --in-flight are at least 1, --notifications at least --clients")
	case o.due < 1 || o.rate < 1 || !slices.IsSorted(o.subscriptions):
		return errors.New("--due and --rate are at least 1, --subscriptions grow")
	case o.duration < time.Second || o.warmup < 0 || o.latency < 0 || o.notifyAfter < 0 || o.slowness < 0:
		return errors.New("--duration is at least 1s (pgbench counts in seconds), other durations are not negative")
	}
	return nil
}

// bench runs the chosen scenarios on one stack.
func bench(ctx context.Context, opts options) (_ *report, err error) {
	s, err := newStack(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	result := &report{Machine: s.machine(ctx), Clients: opts.clients, Rounds: opts.rounds, Duration: opts.duration.String()}
	steps := map[string]func() error{
		"payments":      func() (err error) { result.Payments, err = s.payments(ctx); return err },
		"notifications": func() (err error) { result.Notifications, err = s.notifications(ctx); return err },
		"memory":        func() (err error) { result.Memory, err = s.memory(ctx); return err },
		"ready":         func() (err error) { result.Ready, err = s.ready(ctx); return err },
		"renewals":      func() (err error) { result.Renewals, err = s.renewals(ctx); return err },
	}
	for _, name := range scenarioNames() {
		if !slices.Contains(opts.scenarios, name) {
			continue
		}
		progress("scenario %s", name)
		if err := steps[name](); err != nil {
			return nil, fmt.Errorf("scenario %s: %w", name, err)
		}
	}
	result.judge()
	return result, nil
}

// progress tells a person what is going on; the report alone goes to standard output.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// sizes are a comma list of numbers of at least 1.
type sizes []int

func (s *sizes) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(*s), " ", ","), "[]")
}

// Set reads the list (flag.Value).
func (s *sizes) Set(text string) error {
	*s = nil
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of at least 1", part)
		}
		*s = append(*s, n)
	}
	return nil
}
