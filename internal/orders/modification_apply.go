package orders

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tillway/internal/money"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// ErrNoModification is returned for news of a capture or void that we do not have.
var ErrNoModification = errors.New("no such capture or void")

// ApplyModification is the one door through which news reaches a capture or void, named by our reference at the provider, and
// through it its payment. It locks the order, folds the evidence into the facts and writes the result in one transaction. The
// same news twice is a no-op that succeeds. It returns ErrNoModification when the reference is not ours; the rider is not run
// then.
func (s *Service) ApplyModification(ctx context.Context, merchantTxnID string, ev Evidence, rider Rider) (Payment, Modification, error) {
	ev = ev.storable()
	c, err := s.applyModification(ctx, merchantTxnID, ev, rider)
	if postgres.IsUnique(err, "modifications_provider_transaction_id_key") ||
		postgres.IsUnique(err, "modifications_one_live_per_payment") {
		// Another one bears this transaction, or has taken its place: the provider's word cannot be taken, and must not be lost.
		ev.claimedElsewhere = true
		c, err = s.applyModification(ctx, merchantTxnID, ev, rider)
	}
	if err != nil {
		return Payment{}, Modification{}, fmt.Errorf("apply %s to modification %s: %w", ev.Source, merchantTxnID, err)
	}
	s.observe(ctx, c.payment)
	if s.observer != nil && c.before.Status.Open() && !c.modification.Status.Open() {
		s.observer.Settled(ctx, ev.Source, s.now().Sub(c.modification.SentAt))
	}
	return c.payment.payment, c.modification, nil
}

func (s *Service) applyModification(ctx context.Context, merchantTxnID string, ev Evidence, rider Rider) (*modificationChange, error) {
	var c *modificationChange
	var whole modificationRow
	var open discrepancyRows
	err := postgres.InPipelinedTx(ctx, s.pool,
		func(b *pgx.Batch) {
			b.Queue(dbsqlc.OrderLockByModification, merchantTxnID)
			b.Queue(dbsqlc.ModificationWhole, merchantTxnID).Query(whole.scan)
			b.Queue(dbsqlc.DiscrepanciesOpenByModification, merchantTxnID).Query(open.scan)
		},
		func(b *pgx.Batch) error {
			a, err := accountFromRows(whole.Payment, whole.Order, open)
			if err != nil {
				return err
			}
			m, err := modificationFromRow(whole.Modification)
			if err != nil {
				return err
			}
			now := s.now()
			c = foldModification(a, m, ev, s.rules(), now)
			if err := dbsqlc.New(postgres.NewQueue(b)).ModificationApply(ctx, c.params(now)); err != nil {
				return err
			}
			if err := c.payment.queue(ctx, b, m.CorrelationID, now); err != nil || rider == nil {
				return err
			}
			return rider(ctx, b, Applied{Order: a.order.ID, Payment: c.payment.payment, Verdict: c.verdict, Erased: a.order.Erased()})
		})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoModification
	}
	return c, err
}

// modificationRow is a modification, its payment and its order as ModificationWhole answers them, column by column.
type modificationRow struct {
	dbsqlc.Modification
	dbsqlc.Payment
	dbsqlc.Order
}

func (r *modificationRow) scan(rows pgx.Rows) error {
	whole, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[modificationRow])
	*r = whole
	return err
}

// ModificationNews is news of a capture or void.
type ModificationNews PaymentNews

func (n ModificationNews) apply(ctx context.Context, s *Service, rider Rider) error {
	_, _, err := s.ApplyModification(ctx, n.MerchantTxnID, n.Evidence, rider)
	return err
}

// Claim is what the news says.
func (n ModificationNews) Claim() (outcome string, amount money.Amount, moved bool) {
	return string(n.Evidence.Outcome), n.Evidence.Amount, n.Evidence.Outcome == OutcomeSucceeded
}
