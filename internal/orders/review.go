package orders

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// The classes of discrepancies that a subscription finds in its orders. A person ends them; those of a period that is not paid end
// also when it is.
const (
	// ClassPeriodMissed: the period of the order was not charged in its time.
	ClassPeriodMissed = "period_missed"
	// ClassContractMissing: the purchase was paid, and the provider has not told of the contract that it begins.
	ClassContractMissing = "contract_missing"
	// ClassRenewalRefused: the provider refused to charge the period for a reason that lies with us.
	ClassRenewalRefused = "renewal_refused"
	// ClassPaidAfterEnd: the order was paid when its subscription had ended.
	ClassPaidAfterEnd = "paid_after_end"
)

// Review asks for a person to look at the order, by a discrepancy of one of the classes above about all that it is of. One that is
// open already is left as it is. It returns a fault NotFound.
func (s *Service) Review(ctx context.Context, id ids.Order, class string) error {
	switch class {
	case ClassPeriodMissed, ClassContractMissing, ClassRenewalRefused, ClassPaidAfterEnd:
	default:
		return fmt.Errorf("review order %s: %q is found by news alone", id, class)
	}
	var told []Discrepancy
	err := postgres.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		told, err = s.review(ctx, s.queries.WithTx(tx), id, class)
		return err
	})
	if postgres.IsNoRows(err) {
		return fault.Missing("order", id.String())
	}
	if err != nil {
		return fmt.Errorf("review order %s: %w", id, postgres.Translate(err))
	}
	s.observeTold(ctx, told)
	return nil
}

// review runs under the order's lock and returns the discrepancy that it has opened.
func (s *Service) review(ctx context.Context, queries *dbsqlc.Queries, id ids.Order, class string) ([]Discrepancy, error) {
	row, err := queries.OrderLock(ctx, id.UUID())
	if err != nil {
		return nil, err
	}
	rows, err := queries.DiscrepanciesOpenOfOrder(ctx, id.UUID())
	if err != nil {
		return nil, err
	}
	o, err := orderFromRow(row)
	if err != nil {
		return nil, err
	}
	open, err := discrepanciesFromRows(rows, o.Livemode)
	if err != nil {
		return nil, err
	}
	e := entry{account: account{order: o, open: open}}
	subject, now := Discrepancy{Subject: o.ID.String()}, s.now()
	if e.isOpen(class, subject.Subject) {
		return nil, nil
	}
	e.find(&discrepancyDraft{
		class: class, atRisk: o.Amount, theirs: map[string]any{},
		ours: map[string]any{"status": o.Status, "amount": o.Amount.Minor, "currency": o.Amount.Currency.Lower()},
	})
	e.review(subject, func(Discrepancy) bool { return false }, o.NeedsReview, now)
	if err := e.writeOrder(ctx, queries, o.CorrelationID, now); err != nil {
		return nil, err
	}
	return e.told, e.writeNoted(ctx, queries, now)
}
