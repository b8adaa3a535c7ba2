package orders

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/money"
	"tillway/internal/postgres"
)

// maxCounted bounds what counting costs; where more is open, more is no other news.
const maxCounted = 10_000

// OpenDiscrepancies is how many discrepancies of a class are open in one currency, and what they put at risk. The currency
// is zero where the money is not known.
type OpenDiscrepancies struct {
	Class    string
	Count    int64
	Currency money.Currency
	AtRisk   int64
}

// CountOpenDiscrepancies counts the open discrepancies, the oldest ten thousand of them, by class and currency.
func (s *Service) CountOpenDiscrepancies(ctx context.Context) ([]OpenDiscrepancies, error) {
	rows, err := s.queries.DiscrepanciesStanding(ctx, maxCounted)
	if err != nil {
		return nil, fmt.Errorf("count open discrepancies: %w", postgres.Translate(err))
	}
	counts := make([]OpenDiscrepancies, 0, len(rows))
	for _, row := range rows {
		count := OpenDiscrepancies{Class: row.Class, Count: row.Discrepancies, AtRisk: row.MoneyAtRisk}
		if row.Currency != "" {
			if count.Currency, err = money.ParseCurrency(row.Currency); err != nil {
				return nil, fmt.Errorf("count open discrepancies: %w", err)
			}
		}
		counts = append(counts, count)
	}
	return counts, nil
}

// OldestOpenRefund returns how long ago the oldest refund was asked for whose outcome is still open, those in the provider's
// review included; zero when none is.
func (s *Service) OldestOpenRefund(ctx context.Context) (time.Duration, error) {
	createdAt, err := s.queries.RefundOldestOpen(ctx)
	if postgres.IsNoRows(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find the oldest open refund: %w", postgres.Translate(err))
	}
	return max(0, s.now().Sub(createdAt)), nil
}
