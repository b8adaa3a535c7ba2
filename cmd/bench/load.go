package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is clients that buy one order after the other, each on a connection of its own.
type load struct {
	clients   int
	name      string
	measuring atomic.Bool
	flying    gauge

	mu    sync.Mutex
	times []times // of the payments that ended while measuring
}

// gauge counts what is under way, and remembers the most.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) enter() {
	now := g.now.Add(1)
	for most := g.most.Load(); now > most && !g.most.CompareAndSwap(most, now); most = g.most.Load() {
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

// processes whose share of the machine is reported.
type processes struct{ service, simulator, postgres, redis int }

// window is what a measurement saw.
type window struct {
	from, to time.Time
	// cpu is what each process spent between from and to.
	cpu map[string]time.Duration
}

func (w window) seconds() float64 { return w.to.Sub(w.from).Seconds() }

// run keeps the clients busy for warmup and then for duration, and measures the latter. A client that fails ends the run.
func (l *load) run(ctx context.Context, addr string, p processes, warmup, duration time.Duration) (window, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	for i := range l.clients {
		group.Go(func() error { return l.client(ctx, addr, fmt.Sprintf("%s-%d", l.name, i)) })
	}
	w, err := l.measure(ctx, p, warmup, duration)
	stop()
	// The first failure of a client explains better than the end of the wait that it caused.
	return w, errors.Join(group.Wait(), err)
}

func (l *load) client(ctx context.Context, addr, name string) error {
	s, err := newShopper(ctx, addr, name, &l.flying)
	if err != nil {
		return err
	}
	defer s.close()
	var mine []times
	for ctx.Err() == nil {
		_, t, err := s.buy()
		if err != nil {
			return err
		}
		if l.measuring.Load() {
			mine = append(mine, t)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, mine...)
	return nil
}

func (l *load) measure(ctx context.Context, p processes, warmup, duration time.Duration) (window, error) {
	if err := wait(ctx, warmup); err != nil {
		return window{}, err
	}
	before, err := p.cpu(ctx)
	if err != nil {
		return window{}, err
	}
	w := window{from: time.Now()}
	l.measuring.Store(true)
	err = wait(ctx, duration)
	l.measuring.Store(false)
	w.to = time.Now()
	if err != nil {
		return w, err
	}
	after, err := p.cpu(ctx)
	w.cpu = make(map[string]time.Duration, len(after))
	for name := range after {
		w.cpu[name] = after[name] - before[name]
	}
	return w, err
}

// cpu is what each process has spent so far, this one, which makes the load, included.
func (p processes) cpu(ctx context.Context) (map[string]time.Duration, error) {
	spent := make(map[string]time.Duration)
	for _, process := range []struct {
		name   string
		pid    int
		family bool
	}{
		{"service", p.service, false},
		{"simulator", p.simulator, false},
		{"postgres", p.postgres, true},
		{"redis", p.redis, false},
		{"load", os.Getpid(), false},
	} {
		var err error
		if spent[process.name], err = cpuTime(ctx, process.pid, process.family); err != nil {
			return nil, err
		}
	}
	return spent, nil
}

// wait rests for d, or less when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
