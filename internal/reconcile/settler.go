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
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"tillway/internal/orders"
	"tillway/internal/sweep"
	"tillway/internal/telemetry"
)

const (
	// DefaultPatience bounds one question: well inside the half minute for which what is asked about is claimed.
	DefaultPatience = 10 * time.Second

	expiryBatch = 100
)

// Options adjust a Settler; zero fields take their defaults.
type Options struct {
	// Batch is how many payments are claimed at once, Concurrency how many are asked about at once.
	Batch, Concurrency int
	// Patience bounds one question, its wait for the outbound rate limit included.
	Patience time.Duration
}

// Settler asks the provider about what is open.
type Settler struct {
	orders   *orders.Service
	sweeper  sweep.Sweeper
	patience time.Duration
}

// New makes a Settler.
func New(service *orders.Service, log *slog.Logger, now func() time.Time, opts Options) *Settler {
	if opts.Batch == 0 {
		opts.Batch = sweep.DefaultConcurrency
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = sweep.DefaultConcurrency
	}
	if opts.Patience == 0 {
		opts.Patience = DefaultPatience
	}
	return &Settler{
		orders: service, patience: opts.Patience,
		sweeper: sweep.Sweeper{Log: log, Now: now, Batch: opts.Batch, Concurrency: opts.Concurrency},
	}
}

// Run sweeps until ctx ends. Failures are logged and tried again at growing distances. Questions that are under way when
// ctx ends are seen through.
func (s *Settler) Run(ctx context.Context) error {
	var group errgroup.Group
	for name, settle := range map[string]func(context.Context) (sweep.Result, error){
		"payments": s.Settle, "refunds": s.SettleRefunds, "modifications": s.SettleModifications, "disputes": s.SettleDisputes,
		"expiry": s.Expire,
	} {
		group.Go(func() error { s.sweeper.Repeat(ctx, name, settle); return nil })
	}
	return group.Wait()
}

// Settle settles the payments that are due now, one batch of them. A question that is not answered is no failure of the
// sweep: it is logged and asked again later.
func (s *Settler) Settle(ctx context.Context) (sweep.Result, error) {
	return sweep.Due(ctx, s.sweeper, "payments", s.orders.ClaimDue, func(ctx context.Context, p orders.Payment) error {
		return s.orders.SettlePayment(telemetry.WithCorrelationID(ctx, p.CorrelationID), p, s.patience)
	})
}

// SettleRefunds sends the refunds that wait to be sent and asks about the others that are due now, one batch of them.
func (s *Settler) SettleRefunds(ctx context.Context) (sweep.Result, error) {
	return sweep.Due(ctx, s.sweeper, "refunds", s.orders.ClaimDueRefunds, func(ctx context.Context, r orders.Refund) error {
		return s.orders.SettleRefund(telemetry.WithCorrelationID(ctx, r.CorrelationID), r, s.patience)
	})
}

// SettleModifications asks about the captures and voids that are due now, one batch of them.
func (s *Settler) SettleModifications(ctx context.Context) (sweep.Result, error) {
	return sweep.Due(ctx, s.sweeper, "modifications", s.orders.ClaimDueModifications, func(ctx context.Context, m orders.Modification) error {
		return s.orders.SettleModification(telemetry.WithCorrelationID(ctx, m.CorrelationID), m, s.patience)
	})
}

// SettleDisputes asks about the disputes that are due now, one batch of them.
func (s *Settler) SettleDisputes(ctx context.Context) (sweep.Result, error) {
	return sweep.Due(ctx, s.sweeper, "disputes", s.orders.ClaimDueDisputes, func(ctx context.Context, d orders.Dispute) error {
		return s.orders.SettleDispute(telemetry.WithCorrelationID(ctx, d.CorrelationID), d, s.patience)
	})
}

// Expire ends orders whose time is over, one batch of them.
func (s *Settler) Expire(ctx context.Context) (sweep.Result, error) {
	ctx, cancel := sweep.Patiently(ctx)
	defer cancel()
	ended, err := s.orders.ExpireDue(ctx, expiryBatch)
	return sweep.Result{Done: ended, More: ended == expiryBatch}, err
}
