package orders

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// ImportName names a list of the provider's that is read again and again.
type ImportName string

// The imports.
const (
	// ImportOfDisputes reads the list of chargebacks.
	ImportOfDisputes ImportName = "disputes"
	// ImportOfRefunds reads the list of refunds.
	ImportOfRefunds ImportName = "refunds"
)

// Import is a claimed reading of one of the provider's lists.
type Import struct {
	Name ImportName
	// CoveredUntil is until when, by the provider's clock, everything was read before; zero for the first time.
	CoveredUntil time.Time

	leaseUntil time.Time
}

// ClaimImport takes an import that is due away from other workers for so long; ok is false when it is not due, or not ours.
func (s *Service) ClaimImport(ctx context.Context, name ImportName, lease time.Duration) (_ Import, ok bool, err error) {
	now := s.now()
	row, err := s.queries.ImportClaim(ctx, dbsqlc.ImportClaimParams{Name: string(name), Now: now, LeaseUntil: now.Add(lease)})
	if postgres.IsNoRows(err) {
		return Import{}, false, nil
	}
	if err != nil {
		return Import{}, false, fmt.Errorf("claim the import of %s: %w", name, postgres.Translate(err))
	}
	return Import{Name: name, CoveredUntil: orZero(row.CoveredUntil), leaseUntil: row.DueAt}, true, nil
}

// FinishImport gives a claimed import back until it is due again. Covered is until when everything was read now; zero where it
// was not, so that the next reading begins as early as this one. Whoever held it for too long, and has lost it, changes nothing.
func (s *Service) FinishImport(ctx context.Context, i Import, again time.Duration, covered time.Time) error {
	if covered.IsZero() {
		covered = i.CoveredUntil
	}
	err := s.queries.ImportDone(ctx, dbsqlc.ImportDoneParams{
		Name: string(i.Name), LeaseUntil: i.leaseUntil, DueAt: s.now().Add(again), CoveredUntil: timeOrNil(covered),
	})
	if err != nil {
		return fmt.Errorf("finish the import of %s: %w", i.Name, postgres.Translate(err))
	}
	return nil
}
