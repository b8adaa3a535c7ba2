package orders

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/page"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// ErrNoDispute is returned for news of a dispute that is not on record, and that does not prove which payment it is about: only
// the provider's answer to a query does.
var ErrNoDispute = errors.New("no such dispute")

// ApplyDispute is the one door through which news reaches a dispute, one that is new included. It locks the order, folds the
// evidence into the facts and writes the result in one transaction. The same news twice is a no-op that succeeds. It returns
// ErrNoDispute, or ErrNoPayment where the money was taken of none of our payments; the rider is not run then.
func (s *Service) ApplyDispute(ctx context.Context, ev DisputeEvidence, rider Rider) (Dispute, Verdict, error) {
	ev = ev.storable()
	c, err := s.applyDispute(ctx, ev, rider)
	if postgres.IsUnique(err, "disputes_chargeback_key") || postgres.IsUnique(err, "disputes_pre_dispute_key") {
		c, err = s.applyDispute(ctx, ev, rider) // somebody else has recorded it meanwhile, of whichever payment
	}
	if err != nil {
		return Dispute{}, "", fmt.Errorf("apply %s to dispute %s: %w", ev.Source, ev.ProviderDisputeID, err)
	}
	s.observeTold(ctx, c.told)
	return c.dispute, c.verdict, nil
}

func (s *Service) applyDispute(ctx context.Context, ev DisputeEvidence, rider Rider) (*disputeChange, error) {
	named, err := s.queries.DisputeNamed(ctx, dbsqlc.DisputeNamedParams{
		ProviderDisputeID: ev.ProviderDisputeID, Warning: ev.warns(),
	})
	switch {
	case err == nil:
		return s.applyDisputeLocked(ctx, named.OrderID, named.PaymentID, ev, rider)
	case !postgres.IsNoRows(err):
		return nil, err
	case !ev.proven(), ev.Outcome == DisputeOutcomeNotFound:
		return nil, ErrNoDispute
	case ev.Amount.IsZero() && !ev.warns():
		return nil, fmt.Errorf("the provider names no amount of chargeback %s that can be read", ev.ProviderDisputeID)
	}
	origin, err := s.queries.DisputeOrigin(ctx, ev.Origin)
	if postgres.IsNoRows(err) {
		return nil, ErrNoPayment
	}
	if err != nil {
		return nil, err
	}
	return s.applyDisputeLocked(ctx, origin.OrderID, origin.ID, ev, rider)
}

func (s *Service) applyDisputeLocked(
	ctx context.Context, order, payment uuid.UUID, ev DisputeEvidence, rider Rider,
) (*disputeChange, error) {
	var c *disputeChange
	var pair pairRow
	var known []dbsqlc.Dispute
	var origins []uuid.UUID
	var open discrepancyRows
	err := postgres.InPipelinedTx(ctx, s.pool,
		func(b *pgx.Batch) {
			b.Queue(dbsqlc.OrderLock, order)
			b.Queue(dbsqlc.OrderOfDispute, payment).Query(pair.scan)
			b.Queue(dbsqlc.DisputeNamed, ev.ProviderDisputeID, ev.warns()).Query(into(&known))
			b.Queue(dbsqlc.DisputeOrigin, ev.Origin).Query(func(rows pgx.Rows) (err error) {
				origins, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (id uuid.UUID, err error) {
					return id, row.Scan(&id, nil)
				})
				return err
			})
			b.Queue(dbsqlc.DiscrepanciesOpenOfOrder, order).Query(open.scan)
		},
		func(b *pgx.Batch) error {
			a, err := accountFromRows(pair.Payment, pair.Order, open)
			if err != nil {
				return err
			}
			var dispute *Dispute
			if len(known) > 0 {
				d, err := disputeFromRow(known[0])
				if err != nil {
					return err
				}
				dispute = &d
			}
			// Which payment it is about is told by a query alone; of a notification that member is not signed.
			foreign := dispute != nil && ev.Source == SourceQuery && ev.Origin != "" &&
				(len(origins) == 0 || ids.From[ids.PaymentEntity](origins[0]) != dispute.Payment)
			now := s.now()
			c = foldDispute(a, dispute, foreign, ev, s.rules(), now)
			if err := c.queue(ctx, b, now); err != nil || rider == nil {
				return err
			}
			return rider(ctx, b, Applied{
				Order: c.order.ID, Payment: c.payment, Dispute: c.dispute.ID, Verdict: c.verdict, Erased: c.order.Erased(),
			})
		})
	return c, err
}

// DisputeNews is news of a dispute.
type DisputeNews struct{ Evidence DisputeEvidence }

func (n DisputeNews) apply(ctx context.Context, s *Service, rider Rider) error {
	_, _, err := s.ApplyDispute(ctx, n.Evidence, rider)
	return err
}

// Claim is what the news says.
func (n DisputeNews) Claim() (outcome string, amount money.Amount, moved bool) {
	_, status := n.Evidence.Outcome.Phase().shown("")
	return string(n.Evidence.Outcome), n.Evidence.Amount, n.Evidence.Outcome.Phase() != "" && status.takes()
}

// GetDispute returns a dispute, or a fault NotFound.
func (s *Service) GetDispute(ctx context.Context, id ids.Dispute) (Dispute, error) {
	row, err := s.queries.DisputeGet(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return Dispute{}, fault.Missing("dispute", id.String())
	}
	if err != nil {
		return Dispute{}, fmt.Errorf("read dispute %s: %w", id, postgres.Translate(err))
	}
	return disputeFromRow(row)
}

// DisputeFilter selects disputes; zero fields select all.
type DisputeFilter struct {
	Order   ids.Order
	Payment ids.Payment
	Status  DisputeStatus
	Created TimeRange
}

// ListDisputes returns a page of disputes. An unknown cursor or status is a fault Invalid.
func (s *Service) ListDisputes(ctx context.Context, f DisputeFilter, p Page) (List[Dispute], error) {
	if f.Status != "" && !f.Status.Valid() {
		return List[Dispute]{}, fault.InvalidParam("status", "status must be one of %s.", joined(DisputeStatuses()))
	}
	k, err := page.Keyset[ids.DisputeEntity](p, "disputes")
	if err != nil {
		return List[Dispute]{}, err
	}
	page.Equal(&k, "status = %s", string(f.Status))
	if !f.Order.IsZero() {
		k.Where("order_id = %s", f.Order.UUID())
	}
	if !f.Payment.IsZero() {
		k.Where("payment_id = %s", f.Payment.UUID())
	}
	f.Created.Where(&k)
	return page.Read(ctx, s.pool, k, disputeFromRow, s.queries.DisputeExists)
}
