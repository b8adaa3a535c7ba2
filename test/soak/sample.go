package soak

import (
	"context"
	"fmt"
	"time"

	"tillway/test/audit"
	"tillway/test/storefront"
)

// samples are taken over a run, at most one in a second and at least one in ten.
const (
	samples           = 120
	seldom, mostOften = 10 * time.Second, time.Second
)

// connectionsSQL counts what the service holds at PostgreSQL.
const connectionsSQL = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tillway'`

// Sample is one look at the running service; sums over its processes.
type Sample struct {
	At          time.Duration
	ResidentMB  float64
	Goroutines  float64
	Connections float64
	// Open is how many operations had no end yet, Visits how many shoppers had come to the end of theirs.
	Open, Visits int
}

// watch samples until the duration is over.
func (s *soak) watch(ctx context.Context, shop *storefront.Shop) error {
	every := min(seldom, max(mostOften, s.opts.Duration/samples))
	for begun := time.Now(); time.Since(begun) < s.opts.Duration; {
		if err := pause(ctx, every); err != nil {
			return err
		}
		sample, err := s.sample(ctx)
		if err != nil {
			return err
		}
		sample.At, sample.Visits = time.Since(begun), shop.Record().Stories()
		s.report.Samples = append(s.report.Samples, sample)
		if s.opts.Watch != nil {
			s.opts.Watch(sample)
		}
	}
	return nil
}

func (s *soak) sample(ctx context.Context) (sample Sample, err error) {
	for _, service := range s.world.Services {
		resident, err := service.Metric(ctx, "process_resident_memory_bytes")
		if err != nil {
			return sample, err
		}
		goroutines, err := service.Goroutines(ctx)
		if err != nil {
			return sample, err
		}
		sample.ResidentMB += resident / (1 << 20)
		sample.Goroutines += float64(goroutines)
	}
	if err := s.world.DB.QueryRow(ctx, connectionsSQL).Scan(&sample.Connections); err != nil {
		return sample, fmt.Errorf("count connections: %w", err)
	}
	sample.Open, err = audit.Unsettled(ctx, s.world.DB)
	return sample, err
}
