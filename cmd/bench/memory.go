package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// memory raises the provider's time until as many payments are in flight at once as asked for, and looks at the size of
// the service, which is a fresh process.
func (s *stack) memory(ctx context.Context) (_ *memoryReport, err error) {
	slow := s.options.slowness
	svc, sim, err := s.pair(ctx, slow)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, svc.stop(), sim.stop()) }()
	idle, err := memoryOf(ctx, svc.pid())
	if err != nil {
		return nil, err
	}
	l := &load{clients: s.options.inFlight, name: "memory"}
	p := processes{service: svc.pid(), simulator: sim.pid(), postgres: s.pg.PID(), redis: s.redis.PID()}
	if _, err := l.run(ctx, svc.addr, p, slow, max(s.options.duration, 2*slow)); err != nil {
		return nil, err
	}
	loaded, err := memoryOf(ctx, svc.pid())
	if err != nil {
		return nil, err
	}
	if err := s.settled(ctx); err != nil {
		return nil, err
	}
	report := &memoryReport{
		InFlight: l.flying.most.Load(), Payments: len(l.times),
		IdleMB: megabytes(idle.resident), ResidentMB: megabytes(loaded.resident), PeakMB: megabytes(loaded.peak),
	}
	if report.InFlight < int64(s.options.inFlight) {
		return nil, fmt.Errorf("only %d of %d payments were in flight at once", report.InFlight, s.options.inFlight)
	}
	progress("%d in flight: peak %.0f MB", report.InFlight, report.PeakMB)
	return report, nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// ready starts the service again and again on a migrated database.
func (s *stack) ready(ctx context.Context) (_ *readyReport, err error) {
	sim, err := s.startSimulator(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sim.stop()) }()
	report := &readyReport{}
	for range s.options.starts {
		svc, err := s.startService(ctx, sim.addr)
		if err != nil {
			return nil, err
		}
		if err := svc.stop(); err != nil {
			return nil, err
		}
		report.Starts = append(report.Starts, milliseconds(svc.took))
	}
	report.MedianMS, report.WorstMS = median(report.Starts), slices.Max(report.Starts)
	progress("ready after %.0f ms (median), %.0f ms (worst)", report.MedianMS, report.WorstMS)
	return report, nil
}
