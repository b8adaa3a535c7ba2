package report

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/fault"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/subscriptions/calendar"
	"tillway/internal/subscriptions/lifecycle"
)

// longest is the longest range of one report: a year, and the day that a leap year has more.
const longest = 366 * 24 * time.Hour

// Reader reads reports. It is safe for concurrent use.
type Reader struct {
	pool *pgxpool.Pool
	now  func() time.Time
}

// New makes a Reader. Now is the clock that subscriptions go by.
func New(pool *pgxpool.Pool, now func() time.Time) *Reader { return &Reader{pool: pool, now: now} }

// Summary reads how subscriptions stand now, and what happened from a moment until before another. It returns a fault Invalid for
// a range that ends before it begins, or is longer than 366 days.
func (r *Reader) Summary(ctx context.Context, from, to time.Time) (Summary, error) {
	switch {
	case !from.Before(to):
		return Summary{}, fault.InvalidParam("from", "from must be before to.")
	case to.Sub(from) > longest:
		return Summary{}, fault.InvalidParam("from", "from must be at most 366 days before to.")
	}
	summary := Summary{From: from, To: to}
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := postgres.InTxWith(ctx, r.pool, snapshot, func(ctx context.Context, tx pgx.Tx) error {
		b := books{queries: dbsqlc.New(tx), from: from, to: to, accounts: make(map[string]*account)}
		summary.AsOf = r.now()
		var err error
		summary.Currencies, err = b.read(ctx)
		return err
	})
	if err != nil {
		return Summary{}, fmt.Errorf("summarize subscriptions: %w", postgres.Translate(err))
	}
	return summary, nil
}

// books are the accounts of one report while it is read.
type books struct {
	queries  *dbsqlc.Queries
	from, to time.Time
	accounts map[string]*account
}

func (b *books) read(ctx context.Context) ([]Currency, error) {
	for _, step := range []func(context.Context) error{b.readTotals, b.readMoves, b.readRevenue, b.readDunning} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	currencies := make([]Currency, 0, len(b.accounts))
	for _, code := range slices.Sorted(maps.Keys(b.accounts)) {
		currencies = append(currencies, b.accounts[code].close())
	}
	return currencies, nil
}

// of is the account of a currency, opened when it is first met.
func (b *books) of(currency string) *account {
	a := b.accounts[currency]
	if a == nil {
		a = &account{mrr: new(big.Rat), Currency: Currency{
			Currency: strings.ToLower(currency), Subscriptions: make(map[lifecycle.Status]int64),
			Dunning: Dunning{Recovered: Recovered{ByRetry: []ByRetry{}}},
		}}
		for _, status := range lifecycle.Statuses() {
			a.Subscriptions[status] = 0
		}
		b.accounts[currency] = a
	}
	return a
}

func (b *books) readTotals(ctx context.Context) error {
	rows, err := b.queries.SubscriptionTotals(ctx)
	if err != nil {
		return fmt.Errorf("read totals: %w", err)
	}
	for _, row := range rows {
		a, status := b.of(row.Currency), lifecycle.Status(row.Status)
		a.Subscriptions[status] += row.Subscriptions
		if status != lifecycle.StatusIncomplete && !status.Final() {
			a.living += row.Subscriptions
		}
		if status == lifecycle.StatusActive || status == lifecycle.StatusPastDue {
			a.mrr.Add(a.mrr, monthly(row.Amount, calendar.Interval(row.IntervalUnit), int64(row.IntervalCount)))
		}
	}
	return nil
}

func (b *books) readMoves(ctx context.Context) error {
	rows, err := b.queries.SubscriptionsBegunAndEnded(ctx, dbsqlc.SubscriptionsBegunAndEndedParams{Since: b.from, Until: b.to})
	if err != nil {
		return fmt.Errorf("read who came and went: %w", err)
	}
	for _, row := range rows {
		a := b.of(row.Currency)
		if row.Begun {
			a.begun += row.Since
			a.New += row.Within
			continue
		}
		a.ended += row.Since
		a.Churned.Total += row.Within
		switch {
		case row.Owing:
			a.Churned.Dunning += row.Within
		case lifecycle.Status(row.ToStatus) == lifecycle.StatusExpired:
			a.Churned.Expired += row.Within
		default:
			a.Churned.Canceled += row.Within
		}
	}
	return nil
}

func (b *books) readRevenue(ctx context.Context) error {
	rows, err := b.queries.SubscriptionRevenue(ctx, dbsqlc.SubscriptionRevenueParams{Since: b.from, Until: b.to})
	if err != nil {
		return fmt.Errorf("read revenue: %w", err)
	}
	for _, row := range rows {
		a := b.of(row.Currency)
		a.CollectedRevenue, a.RecoveredRevenue = row.Collected, row.Recovered
	}
	return nil
}

func (b *books) readDunning(ctx context.Context) error {
	rows, err := b.queries.SubscriptionsDunned(ctx, dbsqlc.SubscriptionsDunnedParams{Since: b.from, Until: b.to})
	if err != nil {
		return fmt.Errorf("read what was dunned: %w", err)
	}
	for _, row := range rows {
		b.of(row.Currency).Dunning.add(row)
	}
	return nil
}

// add counts what became of some; rows come in the order of their retries.
func (d *Dunning) add(row dbsqlc.SubscriptionsDunnedRow) {
	n := row.Subscriptions
	d.Entered += n
	switch lifecycle.Status(row.Outcome) {
	case lifecycle.StatusActive:
		d.Recovered.Total += n
		if row.Initiator == "merchant" {
			d.Recovered.ByRetry = append(d.Recovered.ByRetry, ByRetry{Retry: row.Earlier, Count: n})
		} else {
			d.Recovered.ByNewCard += n
		}
	case lifecycle.StatusUnpaid:
		d.Unpaid += n
	case lifecycle.StatusCanceled:
		d.Canceled += n
	case lifecycle.StatusExpired:
		d.Expired += n
	case lifecycle.StatusPaused:
		d.Paused += n
	case lifecycle.StatusPastDue, lifecycle.StatusIncomplete, lifecycle.StatusTrialing:
		d.Open += n
	}
}
