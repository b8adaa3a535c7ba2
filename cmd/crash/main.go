// Command crash kills the real service again and again while shoppers buy, and compares the books of both sides. Package
// test/crash does the work; this is its run: what was done is kept after every batch, so an interrupted run can go on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"tillway/internal/program"
	"tillway/test/crash"
)

// options are the flags.
type options struct {
	kills, shoppers int
	worlds          int
	seed            uint64
	resume, race    bool
	binary, state   string
	commit, report  string
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "crash kills the service while shoppers buy and compares the books of both sides.\n\nFlags:")
		flags.PrintDefaults()
	}
	flags.IntVar(&o.kills, "kills", 1000, "how many `times` a process is killed")
	flags.Uint64Var(&o.seed, "seed", 1, "decides what is killed where under which fault, and what shoppers do")
	flags.IntVar(&o.shoppers, "shoppers", 0, "how many buy at once (default 80)")
	flags.IntVar(&o.worlds, "worlds", 2, "how many installations are killed side by side")
	flags.BoolVar(&o.resume, "resume", false, "go on with the run that was interrupted")
	flags.BoolVar(&o.race, "race", false, "build the service with the race detector")
	flags.StringVar(&o.binary, "binary", "", "a service built with -tags failpoint, instead of building one")
	flags.StringVar(&o.state, "state", ".tillway/crash/state.json", "where the run is kept after every batch, with the logs of those in which something was found beside it")
	flags.StringVar(&o.report, "report", "docs/crash-report.md", "where the report goes; empty for none")
	flags.StringVar(&o.commit, "commit", "", "what the report calls the code (default: git's description)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.kills < 1 || o.worlds < 1 {
		flags.Usage()
		return o, errors.New("positive numbers of kills and worlds, and no further arguments")
	}
	return o, nil
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == renewalsCommand {
		program.Prove("crash "+renewalsCommand, parseRenewals, runRenewals)
		return
	}
	program.Prove("crash", parse, run)
}

// run makes batches until enough was killed, and returns how many violations there were.
func run(ctx context.Context, o options) (_ int, err error) {
	state, err := begin(ctx, o)
	if err != nil {
		return 0, err
	}
	r := &runner{options: o, state: state, bar: newBar(state)}
	if o.binary == "" {
		if r.options.binary, err = build(ctx, o.race); err != nil {
			return 0, err
		}
	}
	if err := r.batches(ctx); err != nil {
		return 0, err
	}
	fmt.Println()
	r.state.Sum().Table(os.Stdout)
	return len(r.state.Sum().Findings), publish(o, r.state)
}

// begin is the state to go on with, or that of a new run.
func begin(ctx context.Context, o options) (crash.State, error) {
	if o.resume {
		state, err := crash.LoadState(o.state)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			state.Kills = max(state.Kills, o.kills)
			return state, err
		}
	}
	if o.commit == "" {
		var err error
		if o.commit, err = program.Revision(ctx); err != nil {
			return crash.State{}, err
		}
	}
	state := crash.State{Seed: o.seed, Kills: o.kills, Commit: o.commit, Started: time.Now().UTC().Format(time.RFC3339)}
	return state, crash.Forget(o.state)
}

func build(ctx context.Context, race bool) (string, error) {
	fmt.Println("building the service with its failpoints")
	if race {
		return program.BuildKillable(ctx, "-race")
	}
	return program.BuildKillable(ctx)
}

func publish(o options, state crash.State) error {
	if o.report == "" {
		return nil
	}
	var text strings.Builder
	state.Publish(&text)
	return program.Publish(o.report, text.String(), os.Stdout)
}
