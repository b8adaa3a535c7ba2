// Package reconcile keeps our record true to the provider's by asking: about every payment, capture, void and refund whose
// outcome is open or not confirmed, and every dispute that may go on, when its check is due (design §6). It sends refunds that nobody has sent, looks after
// authorizations that are about to lapse, and ends the orders whose time is over.
//
// It owns when and how many are asked at once, not what an answer means: that is orders.Service.Apply's to judge. Any
// number of processes may sweep one database; a payment is claimed by one of them for each check, and a claim that its
// worker left behind runs out by itself.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tillway/internal/orders"
	"tillway/internal/telemetry"
)

// Defaults of Options. What is claimed is asked about at once, within one patience and so well inside the half minute for
// which it is claimed: another worker must not ask the same while we do, and a worker that is killed must not have kept more
// from the others than it was asking about.
const (
	DefaultBatch       = DefaultConcurrency
	DefaultConcurrency = 16
	DefaultPatience    = 10 * time.Second
)

const (
	expiryBatch = 100

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

// Options adjust a Settler; zero fields take their defaults.
type Options struct {
	// Batch is how many payments are claimed at once, Concurrency how many are asked about at once.
	Batch, Concurrency int
	// Patience bounds one question, its wait for the outbound rate limit included.
	Patience time.Duration
}

// Settler asks the provider about what is open.
type Settler struct {
	orders *orders.Service
	log    *slog.Logger
	now    func() time.Time
	opts   Options
}

// New makes a Settler.
func New(service *orders.Service, log *slog.Logger, now func() time.Time, opts Options) *Settler {
	if opts.Batch == 0 {
		opts.Batch = DefaultBatch
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = DefaultConcurrency
	}
	if opts.Patience == 0 {
		opts.Patience = DefaultPatience
	}
	return &Settler{orders: service, log: log, now: now, opts: opts}
}

// Run sweeps until ctx ends. Failures are logged and tried again at growing distances. Questions that are under way when
// ctx ends are seen through.
func (s *Settler) Run(ctx context.Context) error {
	var group errgroup.Group
	group.Go(func() error { s.repeat(ctx, "payments", s.Settle); return nil })
	group.Go(func() error { s.repeat(ctx, "refunds", s.SettleRefunds); return nil })
	group.Go(func() error { s.repeat(ctx, "modifications", s.SettleModifications); return nil })
	group.Go(func() error { s.repeat(ctx, "disputes", s.SettleDisputes); return nil })
	group.Go(func() error { s.repeat(ctx, "expiry", s.Expire); return nil })
	return group.Wait()
}

// Swept is what one sweep did.
type Swept struct {
	Done int
	// More says that the batch was full: there may be more.
	More bool
}

// Settle settles the payments that are due now, one batch of them. A question that is not answered is no failure of the
// sweep: it is logged and asked again later.
func (s *Settler) Settle(ctx context.Context) (Swept, error) {
	due, err := claim(ctx, s.opts.Batch, s.orders.ClaimDue)
	return forEach(ctx, s, "payments", due, func(ctx context.Context, p orders.Payment) error {
		return s.orders.SettlePayment(telemetry.WithCorrelationID(ctx, p.CorrelationID), p, s.opts.Patience)
	}), err
}

// SettleRefunds sends the refunds that wait to be sent and asks about the others that are due now, one batch of them.
func (s *Settler) SettleRefunds(ctx context.Context) (Swept, error) {
	due, err := claim(ctx, s.opts.Batch, s.orders.ClaimDueRefunds)
	return forEach(ctx, s, "refunds", due, func(ctx context.Context, r orders.Refund) error {
		return s.orders.SettleRefund(telemetry.WithCorrelationID(ctx, r.CorrelationID), r, s.opts.Patience)
	}), err
}

// SettleModifications asks about the captures and voids that are due now, one batch of them.
func (s *Settler) SettleModifications(ctx context.Context) (Swept, error) {
	due, err := claim(ctx, s.opts.Batch, s.orders.ClaimDueModifications)
	return forEach(ctx, s, "modifications", due, func(ctx context.Context, m orders.Modification) error {
		return s.orders.SettleModification(telemetry.WithCorrelationID(ctx, m.CorrelationID), m, s.opts.Patience)
	}), err
}

// SettleDisputes asks about the disputes that are due now, one batch of them.
func (s *Settler) SettleDisputes(ctx context.Context) (Swept, error) {
	due, err := claim(ctx, s.opts.Batch, s.orders.ClaimDueDisputes)
	return forEach(ctx, s, "disputes", due, func(ctx context.Context, d orders.Dispute) error {
		return s.orders.SettleDispute(telemetry.WithCorrelationID(ctx, d.CorrelationID), d, s.opts.Patience)
	}), err
}

// forEach settles what was claimed, several at once. What is not begun when ctx ends is left: the claim runs out, and
// somebody else settles it.
func forEach[T any](ctx context.Context, s *Settler, sweep string, due []T, settle func(context.Context, T) error) Swept {
	var done atomic.Int64
	var group errgroup.Group
	group.SetLimit(s.opts.Concurrency)
	failures := make([]error, len(due))
	for i, one := range due {
		group.Go(func() error {
			if ctx.Err() == nil {
				failures[i] = settle(context.WithoutCancel(ctx), one)
				done.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // its functions keep their errors
	if err := summary(failures); err != nil {
		s.log.WarnContext(ctx, "not settled", slog.String("sweep", sweep), slog.Any("error", err))
	}
	return Swept{Done: int(done.Load()), More: len(due) == s.opts.Batch}
}

// claim takes what is due, within the time that a database may take for it.
func claim[T any](ctx context.Context, batch int, due func(context.Context, int) ([]T, error)) ([]T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, databasePatience, errDatabase)
	defer cancel()
	return due(ctx, batch)
}

// summary keeps a sweep's failures to one line: when the provider is away, all of a batch fail alike.
func summary(failures []error) error {
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

// Expire ends orders whose time is over, one batch of them.
func (s *Settler) Expire(ctx context.Context) (Swept, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, databasePatience, errDatabase)
	defer cancel()
	ended, err := s.orders.ExpireDue(ctx, expiryBatch)
	return Swept{Done: ended, More: ended == expiryBatch}, err
}

// repeat sweeps again and again, at once while there is more to do.
func (s *Settler) repeat(ctx context.Context, name string, sweep func(context.Context) (Swept, error)) {
	pause := soonest
	for ctx.Err() == nil {
		ctx := telemetry.Begin(ctx, s.now)
		swept, err := sweep(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return
		case err != nil:
			pause = min(max(2*pause, latest), longestBackoff)
			s.log.WarnContext(ctx, "sweep failed", slog.String("sweep", name), slog.Int("done", swept.Done),
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
