package main

import (
	"fmt"
	"math"
	"slices"
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
	Renewals      *renewalsReport      `json:"renewals"`
	Targets       []target             `json:"targets"`
}

type machine struct {
	OS         string `json:"os"`
	CPUs       int    `json:"cpus"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql"`
}

// roundReport is one turn of each side, per second. Ratio is to the plain twin, PreparedRatio to the prepared one.
type roundReport struct {
	Service       float64 `json:"service"`
	Twin          float64 `json:"twin"`
	Ratio         float64 `json:"ratio"`
	Prepared      float64 `json:"prepared_twin"`
	PreparedRatio float64 `json:"prepared_ratio"`
}

// compare gives the twin its turns beside what the service reached.
func compare(service float64, twin func(protocol string) (twinResult, error)) (roundReport, error) {
	bare, err := twin(plain)
	if err != nil {
		return roundReport{}, fmt.Errorf("twin: %w", err)
	}
	ready, err := twin(prepared)
	if err != nil {
		return roundReport{}, fmt.Errorf("prepared twin: %w", err)
	}
	return roundReport{
		Service: service, Twin: bare.PerSecond, Ratio: service / bare.PerSecond,
		Prepared: ready.PerSecond, PreparedRatio: service / ready.PerSecond,
	}, nil
}

func (r roundReport) tell(number int) {
	progress("round %d: service %.0f/s, twin %.0f/s, ratio %.2f; prepared twin %.0f/s, ratio %.2f",
		number, r.Service, r.Twin, r.Ratio, r.Prepared, r.PreparedRatio)
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
	Rounds []roundReport `json:"rounds"`
	Median roundReport   `json:"median"`
	// Overhead is what paying took beyond the provider's own time, with all clients at work; OverheadAlone with one.
	Overhead      quantiles `json:"overhead_ms"`
	OverheadAlone quantiles `json:"overhead_alone_ms"`
	Create        quantiles `json:"create_ms"`
	CreateAlone   quantiles `json:"create_alone_ms"`
	Pay           quantiles `json:"pay_ms"`
	// CPU is milliseconds per payment, by process; the twin's load is pgbench.
	CPU         map[string]float64 `json:"cpu_ms"`
	TwinCPU     map[string]float64 `json:"twin_cpu_ms"`
	PreparedCPU map[string]float64 `json:"prepared_twin_cpu_ms"`
	PeakMB      float64            `json:"peak_mb"`
	Footprint   footprint          `json:"footprint"`
	TwinPrint   footprint          `json:"twin_footprint"`
}

func (p *paymentsReport) finish(run *paymentsRun, m memory) {
	p.Median = medians(p.Rounds)
	overhead := func(t times) time.Duration { return t.pay - t.provider }
	create := func(t times) time.Duration { return t.create }
	p.Overhead, p.OverheadAlone = quantilesOf(run.busy, overhead), quantilesOf(run.quiet, overhead)
	p.Create, p.CreateAlone = quantilesOf(run.busy, create), quantilesOf(run.quiet, create)
	p.Pay = quantilesOf(run.busy, func(t times) time.Duration { return t.pay })
	bare, ready := run.twins[plain], run.twins[prepared]
	p.CPU = perPayment(run.cpu, run.measured)
	p.TwinCPU, p.PreparedCPU = perPayment(bare.cpu, bare.payments), perPayment(ready.cpu, ready.payments)
	p.PeakMB = megabytes(m.peak)
	p.Footprint, p.TwinPrint = run.ours.per(run.ours.orders), bare.wrote.per(bare.wrote.orders)
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
	Median    roundReport   `json:"median"`
	CPUMS     float64       `json:"service_cpu_ms"`
	Footprint footprint     `json:"footprint"`
	TwinPrint footprint     `json:"twin_footprint"`
}

func (n *notificationsReport) finish(run *notificationsRun) {
	n.Median = medians(n.Rounds)
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
		atLeast("payments, ratio to the bare SQL", r.Payments.Median.Ratio, 0.7)
	}
	if r.Notifications != nil {
		atLeast("notifications, ratio to the bare SQL", r.Notifications.Median.Ratio, 0.8)
	}
	if r.Memory != nil {
		atMost(fmt.Sprintf("MB resident at %d in flight", r.Memory.InFlight), r.Memory.PeakMB, 100)
	}
	if r.Ready != nil {
		atMost("ms until ready, worst start", r.Ready.WorstMS, 1000)
	}
	if r.Renewals != nil {
		share, growth := r.Renewals.worst()
		atLeast("renewals, share of the provider's rate", share, 0.85) // a tenth is kept free for bursts
		atMost("pages of a claim, last tenth to first", growth, 1.25)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// medians are of each column for itself: the middle ratio is not the ratio of the middles.
func medians(rounds []roundReport) roundReport {
	middle := func(column func(roundReport) float64) float64 {
		values := make([]float64, 0, len(rounds))
		for _, round := range rounds {
			values = append(values, column(round))
		}
		return median(values)
	}
	return roundReport{
		Service:       middle(func(r roundReport) float64 { return r.Service }),
		Twin:          middle(func(r roundReport) float64 { return r.Twin }),
		Ratio:         middle(func(r roundReport) float64 { return r.Ratio }),
		Prepared:      middle(func(r roundReport) float64 { return r.Prepared }),
		PreparedRatio: middle(func(r roundReport) float64 { return r.PreparedRatio }),
	}
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
