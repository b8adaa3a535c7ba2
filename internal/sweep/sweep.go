// Package sweep runs work that comes due: it claims a batch, does several of it at once, and begins again, soon while there is
// work and at growing distances while there is none or it fails. What is due, and what is done about it, belongs to the domain.
//
// Any number of processes may sweep one database. What is claimed is begun at once, well inside the time for which it is claimed:
// a worker that is killed must not have kept more from the others than it was working on.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tillway/internal/telemetry"
)

const (
	// DefaultConcurrency is how much of a batch is done at once, and what a batch holds, where nobody says otherwise.
	DefaultConcurrency = 16

	// soonest and latest bound the pause between sweeps: short while there is work, longer while there is none.
	soonest = 250 * time.Millisecond
	latest  = time.Second
	// longestBackoff bounds the pause after sweeps that failed.
	longestBackoff = 30 * time.Second
	// databasePatience bounds what a sweep asks of the database. It ends its own statements sooner; a database that has gone
	// without a word, as a failed host does, would else hold the sweep until the connection is given up, a quarter of an hour.
	databasePatience = 15 * time.Second
)

var errDatabase = errors.New("the database did not answer in time")

// Result is what one sweep did.
type Result struct {
	Done int
	// More says that the batch was full: there may be more.
	More bool
}

// Sweeper runs sweeps. Now is real time, by which they are measured.
type Sweeper struct {
	Log *slog.Logger
	Now func() time.Time
	// Batch is how much is claimed at once, Concurrency how much of it is done at once.
	Batch, Concurrency int
}

// Patiently bounds what a sweep asks of the database.
func Patiently(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, databasePatience, errDatabase)
}

// Due claims one batch of what is due and does it, several at once. What is not begun when ctx ends is left: the claim runs out,
// and somebody else does it; what is under way is seen through. What fails is logged and is no failure of the sweep.
func Due[T any](
	ctx context.Context, s Sweeper, name string, claim func(ctx context.Context, batch int) ([]T, error),
	do func(ctx context.Context, one T) error,
) (Result, error) {
	claiming, cancel := Patiently(ctx)
	due, err := claim(claiming, s.Batch)
	cancel()
	var done atomic.Int64
	var group errgroup.Group
	group.SetLimit(s.Concurrency)
	failures := make([]error, len(due))
	for i, one := range due {
		group.Go(func() error {
			if ctx.Err() == nil {
				failures[i] = do(context.WithoutCancel(ctx), one)
				done.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // its functions keep their errors
	if err := Summary(failures); err != nil {
		s.Log.WarnContext(ctx, "not settled", slog.String("sweep", name), slog.Any("error", err))
	}
	return Result{Done: int(done.Load()), More: len(due) == s.Batch}, err
}

// Summary keeps a sweep's failures to one line: when the provider is away, all of a batch fail alike.
func Summary(failures []error) error {
	count := 0
	var first error
	for _, err := range failures {
		if err == nil {
			continue
		}
		if count++; first == nil {
			first = err
		}
	}
	if count > 1 {
		return fmt.Errorf("%d of %d, the first: %w", count, len(failures), first)
	}
	return first
}

// Drain sweeps for as long as there is more to do, and no longer than until a sweep fails.
func (s Sweeper) Drain(ctx context.Context, name string, sweep func(context.Context) (Result, error)) {
	for ctx.Err() == nil {
		swept, err := sweep(telemetry.Begin(ctx, s.Now))
		if err != nil {
			s.Log.WarnContext(ctx, "sweep failed", slog.String("sweep", name), slog.Int("done", swept.Done), slog.Any("error", err))
		}
		if err != nil || !swept.More {
			return
		}
	}
}

// Repeat sweeps until ctx ends, again at once while there is more to do. Failures are logged and tried again at growing distances.
func (s Sweeper) Repeat(ctx context.Context, name string, sweep func(context.Context) (Result, error)) {
	pause := soonest
	for ctx.Err() == nil {
		ctx := telemetry.Begin(ctx, s.Now)
		swept, err := sweep(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return
		case err != nil:
			pause = min(max(2*pause, latest), longestBackoff)
			s.Log.WarnContext(ctx, "sweep failed", slog.String("sweep", name), slog.Int("done", swept.Done),
				slog.Duration("again_in", pause), slog.Any("error", err))
		case swept.More:
			pause = 0
		case swept.Done > 0:
			pause = soonest
		default:
			pause = min(max(2*pause, soonest), latest)
		}
		wait(ctx, pause)
	}
}

func wait(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
