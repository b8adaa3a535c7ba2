package soak

import (
	"fmt"
	"slices"
)

// A quantity is flat when its median over the last third of the samples is at most a tenth, and a slack for what is small,
// above its median over the first third.
const growth = 1.10

// Curve is a quantity that must not grow.
type Curve struct {
	Name string
	// First and Last are the medians over the first and the last third, Most is the largest sample.
	First, Last, Most float64
	// Slack is what it may grow by besides the tenth.
	Slack float64
}

// Flat tells whether it has not grown.
func (c Curve) Flat() bool { return c.Last <= c.First*growth+c.Slack }

// String shows the curve and the verdict.
func (c Curve) String() string {
	verdict := "flat"
	if !c.Flat() {
		verdict = "GROWS"
	}
	return fmt.Sprintf("%s: %.0f in the first third, %.0f in the last, %.0f at most: %s", c.Name, c.First, c.Last, c.Most, verdict)
}

// Curves are the quantities of a run.
func Curves(samples []Sample) []Curve {
	return []Curve{
		curve("resident memory, MB", 16, samples, func(s Sample) float64 { return s.ResidentMB }),
		curve("goroutines", 100, samples, func(s Sample) float64 { return s.Goroutines }),
		curve("PostgreSQL connections", 4, samples, func(s Sample) float64 { return s.Connections }),
	}
}

func curve(name string, slack float64, samples []Sample, of func(Sample) float64) Curve {
	c := Curve{Name: name, Slack: slack}
	values := make([]float64, 0, len(samples))
	for _, s := range samples {
		values = append(values, of(s))
		c.Most = max(c.Most, of(s))
	}
	third := len(values) / 3
	c.First, c.Last = median(values[:third]), median(values[len(values)-third:])
	return c
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
