package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/sweep"
)

// settings are those by which the server can count what each statement costs: none, until countStatements has some counted. Where nobody
// asks, it need not have the extension.
func settings(scenarios []string) map[string]string {
	if !slices.Contains(scenarios, "renewals") {
		return nil
	}
	return map[string]string{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "none"}
}

// countStatements has the statements of the service's database counted, on connections that are opened from now on.
func (s *stack) countStatements(ctx context.Context) error {
	for _, statement := range []string{
		"CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
		"ALTER DATABASE tillway SET pg_stat_statements.track = 'top'",
	} {
		if _, err := s.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("have statements counted (pg_stat_statements comes with PostgreSQL's contrib): %w", err)
		}
	}
	return nil
}

// claims are what the service's claims of due subscriptions have cost PostgreSQL so far.
type claims struct {
	calls, rows, pages int64
	ms                 float64
}

func (c claims) since(before claims) claims {
	return claims{c.calls - before.calls, c.rows - before.rows, c.pages - before.pages, c.ms - before.ms}
}

// claimed reads what claims have cost. Those of this program, inside EXPLAIN, are statements of another name.
func (s *stack) claimed(ctx context.Context) (claims, error) {
	var c claims
	err := s.db.QueryRow(ctx, `SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(rows), 0)::bigint,
		coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint, coalesce(sum(total_exec_time), 0)
		FROM pg_stat_statements WHERE query LIKE '-- name: SubscriptionsClaim :many%'`).
		Scan(&c.calls, &c.rows, &c.pages, &c.ms)
	if err != nil {
		return c, fmt.Errorf("read what claims have cost: %w", err)
	}
	return c, nil
}

// claimReport is what one claim cost, on average over Claims of them. Pages are those of the statement as a whole: finding the
// rows and writing them.
type claimReport struct {
	Claims int64   `json:"claims"`
	Rows   float64 `json:"rows"`
	MS     float64 `json:"ms"`
	Pages  float64 `json:"pages"`
}

func (c claims) report() claimReport {
	calls := float64(max(c.calls, 1))
	return claimReport{Claims: c.calls, Rows: float64(c.rows) / calls, MS: c.ms / calls, Pages: float64(c.pages) / calls}
}

// tenths are what claims cost while the first tenth of what was due was claimed, and while the last was. Samples are of all that
// claims have cost, the first from before the first of them.
func tenths(samples []claims, due int) (first, last claimReport) {
	begin := samples[0]
	at := func(share float64) claims {
		for _, sample := range samples {
			if float64(sample.rows-begin.rows) >= share*float64(due) {
				return sample
			}
		}
		return samples[len(samples)-1]
	}
	return at(0.1).since(begin).report(), at(1).since(at(0.9)).report()
}

// claimPlan is how PostgreSQL makes a claim of what is due at a time. Nothing of it remains.
func (s *stack) claimPlan(ctx context.Context, at time.Time) (plan []string, err error) {
	tx, err := s.db.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("explain a claim: %w", err)
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	rows, err := tx.Query(ctx, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) "+dbsqlc.SubscriptionsClaim,
		at.Add(time.Minute), time.Time{}, uuid.Nil, at, int32(sweep.DefaultConcurrency))
	if err != nil {
		return nil, fmt.Errorf("explain a claim: %w", err)
	}
	plan, err = pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("explain a claim: %w", err)
	}
	return plan, nil
}
