// Command soak runs the real service for half an hour under load and faults and shows that nothing grows and nothing is
// lost. Package test/soak does the work.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tillway/internal/program"
	"tillway/test/soak"
	"tillway/test/world"
)

// options are the flags.
type options struct {
	duration       time.Duration
	share          float64
	seed           uint64
	binary, report string
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "soak runs the service under load and faults and shows that nothing grows and nothing is lost.\n\nFlags:")
		flags.PrintDefaults()
	}
	flags.DurationVar(&o.duration, "duration", 30*time.Minute, "how long the load is kept up")
	flags.Float64Var(&o.share, "share", 0.6, "share of the measured limit that is the load")
	flags.Uint64Var(&o.seed, "seed", 1, "decides what shoppers do")
	flags.StringVar(&o.binary, "binary", "", "a built service, instead of building one")
	flags.StringVar(&o.report, "report", "", "write the report to this file, such as docs/soak-report.md")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.duration < 10*time.Second || o.share <= 0 || o.share > 1 {
		flags.Usage()
		return o, errors.New("at least ten seconds, a share above 0 and up to 1, and no further arguments")
	}
	return o, nil
}

func main() { program.Prove("soak", parse, run) }

func run(ctx context.Context, o options) (_ int, err error) {
	scrap, err := program.Scrap()
	if err != nil {
		return 0, err
	}
	if o.binary == "" {
		o.binary = filepath.Join(scrap, "server")
		fmt.Println("building the service")
		if err := program.Build(ctx, o.binary); err != nil {
			return 0, err
		}
	}
	stores, err := world.OpenStores(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stores.Close(context.WithoutCancel(ctx))) }()
	database, err := stores.NewDatabase(ctx)
	if err != nil {
		return 0, err
	}
	fmt.Println("measuring the limit")
	report, err := soak.Run(ctx, soak.Options{
		Binary: o.binary, Dir: filepath.Join(scrap, "soak"), Database: database, Redis: stores.Redis(),
		Duration: o.duration, Share: o.share, Seed: o.seed, Watch: progress(o.duration),
	})
	if err != nil {
		return 0, err
	}
	fmt.Println()
	report.Table(os.Stdout)
	return len(report.Findings), publish(ctx, o, &report)
}

// progress shows a sample: on a terminal in one line that changes, elsewhere in a line of its own now and then.
func progress(duration time.Duration) func(soak.Sample) {
	info, err := os.Stdout.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	var shown time.Duration
	return func(s soak.Sample) {
		line := fmt.Sprintf("%s of %s: %d visits, %d open, %.0f MB, %.0f goroutines, %.0f connections",
			s.At.Round(time.Second), duration, s.Visits, s.Open, s.ResidentMB, s.Goroutines, s.Connections)
		switch {
		case terminal:
			fmt.Printf("\r%-100s", line)
		case s.At-shown >= duration/12:
			shown = s.At
			fmt.Println(line)
		}
	}
}

func publish(ctx context.Context, o options, report *soak.Report) error {
	if o.report == "" {
		return nil
	}
	commit, err := program.Revision(ctx)
	if err != nil {
		return err
	}
	var text strings.Builder
	report.Publish(&text, commit)
	return program.Publish(o.report, text.String(), os.Stdout)
}
