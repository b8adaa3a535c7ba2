package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

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
		fmt.Fprintf(t, "\nNOTIFICATIONS\tservice\ttwin\tratio\tprepared twin\tratio\n")
		printRounds(t, n.Rounds, n.Median)
		fmt.Fprintf(t, "service CPU per notification\t%.2f ms\n", n.CPUMS)
		printFootprints(t, n.Footprint, n.TwinPrint)
	}
	if m := r.Memory; m != nil {
		fmt.Fprintf(t, "\nMEMORY\nin flight at once\t%d\nidle, loaded, peak\t%.0f, %.0f, %.0f MB\n", m.InFlight, m.IdleMB, m.ResidentMB, m.PeakMB)
	}
	if s := r.Ready; s != nil {
		fmt.Fprintf(t, "\nREADY\nmedian, worst of %d starts\t%.0f, %.0f ms\n", len(s.Starts), s.MedianMS, s.WorstMS)
	}
	if n := r.Renewals; n != nil {
		n.print(t)
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
	fmt.Fprintf(t, "\nPAYMENTS\tservice\ttwin\tratio\tprepared twin\tratio\n")
	printRounds(t, p.Rounds, p.Median)
	fmt.Fprintf(t, "beyond the provider's time\tp50 %.1f ms\tp99 %.1f ms\tall clients at work\n", p.Overhead.P50, p.Overhead.P99)
	fmt.Fprintf(t, "\tp50 %.1f ms\tp99 %.1f ms\tone client alone\n", p.OverheadAlone.P50, p.OverheadAlone.P99)
	fmt.Fprintf(t, "creating the order\tp50 %.1f ms\tp99 %.1f ms\tall clients at work\n", p.Create.P50, p.Create.P99)
	fmt.Fprintf(t, "\tp50 %.1f ms\tp99 %.1f ms\tone client alone\n", p.CreateAlone.P50, p.CreateAlone.P99)
	fmt.Fprintf(t, "CPU per payment\t%.2f ms\tservice\n", p.CPU["service"])
	fmt.Fprintf(t, "\t%.2f / %.2f / %.2f / %.2f ms\tPostgreSQL / Redis / simulator / load generator\n",
		p.CPU["postgres"], p.CPU["redis"], p.CPU["simulator"], p.CPU["load"])
	fmt.Fprintf(t, "\t%.2f / %.2f ms\tthe twin's PostgreSQL / pgbench\n", p.TwinCPU["postgres"], p.TwinCPU["load"])
	fmt.Fprintf(t, "\t%.2f / %.2f ms\tthe prepared twin's PostgreSQL / pgbench\n", p.PreparedCPU["postgres"], p.PreparedCPU["load"])
	fmt.Fprintf(t, "peak memory of the service\t%.0f MB\n", p.PeakMB)
	printFootprints(t, p.Footprint, p.TwinPrint)
}

func printRounds(t io.Writer, rounds []roundReport, middle roundReport) {
	for i, round := range rounds {
		round.print(t, fmt.Sprintf("round %d, per second", i+1))
	}
	middle.print(t, "median")
}

func (r roundReport) print(t io.Writer, name string) {
	fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.2f\n", name, r.Service, r.Twin, r.Ratio, r.Prepared, r.PreparedRatio)
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
