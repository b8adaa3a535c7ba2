package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// report is everything that a run found out. Parts that were not run are null.
type report struct {
	Machine       machine              `json:"machine"`
	Clients       int                  `json:"clients"`
	Rounds        int                  `json:"rounds"`
	Duration      string               `json:"duration"`
	Payments      *paymentsReport      `json:"payments"`
	Notifications *notificationsReport `json:"notifications"`
	Memory        *memoryReport        `json:"memory"`
	Ready         *readyReport         `json:"ready"`
	Targets       []target             `json:"targets"`
}

type machine struct {
	OS         string `json:"os"`
	CPUs       int    `json:"cpus"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql"`
}

// roundReport is one turn of each side, per second.
type roundReport struct {
	Service float64 `json:"service"`
	Twin    float64 `json:"twin"`
	Ratio   float64 `json:"ratio"`
}

// quantiles are in milliseconds.
type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// written by one payment or notification.
type footprint struct {
	Rows     string  `json:"rows"` // orders/payments/events/evidence/notifications
	WALBytes float64 `json:"wal_bytes"`
}

type paymentsReport struct {
	Rounds    []roundReport `json:"rounds"`
	PerSecond float64       `json:"per_second"` // medians over the rounds
	Twin      float64       `json:"twin_per_second"`
	Ratio     float64       `json:"ratio"`
	// Overhead is what paying took beyond the provider's own time, with all clients at work; OverheadAlone with one.
	Overhead      quantiles `json:"overhead_ms"`
	OverheadAlone quantiles `json:"overhead_alone_ms"`
	Create        quantiles `json:"create_ms"`
	CreateAlone   quantiles `json:"create_alone_ms"`
	Pay           quantiles `json:"pay_ms"`
	// CPU is milliseconds per payment, by process; the twin's load is pgbench.
	CPU       map[string]float64 `json:"cpu_ms"`
	TwinCPU   map[string]float64 `json:"twin_cpu_ms"`
	PeakMB    float64            `json:"peak_mb"`
	Footprint footprint          `json:"footprint"`
	TwinPrint footprint          `json:"twin_footprint"`
}

func (p *paymentsReport) finish(run *paymentsRun, m memory) {
	p.PerSecond, p.Twin, p.Ratio = medians(p.Rounds)
	overhead := func(t times) time.Duration { return t.pay - t.provider }
	create := func(t times) time.Duration { return t.create }
	p.Overhead, p.OverheadAlone = quantilesOf(run.busy, overhead), quantilesOf(run.quiet, overhead)
	p.Create, p.CreateAlone = quantilesOf(run.busy, create), quantilesOf(run.quiet, create)
	p.Pay = quantilesOf(run.busy, func(t times) time.Duration { return t.pay })
	p.CPU, p.TwinCPU = perPayment(run.cpu, run.measured), perPayment(run.twinCPU, run.twinned)
	p.PeakMB = megabytes(m.peak)
	p.Footprint, p.TwinPrint = run.ours.per(run.ours.orders), run.twins.per(run.twins.orders)
}

func perPayment(spent map[string]time.Duration, payments int64) map[string]float64 {
	each := make(map[string]float64, len(spent))
	for name, d := range spent {
		each[name] = milliseconds(d) / float64(max(payments, 1))
	}
	return each
}

type notificationsReport struct {
	Rounds    []roundReport `json:"rounds"`
	PerSecond float64       `json:"per_second"`
	Twin      float64       `json:"twin_per_second"`
	Ratio     float64       `json:"ratio"`
	CPUMS     float64       `json:"service_cpu_ms"`
	Footprint footprint     `json:"footprint"`
	TwinPrint footprint     `json:"twin_footprint"`
}

func (n *notificationsReport) finish(run *notificationsRun) {
	n.PerSecond, n.Twin, n.Ratio = medians(n.Rounds)
	n.CPUMS = milliseconds(run.cpu) / float64(max(run.measured, 1))
	n.Footprint, n.TwinPrint = run.ours.per(run.ours.notifications), run.twins.per(run.twins.notifications)
}

type memoryReport struct {
	InFlight   int64   `json:"in_flight"`
	Payments   int     `json:"payments"`
	IdleMB     float64 `json:"idle_mb"`
	ResidentMB float64 `json:"resident_mb"`
	PeakMB     float64 `json:"peak_mb"`
}

type readyReport struct {
	Starts   []float64 `json:"starts_ms"`
	MedianMS float64   `json:"median_ms"`
	WorstMS  float64   `json:"worst_ms"`
}

// target is a promise and whether this run kept it.
type target struct {
	Name    string  `json:"name"`
	Want    string  `json:"want"`
	Got     float64 `json:"got"`
	Reached bool    `json:"reached"`
}

// judge holds the figures to the promises.
func (r *report) judge() {
	atLeast := func(name string, got, want float64) {
		r.Targets = append(r.Targets, target{name, fmt.Sprintf("≥ %g", want), got, got >= want})
	}
	atMost := func(name string, got, want float64) {
		r.Targets = append(r.Targets, target{name, fmt.Sprintf("≤ %g", want), got, got <= want})
	}
	if r.Payments != nil {
		atLeast("payments, ratio to the bare SQL", r.Payments.Ratio, 0.7)
	}
	if r.Notifications != nil {
		atLeast("notifications, ratio to the bare SQL", r.Notifications.Ratio, 0.8)
	}
	if r.Memory != nil {
		atMost(fmt.Sprintf("MB resident at %d in flight", r.Memory.InFlight), r.Memory.PeakMB, 100)
	}
	if r.Ready != nil {
		atMost("ms until ready, worst start", r.Ready.WorstMS, 1000)
	}
}

// publish writes the report where it was asked for.
func (r *report) publish(w io.Writer, opts options) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	raw = append(raw, '\n')
	if opts.out != "" {
		if err := os.WriteFile(opts.out, raw, 0o644); err != nil { //nolint:gosec // a report for everybody to read
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if opts.json {
		_, err = w.Write(raw)
		return err
	}
	return r.print(w)
}

// print shows the report to a person.
func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%s, %d CPUs, %s, PostgreSQL %s, fsync on; %d clients, %d rounds of %s\n",
		r.Machine.OS, r.Machine.CPUs, r.Machine.Go, r.Machine.PostgreSQL, r.Clients, r.Rounds, r.Duration)
	if p := r.Payments; p != nil {
		p.print(t)
	}
	if n := r.Notifications; n != nil {
		fmt.Fprintf(t, "\nNOTIFICATIONS\tservice\ttwin\tratio\n")
		printRounds(t, n.Rounds, roundReport{n.PerSecond, n.Twin, n.Ratio})
		fmt.Fprintf(t, "service CPU per notification\t%.2f ms\n", n.CPUMS)
		printFootprints(t, n.Footprint, n.TwinPrint)
	}
	if m := r.Memory; m != nil {
		fmt.Fprintf(t, "\nMEMORY\nin flight at once\t%d\nidle, loaded, peak\t%.0f, %.0f, %.0f MB\n", m.InFlight, m.IdleMB, m.ResidentMB, m.PeakMB)
	}
	if s := r.Ready; s != nil {
		fmt.Fprintf(t, "\nREADY\nmedian, worst of %d starts\t%.0f, %.0f ms\n", len(s.Starts), s.MedianMS, s.WorstMS)
	}
	fmt.Fprintf(t, "\nTARGET\twant\tgot\t\n")
	for _, goal := range r.Targets {
		verdict := "missed"
		if goal.Reached {
			verdict = "reached"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", goal.Name, goal.Want, short(goal.Got), verdict)
	}
	return t.Flush()
}

func (p *paymentsReport) print(t io.Writer) {
	fmt.Fprintf(t, "\nPAYMENTS\tservice\ttwin\tratio\n")
	printRounds(t, p.Rounds, roundReport{p.PerSecond, p.Twin, p.Ratio})
	fmt.Fprintf(t, "beyond the provider's time\tp50 %.1f ms\tp99 %.1f ms\tall clients at work\n", p.Overhead.P50, p.Overhead.P99)
	fmt.Fprintf(t, "\tp50 %.1f ms\tp99 %.1f ms\tone client alone\n", p.OverheadAlone.P50, p.OverheadAlone.P99)
	fmt.Fprintf(t, "creating the order\tp50 %.1f ms\tp99 %.1f ms\tall clients at work\n", p.Create.P50, p.Create.P99)
	fmt.Fprintf(t, "\tp50 %.1f ms\tp99 %.1f ms\tone client alone\n", p.CreateAlone.P50, p.CreateAlone.P99)
	fmt.Fprintf(t, "CPU per payment\t%.2f ms\tservice\n", p.CPU["service"])
	fmt.Fprintf(t, "\t%.2f / %.2f / %.2f / %.2f ms\tPostgreSQL / Redis / simulator / load generator\n",
		p.CPU["postgres"], p.CPU["redis"], p.CPU["simulator"], p.CPU["load"])
	fmt.Fprintf(t, "\t%.2f / %.2f ms\tthe twin's PostgreSQL / pgbench\n", p.TwinCPU["postgres"], p.TwinCPU["load"])
	fmt.Fprintf(t, "peak memory of the service\t%.0f MB\n", p.PeakMB)
	printFootprints(t, p.Footprint, p.TwinPrint)
}

func printRounds(t io.Writer, rounds []roundReport, middle roundReport) {
	for i, round := range rounds {
		fmt.Fprintf(t, "round %d, per second\t%.0f\t%.0f\t%.2f\n", i+1, round.Service, round.Twin, round.Ratio)
	}
	fmt.Fprintf(t, "median\t%.0f\t%.0f\t%.2f\n", middle.Service, middle.Twin, middle.Ratio)
}

func printFootprints(t io.Writer, ours, twin footprint) {
	fmt.Fprintf(t, "rows written each\t%s\t%s\torders/payments/events/evidence/notifications\n", ours.Rows, twin.Rows)
	fmt.Fprintf(t, "log written each\t%.0f B\t%.0f B\n", ours.WALBytes, twin.WALBytes)
}

// short prints a figure as precisely as a person reads it.
func short(figure float64) string {
	if figure < 10 {
		return fmt.Sprintf("%.2f", figure)
	}
	return fmt.Sprintf("%.0f", figure)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// medians are of each column for itself: the middle ratio is not the ratio of the middles.
func medians(rounds []roundReport) (service, twin, ratio float64) {
	var services, twins, ratios []float64
	for _, round := range rounds {
		services, twins, ratios = append(services, round.Service), append(twins, round.Twin), append(ratios, round.Ratio)
	}
	return median(services), median(twins), median(ratios)
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile is the value below which a share q of the values lies, between neighbors in proportion; zero of nothing.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(at-float64(low))
}

func quantilesOf(all []times, of func(times) time.Duration) quantiles {
	values := make([]float64, 0, len(all))
	for _, t := range all {
		values = append(values, milliseconds(of(t)))
	}
	return quantiles{P50: quantile(values, 0.5), P99: quantile(values, 0.99)}
}
