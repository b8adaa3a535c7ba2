package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// ErrNoPayment is returned for news of a payment that we do not have.
var ErrNoPayment = errors.New("no such payment")

// Applied is what became of a piece of news.
type Applied struct {
	Order   ids.Order
	Payment Payment
	Verdict Verdict
}

// Rider queues a statement that commits together with the news, such as the notification that brought it.
type Rider func(ctx context.Context, batch *pgx.Batch, applied Applied) error

// Apply is the one door through which news reaches a payment, named by our reference at the provider. It locks the order,
// folds the evidence into the facts and writes the result in one transaction of two round trips. The same news twice is a
// no-op that succeeds. It returns ErrNoPayment when the reference is not ours; the rider is not run then.
func (s *Service) Apply(ctx context.Context, merchantTxnID string, ev Evidence, rider Rider) (Applied, error) {
	ev = ev.storable()
	c, err := s.applyLocked(ctx, merchantTxnID, ev, rider)
	if postgres.IsUnique(err, "payments_provider_transaction_id_key") {
		// Another payment bears this transaction: the provider's word cannot be taken, and must not be lost either.
		ev.claimedElsewhere = true
		c, err = s.applyLocked(ctx, merchantTxnID, ev, rider)
	}
	if err != nil {
		return Applied{}, fmt.Errorf("apply %s to %s: %w", ev.Source, merchantTxnID, err)
	}
	s.observe(ctx, c)
	return c.applied(), nil
}

func (s *Service) applyLocked(ctx context.Context, merchantTxnID string, ev Evidence, rider Rider) (*change, error) {
	var c *change
	var pair pairRow
	err := postgres.InPipelinedTx(ctx, s.pool,
		func(b *pgx.Batch) {
			b.Queue(dbsqlc.OrderLockByTxn, merchantTxnID)
			b.Queue(dbsqlc.PaymentWithOrderByTxn, merchantTxnID).Query(pair.scan)
		},
		func(b *pgx.Batch) error {
			o, p, err := pairFromRows(pair.Payment, pair.Order)
			if err != nil {
				return err
			}
			now := s.now()
			c = fold(o, p, ev, s.rules(), now)
			if err := c.queue(ctx, b, p.CorrelationID, now); err != nil || rider == nil {
				return err
			}
			return rider(ctx, b, c.applied())
		})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoPayment
	}
	return c, err
}

// queue writes the change, if there is anything to write, with the next batch of the transaction that holds the lock.
func (c *change) queue(ctx context.Context, b *pgx.Batch, correlationID string, now time.Time) error {
	if !c.keep {
		return nil
	}
	queries := dbsqlc.New(postgres.NewQueue(b))
	args, err := c.params(correlationID, now)
	if err != nil {
		return err
	}
	if _, err := queries.PaymentApply(ctx, args); err != nil || c.discrepancy == nil {
		return err
	}
	discrepancy, err := c.discrepancyParams(now)
	if err != nil {
		return err
	}
	return queries.DiscrepancyOpen(ctx, discrepancy)
}

// applyAt writes evidence on a payment whose state is known from our own write, in one round trip. It takes the locking
// road only when the order has moved on meanwhile, or there is a discrepancy to write as well.
func (s *Service) applyAt(ctx context.Context, o Order, p Payment, ev Evidence) (Applied, error) {
	ev = ev.storable()
	now := s.now()
	c := fold(o, p, ev, s.rules(), now)
	if c.discrepancy != nil {
		return s.Apply(ctx, p.MerchantTxnID, ev, nil)
	}
	args, err := c.params(p.CorrelationID, now)
	if err != nil {
		return Applied{}, err
	}
	touched, err := s.queries.PaymentApply(ctx, args)
	if err != nil || touched == 0 {
		// The locking road also serves a failed write: if the first did commit, repeating the news changes nothing.
		return s.Apply(ctx, p.MerchantTxnID, ev, nil)
	}
	s.observe(ctx, c)
	return c.applied(), nil
}

func (s *Service) observe(ctx context.Context, c *change) {
	if s.observer == nil || c.payment.Status == c.before.Status {
		return
	}
	s.observer.PaymentMoved(ctx, c.payment)
	if c.before.Status.Open() && !c.payment.Status.Open() {
		s.observer.Settled(ctx, c.payment, c.evidence.Source, s.now().Sub(c.payment.SentAt))
	}
}

func (c *change) applied() Applied {
	return Applied{Order: c.order.ID, Payment: c.payment, Verdict: c.verdict}
}

// pairRow is a payment and its order as PaymentWithOrderByTxn answers them, column by column.
type pairRow struct {
	dbsqlc.Payment
	dbsqlc.Order
}

func (r *pairRow) scan(rows pgx.Rows) error {
	pair, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[pairRow])
	*r = pair
	return err
}
