package subscriptions

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"tillway/internal/sweep"
	"tillway/internal/telemetry"
)

// Worker advances the subscriptions that are due, and has contracts ended. Any number of processes may run one on one database.
type Worker struct {
	service *Service
	sweeper sweep.Sweeper
	// helpers are how many sweeps join in while there is more than one can do.
	helpers int
}

const (
	// secondsUnderWay is how long a renewal may take for the whole rate to be used: waiting for its turn, and for the provider.
	secondsUnderWay = 3
	mostHelpers     = 15
)

// NewWorker makes a Worker. PerSecond is how many calls a second the provider takes: as many are under way at once as it takes to
// make them, in sweeps of their own, so that a slow one keeps only its own batch. While little is due one of them looks, and costs the
// database no more. Now is real time, by which sweeps are measured.
func NewWorker(service *Service, perSecond int, log *slog.Logger, now func() time.Time) *Worker {
	return &Worker{
		service: service, helpers: min(secondsUnderWay*perSecond/sweep.DefaultConcurrency, mostHelpers),
		sweeper: sweep.Sweeper{Log: log, Now: now, Batch: sweep.DefaultConcurrency, Concurrency: sweep.DefaultConcurrency},
	}
}

// Run sweeps until ctx ends. What is under way when ctx ends is seen through.
func (w *Worker) Run(ctx context.Context) error {
	var group errgroup.Group
	help := make(chan struct{}, w.helpers)
	group.Go(func() error {
		w.sweeper.Repeat(ctx, "subscriptions", func(ctx context.Context) (sweep.Result, error) {
			swept, err := w.Advance(ctx)
			if swept.More {
				call(help)
			}
			return swept, err
		})
		return nil
	})
	for range w.helpers {
		group.Go(func() error { w.help(ctx, help); return nil })
	}
	group.Go(func() error { w.sweeper.Repeat(ctx, "contracts", w.End); return nil })
	return group.Wait()
}

// call wakes every helper that is not at work.
func call(help chan<- struct{}) {
	for range cap(help) {
		select {
		case help <- struct{}{}:
		default:
		}
	}
}

// help sweeps whenever it is called, for as long as there is more to do.
func (w *Worker) help(ctx context.Context, called <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-called:
			w.sweeper.Drain(ctx, "subscriptions", w.Advance)
		}
	}
}

// Advance takes the subscriptions that are due as far as they go, one batch of them.
func (w *Worker) Advance(ctx context.Context) (sweep.Result, error) {
	return sweep.Due(ctx, w.sweeper, "subscriptions", w.service.Claim, func(ctx context.Context, sub Subscription) error {
		return w.service.Advance(telemetry.WithCorrelationID(ctx, sub.CorrelationID), sub.ID)
	})
}

// End has contracts ended that charge nothing any more, one batch of them.
func (w *Worker) End(ctx context.Context) (sweep.Result, error) {
	return sweep.Due(ctx, w.sweeper, "contracts", w.service.ClaimEnding, w.service.End)
}
