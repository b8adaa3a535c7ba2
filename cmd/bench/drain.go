package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// renewalsReport is how renewals that were due at once were charged, in tables of different sizes.
type renewalsReport struct {
	// Rate is ONERWAY_RATE_LIMIT, calls a second.
	Rate  int           `json:"rate"`
	Sizes []drainReport `json:"sizes"`
}

// drainReport is one drain. Share is what it reached of the rate; Slowest is the slowest ten seconds of it, charges a second.
type drainReport struct {
	Subscriptions int     `json:"subscriptions"`
	Due           int     `json:"due"`
	Seconds       float64 `json:"seconds"`
	PerSecond     float64 `json:"per_second"`
	Share         float64 `json:"share"`
	Slowest       float64 `json:"slowest_per_second"`
	// Most is how many charges began in one second at most, at its full seconds.
	Most int `json:"most_in_a_second"`
	// First and Last are claims of the first and the last tenth of what was due.
	First claimReport `json:"first_claims"`
	Last  claimReport `json:"last_claims"`
	Plan  []string    `json:"plan"`
}

// worstWindow is the time over which the slowest stretch is looked for.
const worstWindow = 10

// measure reads the rates from when each charge began, in the order of time.
func (d *drainReport) measure(starts []time.Time, rate int) {
	if len(starts) < 2 {
		return
	}
	first, took := starts[0], starts[len(starts)-1].Sub(starts[0])
	d.Seconds = took.Seconds()
	d.PerSecond = float64(len(starts)-1) / d.Seconds
	d.Share = d.PerSecond / float64(rate)
	seconds := make([]int, int(d.Seconds)+1)
	for _, at := range starts {
		seconds[int(at.Sub(first).Seconds())]++
	}
	d.Slowest = d.PerSecond
	window := 0
	for i, count := range seconds {
		d.Most = max(d.Most, count)
		window += count
		if i >= worstWindow {
			window -= seconds[i-worstWindow]
		}
		if i >= worstWindow-1 && i < len(seconds)-1 { // the last second is not a whole one
			d.Slowest = min(d.Slowest, float64(window)/worstWindow)
		}
	}
}

// growth is how many more pages the last claims read than the first, as a ratio.
func (d *drainReport) growth() float64 {
	if d.First.Pages == 0 {
		return 0
	}
	return d.Last.Pages / d.First.Pages
}

// worst is the least share and the largest growth of all sizes.
func (r *renewalsReport) worst() (share, growth float64) {
	for i, d := range r.Sizes {
		if i == 0 || d.Share < share {
			share = d.Share
		}
		growth = max(growth, d.growth())
	}
	return share, growth
}

func (r *renewalsReport) print(t io.Writer) {
	fmt.Fprintf(t, "\nRENEWALS\tat most %d calls a second\n", r.Rate)
	for _, d := range r.Sizes {
		fmt.Fprintf(t, "%d subscriptions, %d due\t%.1f s\t%.1f charges a second\tslowest ten seconds %.1f\tmost in one %d\n",
			d.Subscriptions, d.Due, d.Seconds, d.PerSecond, d.Slowest, d.Most)
		d.First.print(t, "first tenth")
		d.Last.print(t, "last tenth")
	}
	for _, d := range r.Sizes {
		fmt.Fprintf(t, "\nA claim at %d subscriptions\n%s\n", d.Subscriptions, strings.Join(d.Plan, "\n"))
	}
}

func (c claimReport) print(t io.Writer, name string) {
	fmt.Fprintf(t, "  %s\t%d claims\t%.1f rows\t%.2f ms\t%.0f pages each\n", name, c.Claims, c.Rows, c.MS, c.Pages)
}
