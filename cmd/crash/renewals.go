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
	"tillway/test/renewals"
	"tillway/test/world"
)

// renewalsCommand is the first argument that asks for renewals instead of shops.
const renewalsCommand = "renewals"

// renewalOptions are the flags of `crash renewals`.
type renewalOptions struct {
	subscriptions, days, killEvery int
	seed                           uint64
	binary, dir, commit, report    string
}

func parseRenewals(args []string) (renewalOptions, error) {
	var o renewalOptions
	flags := flag.NewFlagSet("crash renewals", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "crash renewals lets years of subscriptions pass while their workers are killed, and compares the books.\n\nFlags:")
		flags.PrintDefaults()
	}
	flags.IntVar(&o.subscriptions, "subscriptions", 1000, "how many subscriptions there are")
	flags.IntVar(&o.days, "days", 3*365, "how many `days` pass on the test clock")
	flags.IntVar(&o.killEvery, "kill-every", 3, "somebody is killed in one of so many `steps` in which periods begin; 0: nobody")
	flags.Uint64Var(&o.seed, "seed", 1, "decides what becomes of which subscription, and what is killed where")
	flags.StringVar(&o.binary, "binary", "", "a service built with -tags failpoint, instead of building one")
	flags.StringVar(&o.dir, "logs", ".tillway/crash/renewals", "where the logs go; removed when nothing was found")
	flags.StringVar(&o.report, "report", "docs/renewals-report.md", "where the report goes; empty for none")
	flags.StringVar(&o.commit, "commit", "", "what the report calls the code (default: git's description)")
	if err := flags.Parse(args[1:]); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.subscriptions < 1 || o.days < 1 || o.killEvery < 0 {
		flags.Usage()
		return o, errors.New("positive numbers of subscriptions and days, and no further arguments")
	}
	return o, nil
}

// runRenewals makes the run and returns how many violations there were.
func runRenewals(ctx context.Context, o renewalOptions) (_ int, err error) {
	if o.commit == "" {
		if o.commit, err = program.Revision(ctx); err != nil {
			return 0, err
		}
	}
	if o.binary == "" {
		if o.binary, err = build(ctx, false); err != nil {
			return 0, err
		}
	}
	report, err := renew(ctx, o)
	if err != nil {
		return 0, err
	}
	for _, finding := range report.Findings {
		fmt.Println("VIOLATION:", finding)
	}
	if o.report == "" {
		return len(report.Findings), nil
	}
	var text strings.Builder
	report.Publish(&text, o.commit)
	return len(report.Findings), program.Publish(o.report, text.String(), os.Stdout)
}

// renew runs on stores of its own.
func renew(ctx context.Context, o renewalOptions) (_ renewals.Report, err error) {
	stores, err := world.OpenStores(ctx)
	if err != nil {
		return renewals.Report{}, err
	}
	defer func() { err = errors.Join(err, stores.Close(context.WithoutCancel(ctx))) }()
	database, err := stores.NewDatabase(ctx)
	if err != nil {
		return renewals.Report{}, err
	}
	logs, err := filepath.Abs(o.dir)
	if err != nil {
		return renewals.Report{}, fmt.Errorf("find the directory for logs: %w", err)
	}
	report, err := renewals.Run(ctx, renewals.Setup{
		Binary: o.binary, Dir: logs, Database: database, Redis: stores.Redis(), Seed: o.seed, Subscriptions: o.subscriptions,
		Lasts: time.Duration(o.days) * 24 * time.Hour, KillEvery: o.killEvery,
		Passed: func(r renewals.Report) {
			fmt.Printf("%s: %d orders, %d charges, %d kills, %d violations\n",
				r.Now.Format(time.DateOnly), r.Totals.Orders, r.Totals.Paid, r.Kills, len(r.Findings))
		},
	})
	if err == nil && len(report.Findings) == 0 { // else the logs tell more
		err = os.RemoveAll(logs)
	}
	return report, err
}
