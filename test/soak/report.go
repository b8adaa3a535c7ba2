package soak

import (
	"fmt"
	"io"
	"time"

	"tillway/test/audit"
)

// truthWithin is the promise about lost answers: 95 of 100 are found within it.
const truthWithin = 10 * time.Second

// Report is what a run came to.
type Report struct {
	Started  time.Time
	Duration time.Duration
	Seed     uint64
	// Limit is the measured limit in visits a second, Share the share of it that was kept up.
	Limit, Share float64
	Visits       int
	Rest         time.Duration
	Samples      []Sample
	Answers      map[int]int
	Audit        audit.Report
	Lost         audit.Lost
	// Findings are what is wrong; those of the audit among them.
	Findings []string
}

func (r *Report) find(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// judge adds what the numbers say to the findings.
func (r *Report) judge() {
	r.Findings = append(r.Findings, r.Audit.Findings...)
	for _, c := range Curves(r.Samples) {
		if !c.Flat() {
			r.find("%s", c)
		}
	}
	if r.Lost.P95 > truthWithin {
		r.find("95 of 100 lost answers are found after %s, not within %s", r.Lost.P95, truthWithin)
	}
	if r.Lost.Count == 0 {
		r.find("no answer was lost: nothing was shown")
	}
	if want := r.Share * r.Limit * r.Duration.Seconds(); float64(r.Visits) < want*0.8 {
		r.find("only %d visits where %.0f were meant: the load was not kept up", r.Visits, want)
	}
}

// Table writes the result as text.
func (r *Report) Table(w io.Writer) {
	fmt.Fprintf(w, "%s at %.0f %% of %.0f visits a second: %d visits, %d orders, %d payments\n",
		r.Duration, 100*r.Share, r.Limit, r.Visits, r.Audit.Orders, r.Audit.Payments)
	fmt.Fprintf(w, "charged %d, captured %d minor units; at rest %s after the last visit\n", r.Audit.Charged, r.Audit.Captured, r.Rest.Round(time.Second))
	fmt.Fprintf(w, "%d lost answers found after %s (median), %s (95 of 100), %s (worst)\n", r.Lost.Count, r.Lost.P50, r.Lost.P95, r.Lost.Worst)
	for _, c := range Curves(r.Samples) {
		fmt.Fprintln(w, c)
	}
	fmt.Fprintf(w, "%d violations\n", len(r.Findings))
	for _, finding := range r.Findings {
		fmt.Fprintln(w, "VIOLATION:", finding)
	}
}

// Publish writes the report as Markdown.
func (r *Report) Publish(w io.Writer, commit string) {
	fmt.Fprintf(w, `# Soak report

Written by `+"`make soak`"+`, which `+"`go doc ./test/soak`"+` explains. Two replicas, PostgreSQL, Redis and the simulator on one machine.
One sale in twenty meets a fault, the provider never notifies, and outcomes are asked for by the default schedule.

| | |
|---|---|
| Commit | %s |
| Started | %s |
| Duration | %s |
| Measured limit | %.0f visits a second |
| Load | %.0f %% of it: %d visits, %d orders, %d payments (%d orders paid) |
| Charged by the provider, captured here | %d, %d minor units |
| At rest after the last visit | %s |
| Answers lost after charging | %d, found after %s (median), **%s (95 of 100)**, %s (worst) |
| **Violations** | **%d** |

`, commit, r.Started.Format(time.RFC3339), r.Duration, r.Limit, 100*r.Share, r.Visits, r.Audit.Orders, r.Audit.Payments, r.Audit.Paid,
		r.Audit.Charged, r.Audit.Captured, r.Rest.Round(time.Second), r.Lost.Count, r.Lost.P50, r.Lost.P95, r.Lost.Worst, len(r.Findings))
	for _, finding := range r.Findings {
		fmt.Fprintf(w, "- %s\n", finding)
	}
	fmt.Fprint(w, `
A quantity is flat when its median over the last third of the samples is at most a tenth, and the slack, above that over the
first third. All are sums over both processes.

| Quantity | First third | Last third | Most | Slack | |
|---|---|---|---|---|---|
`)
	for _, c := range Curves(r.Samples) {
		verdict := "flat"
		if !c.Flat() {
			verdict = "**grows**"
		}
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %.0f | %.0f | %s |\n", c.Name, c.First, c.Last, c.Most, c.Slack, verdict)
	}
}
