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

// ErrNoRefund is returned for news of a refund that we do not have.
var ErrNoRefund = errors.New("no such refund")

// RefundName is how news names a refund: by our reference, by the provider's transaction, or by both.
type RefundName struct{ MerchantTxnID, ProviderTransactionID string }

// ApplyRefund is the one door through which news reaches a refund. It locks the order, folds the evidence into the facts and
// writes the result in one transaction. The same news twice is a no-op that succeeds. It returns ErrNoRefund when the name is
// not one of ours; the rider is not run then.
func (s *Service) ApplyRefund(ctx context.Context, name RefundName, ev RefundEvidence, rider Rider) (Refund, Verdict, error) {
	c, err := s.applyRefund(ctx, name, ev.storable(), rider)
	if err != nil {
		return Refund{}, "", fmt.Errorf("apply %s to refund %s%s: %w", ev.Source, name.MerchantTxnID, name.ProviderTransactionID, err)
	}
	s.observeTold(ctx, c.told)
	return c.refund, c.verdict, nil
}

func (s *Service) applyRefund(ctx context.Context, name RefundName, ev RefundEvidence, rider Rider) (*refundChange, error) {
	named, err := s.queries.RefundNamed(ctx, dbsqlc.RefundNamedParams{
		MerchantTxnID: name.MerchantTxnID, ProviderTransactionID: name.ProviderTransactionID,
	})
	if postgres.IsNoRows(err) {
		return nil, ErrNoRefund
	}
	if err != nil {
		return nil, err
	}
	judge := func(a account, r Refund, now time.Time) (*refundChange, error) {
		return foldRefund(a, r, ev, s.rules(), now), nil
	}
	c, err := s.changeRefund(ctx, named, judge, rider)
	if postgres.IsUnique(err, "refunds_provider_transaction_id_key") {
		// Another refund bears this transaction: the provider's word cannot be taken, and must not be lost either.
		ev.claimedElsewhere = true
		c, err = s.changeRefund(ctx, named, judge, rider)
	}
	return c, err
}

// changeRefund lets judge decide, under the order's lock, what becomes of a refund, and writes it in the same transaction.
// Nothing is written when judge refuses.
func (s *Service) changeRefund(
	ctx context.Context, named dbsqlc.RefundNamedRow, judge func(account, Refund, time.Time) (*refundChange, error), rider Rider,
) (*refundChange, error) {
	var c *refundChange
	var whole wholeRow
	var open discrepancyRows
	err := postgres.InPipelinedTx(ctx, s.pool,
		func(b *pgx.Batch) {
			b.Queue(dbsqlc.OrderLock, named.OrderID)
			b.Queue(dbsqlc.RefundWhole, named.ID).Query(whole.scan)
			b.Queue(dbsqlc.DiscrepanciesOpenOfOrder, named.OrderID).Query(open.scan)
		},
		func(b *pgx.Batch) error {
			a, err := accountFromRows(whole.Payment, whole.Order, open)
			if err != nil {
				return err
			}
			r, err := refundFromRow(whole.Refund)
			if err != nil {
				return err
			}
			now := s.now()
			if c, err = judge(a, r, now); err != nil {
				return err
			}
			if err := c.queue(ctx, b, now); err != nil || rider == nil {
				return err
			}
			return rider(ctx, b, Applied{Order: c.order.ID, Payment: c.payment, Refund: c.refund.ID, Verdict: c.verdict, Erased: c.order.Erased()})
		})
	return c, err
}

// queue writes the change, if there is anything to write, with the next batch of the transaction that holds the lock.
func (c *refundChange) queue(ctx context.Context, b *pgx.Batch, now time.Time) error {
	if !c.keep {
		return nil
	}
	queries := dbsqlc.New(postgres.NewQueue(b))
	args, err := c.params(now)
	if err != nil {
		return err
	}
	disputed := c.payment.AmountDisputed
	if disputed < c.disputedBefore { // what the refund holds now must be free when it is written
		if err := c.writeCover(ctx, queries); err != nil {
			return err
		}
	}
	if _, err := queries.RefundApply(ctx, args); err != nil {
		return err
	}
	if disputed > c.disputedBefore {
		if err := c.writeCover(ctx, queries); err != nil {
			return err
		}
	}
	return c.writeNoted(ctx, queries, now)
}

// wholeRow is a refund, its payment and its order as RefundWhole answers them, column by column.
type wholeRow struct {
	dbsqlc.Refund
	dbsqlc.Payment
	dbsqlc.Order
}

func (r *wholeRow) scan(rows pgx.Rows) error {
	whole, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[wholeRow])
	*r = whole
	return err
}

// GetRefund returns a refund, or a fault NotFound.
func (s *Service) GetRefund(ctx context.Context, id ids.Refund) (Refund, error) {
	row, err := s.queries.RefundGet(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return Refund{}, missingRefund(id)
	}
	if err != nil {
		return Refund{}, fmt.Errorf("read refund %s: %w", id, postgres.Translate(err))
	}
	return refundFromRow(row)
}
