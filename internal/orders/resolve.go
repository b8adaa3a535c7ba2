package orders

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/page"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// maxReason is how long the reason for closing a discrepancy may be, in characters.
const maxReason = 500

// classMissing: the provider knows a transaction that we do not (opened by internal/webhooks). Only a person ends it.
const classMissing = "missing_here"

// DiscrepancyClasses lists every class.
func DiscrepancyClasses() []string {
	return []string{
		classAmount, classCurrency, classStatus, classTransaction, classSurplus, classLatePayment, classMissing, classReversal,
		classUnsettled, classRefund, classRefundMatch, classOverRefund, classDispute, classOverDispute,
		ClassPeriodMissed, ClassContractMissing, ClassRenewalRefused, ClassPaidAfterEnd,
	}
}

// DiscrepancyStatuses lists every status of a discrepancy in the order of API.md.
func DiscrepancyStatuses() []DiscrepancyStatus {
	return []DiscrepancyStatus{DiscrepancyOpen, DiscrepancyResolved, DiscrepancyAutoResolved}
}

// DiscrepancyFilter selects discrepancies; zero fields select all.
type DiscrepancyFilter struct {
	Class   string
	Status  DiscrepancyStatus
	Order   ids.Order
	Payment ids.Payment
}

// ListDiscrepancies returns a page of discrepancies, those first seen last first. An unknown cursor, class or status is a
// fault Invalid.
func (s *Service) ListDiscrepancies(ctx context.Context, f DiscrepancyFilter, p Page) (List[Discrepancy], error) {
	if f.Class != "" && !slices.Contains(DiscrepancyClasses(), f.Class) {
		return List[Discrepancy]{}, fault.InvalidParam("class", "class must be one of %s.", joined(DiscrepancyClasses()))
	}
	if f.Status != "" && !slices.Contains(DiscrepancyStatuses(), f.Status) {
		return List[Discrepancy]{}, fault.InvalidParam("status", "status must be one of %s.", joined(DiscrepancyStatuses()))
	}
	k, err := page.Keyset[ids.DiscrepancyEntity](p, "discrepancies")
	if err != nil {
		return List[Discrepancy]{}, err
	}
	page.Equal(&k, "class = %s", f.Class)
	page.Equal(&k, "status = %s", string(f.Status))
	if !f.Order.IsZero() {
		k.Where("order_id = %s", f.Order.UUID())
	}
	if !f.Payment.IsZero() {
		k.Where("payment_id = %s", f.Payment.UUID())
	}
	return page.Read(ctx, s.pool, k, s.discrepancyOf, s.queries.DiscrepancyExists)
}

func (s *Service) discrepancyOf(row dbsqlc.Discrepancy) (Discrepancy, error) {
	return discrepancyFromRow(row, s.config.Livemode)
}

// Resolve asks to close a discrepancy by hand. By is the id of the API key that asks.
type Resolve struct {
	Discrepancy               ids.Discrepancy
	Reason, By, CorrelationID string
}

// ResolveDiscrepancy closes an open discrepancy by hand and tells it in an event of its order, which needs a person from then
// on only while another one is open. Nothing else moves: what has to be done about the money is done before. Repeating the
// request is a no-op that answers the same. It returns a fault NotFound, Invalid for the reason, or Conflict
// discrepancy_not_open when it has ended otherwise.
func (s *Service) ResolveDiscrepancy(ctx context.Context, req Resolve) (Discrepancy, error) {
	req.Reason = strings.TrimSpace(req.Reason)
	if req.Reason == "" {
		return Discrepancy{}, fault.MissingParam("reason")
	}
	if err := details.CheckText("reason", req.Reason, maxReason); err != nil {
		return Discrepancy{}, err
	}
	var resolved Discrepancy
	moved := false
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		resolved, moved, err = s.resolve(ctx, s.queries.WithTx(tx), req)
		return err
	})
	if postgres.IsNoRows(err) {
		return Discrepancy{}, fault.Missing("discrepancy", req.Discrepancy.String())
	}
	if err != nil {
		return Discrepancy{}, fmt.Errorf("resolve discrepancy %s: %w", req.Discrepancy, postgres.Translate(err))
	}
	if moved {
		s.observeTold(ctx, []Discrepancy{resolved})
	}
	return resolved, nil
}

// resolve runs under the locks of the order, if there is one, and then of the discrepancy: the order in which news takes them.
func (s *Service) resolve(ctx context.Context, queries *dbsqlc.Queries, req Resolve) (_ Discrepancy, moved bool, err error) {
	row, err := queries.DiscrepancyGet(ctx, req.Discrepancy.UUID())
	if err != nil {
		return Discrepancy{}, false, err
	}
	var order Order
	if row.OrderID != nil {
		locked, err := queries.OrderLock(ctx, *row.OrderID)
		if err != nil {
			return Discrepancy{}, false, err
		}
		if order, err = orderFromRow(locked); err != nil {
			return Discrepancy{}, false, err
		}
	}
	if row, err = queries.DiscrepancyLock(ctx, row.ID); err != nil {
		return Discrepancy{}, false, err
	}
	d, err := s.discrepancyOf(row)
	if err != nil {
		return d, false, err
	}
	if d.Status != DiscrepancyOpen {
		return d, false, refuseResolve(d, req)
	}
	now := s.now()
	if _, err := queries.DiscrepancyResolve(ctx, dbsqlc.DiscrepancyResolveParams{
		ID: row.ID, Now: now, ResolvedBy: req.By, ResolvedReason: req.Reason,
	}); err != nil {
		return d, false, err
	}
	d.Status, d.Resolution = DiscrepancyResolved, &Resolution{At: now, By: req.By, Reason: req.Reason}
	if now.After(d.LastSeen) {
		d.LastSeen = now
	}
	if order.ID.IsZero() {
		return d, true, nil
	}
	return d, true, s.reviewed(ctx, queries, order, d, req.CorrelationID)
}

// refuseResolve lets the same request through again, and nothing else.
func refuseResolve(d Discrepancy, req Resolve) error {
	if by := d.Resolution; by != nil && by.By == req.By && by.Reason == req.Reason {
		return nil
	}
	return fault.New(fault.Conflict, "discrepancy_not_open", "The discrepancy is %s already.", strings.ReplaceAll(string(d.Status), "_", " "))
}

// reviewed tells the order's log, and whether the order still needs a person.
func (s *Service) reviewed(ctx context.Context, queries *dbsqlc.Queries, o Order, d Discrepancy, correlationID string) error {
	open, err := queries.DiscrepanciesOpenOfOrder(ctx, o.ID.UUID())
	if err != nil {
		return err
	}
	object, err := asJSON(d.Resource())
	if err != nil {
		return err
	}
	touched, err := queries.OrderReviewed(ctx, dbsqlc.OrderReviewedParams{
		ID: o.ID.UUID(), Version: o.Version, NeedsReview: len(open) > 0, Now: d.Resolution.At,
		EventID: ids.New[ids.EventEntity]().UUID(), EventObject: object, CorrelationID: correlationID,
	})
	if err == nil && touched == 0 {
		return postgres.ErrGuard // not reached: its lock is ours
	}
	return err
}
