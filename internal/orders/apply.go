package orders

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// ErrNoPayment is returned for news of a payment that we do not have.
var ErrNoPayment = errors.New("no such payment")

// Applied is what became of a piece of news.
type Applied struct {
	Order ids.Order
	// Payment is the payment; for news of a refund, the one that the refund is of.
	Payment Payment
	// Refund is the refund that the news is about, zero for news of the payment itself.
	Refund ids.Refund
	// Dispute is the dispute that it is about, zero for other news.
	Dispute ids.Dispute
	Verdict Verdict
	// KeyFree: the payment was never sent, and the idempotency key of its request may be used again.
	KeyFree bool
	// Erased: the order's customer was deleted, and nothing that the news tells of a person may be kept.
	Erased bool
}

// Rider queues a statement that commits together with the news, such as the notification that brought it.
type Rider func(ctx context.Context, batch *pgx.Batch, applied Applied) error

// Apply is the one door through which news reaches a payment, named by our reference at the provider. It folds the evidence
// into the facts and writes the result in one transaction. The same news twice is a no-op that succeeds. It returns
// ErrNoPayment when the reference is not ours; the rider is not run then. What it names of a contract is kept first
// (Config.Contracts): where that fails, nothing is written, and the news has to come again.
//
// It decides on what it has read without a lock and writes guarded by that order's version; when the order has moved on in
// between, or has discrepancies that the news may end, it does so under the order's lock, where nothing can.
func (s *Service) Apply(ctx context.Context, merchantTxnID string, ev Evidence, rider Rider) (Applied, error) {
	ev = ev.storable()
	if err := s.learnFrom(ctx, merchantTxnID, ev); err != nil {
		return Applied{}, fmt.Errorf("apply %s to %s: %w", ev.Source, merchantTxnID, err)
	}
	c, err := s.applyGuarded(ctx, merchantTxnID, ev, rider)
	if errors.Is(err, errOrderMoved) {
		c, err = s.applyLocked(ctx, merchantTxnID, ev, rider)
	}
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

// applyGuarded reads, decides and writes in two round trips without a lock. It returns errOrderMoved when what it read no
// longer held when it wrote, or was not all that the decision needs; nothing is written then.
func (s *Service) applyGuarded(ctx context.Context, merchantTxnID string, ev Evidence, rider Rider) (*change, error) {
	row, err := s.queries.PaymentWithOrderByTxn(ctx, merchantTxnID)
	if postgres.IsNoRows(err) {
		return nil, ErrNoPayment
	}
	if err != nil {
		return nil, err
	}
	if row.Order.NeedsReview {
		return nil, errOrderMoved // it has discrepancies, which are read under the lock
	}
	a, err := accountFromRows(row.Payment, row.Order, nil)
	if err != nil {
		return nil, err
	}
	// A batch without BEGIN is one transaction: it is committed as a whole or not at all.
	batch := &pgx.Batch{}
	c, err := s.decide(ctx, batch, a, ev, rider)
	if err != nil || batch.Len() == 0 {
		return c, err
	}
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		if postgres.IsRetryable(err) {
			return nil, errOrderMoved
		}
		return nil, err
	}
	return c, nil
}

// applyLocked does the same under the order's lock, in a transaction of two round trips.
func (s *Service) applyLocked(ctx context.Context, merchantTxnID string, ev Evidence, rider Rider) (*change, error) {
	var c *change
	var pair pairRow
	var open discrepancyRows
	err := postgres.InPipelinedTx(ctx, s.pool,
		func(b *pgx.Batch) {
			b.Queue(dbsqlc.OrderLockByTxn, merchantTxnID)
			b.Queue(dbsqlc.PaymentWithOrderByTxn, merchantTxnID).Query(pair.scan)
			b.Queue(dbsqlc.DiscrepanciesOpenByTxn, merchantTxnID).Query(open.scan)
		},
		func(b *pgx.Batch) error {
			a, err := accountFromRows(pair.Payment, pair.Order, open)
			if err != nil {
				return err
			}
			c, err = s.decide(ctx, b, a, ev, rider)
			return err
		})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoPayment
	}
	return c, err
}

// decide folds the evidence into what was read and queues what follows from it, the rider last.
func (s *Service) decide(ctx context.Context, b *pgx.Batch, a account, ev Evidence, rider Rider) (*change, error) {
	now := s.now()
	c := fold(a, ev, s.rules(), now)
	if err := c.queue(ctx, b, a.payment.CorrelationID, now); err != nil || rider == nil {
		return c, err
	}
	return c, rider(ctx, b, c.applied())
}

// applyAt writes evidence on a payment whose state is known from our own write, in one round trip. It takes the locking
// road only when the order has moved on meanwhile, or has open discrepancies, or there is more to write than the payment.
func (s *Service) applyAt(ctx context.Context, o Order, p Payment, ev Evidence) (Applied, error) {
	ev = ev.storable()
	s.learnFromAnswer(ctx, o, p, ev)
	ev.Contract = Contract{}
	now := s.now()
	c := fold(account{order: o, payment: p}, ev, s.rules(), now)
	if o.NeedsReview || len(c.noted) > 0 || c.owed != nil {
		return s.Apply(ctx, p.MerchantTxnID, ev, nil)
	}
	batch := &pgx.Batch{}
	err := c.queue(ctx, batch, p.CorrelationID, now)
	if err == nil && batch.Len() > 0 {
		err = s.pool.SendBatch(ctx, batch).Close()
	}
	if err != nil {
		// The locking road also serves a failed write: if the first did commit, repeating the news changes nothing.
		return s.Apply(ctx, p.MerchantTxnID, ev, nil)
	}
	s.observe(ctx, c)
	return c.applied(), nil
}

// observeTold reports the discrepancies that an event has told of.
func (s *Service) observeTold(ctx context.Context, told []Discrepancy) {
	if s.observer == nil {
		return
	}
	for _, d := range told {
		s.observer.DiscrepancyMoved(ctx, d)
	}
}

func (s *Service) observe(ctx context.Context, c *change) {
	s.observeTold(ctx, c.told)
	if s.observer == nil || c.payment.Status == c.before.Status {
		return
	}
	s.observer.PaymentMoved(ctx, c.payment)
	if c.before.Status.Open() && !c.payment.Status.Open() {
		s.observer.Settled(ctx, c.evidence.Source, s.now().Sub(c.payment.SentAt))
	}
}

func (c *change) applied() Applied {
	return Applied{
		Order: c.order.ID, Payment: c.payment, Verdict: c.verdict, KeyFree: c.keyFree, Erased: c.order.Erased(),
	}
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

// discrepancyRows are the open discrepancies of an order.
type discrepancyRows []dbsqlc.Discrepancy

func (r *discrepancyRows) scan(rows pgx.Rows) error {
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dbsqlc.Discrepancy])
	*r = found
	return err
}

func accountFromRows(payment dbsqlc.Payment, order dbsqlc.Order, rows discrepancyRows) (account, error) {
	o, p, err := pairFromRows(payment, order)
	if err != nil {
		return account{}, err
	}
	open, err := discrepanciesFromRows(rows, o.Livemode)
	return account{order: o, payment: p, open: open}, err
}
