package audit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/sandbox"
)

// underWay names the operations that are in flight or due at this moment: money operations without an end, checks and
// expiries whose time has come, and jobs that wait to run.
const underWay = `
SELECT 'payment ' || id FROM payments WHERE status IN ('processing', 'requires_action', 'unknown')
UNION ALL SELECT 'refund ' || id FROM refunds WHERE status IN ('pending', 'in_review', 'unknown')
UNION ALL SELECT kind || ' ' || id FROM modifications WHERE status IN ('pending', 'unknown')
UNION ALL SELECT 'check ' || id FROM payments
    WHERE status NOT IN ('processing', 'requires_action', 'unknown') AND next_check_at <= now()
UNION ALL SELECT 'expiry ' || id FROM orders WHERE status = 'open' AND expires_at <= now()
UNION ALL SELECT 'job ' || id FROM river_job
    WHERE kind = 'notification_retry' AND (state IN ('available', 'running') OR state IN ('retryable', 'scheduled') AND scheduled_at <= now())`

// unsettled counts what has no end yet, due or not, and what ended without success but is being asked about again. Refunds that
// a person was called to look at are left out, and so are jobs that sleep: they wait for a payment that is not ours. Money that
// is held is at rest once the provider has confirmed it.
const unsettled = `
SELECT (SELECT count(*) FROM payments
        WHERE status IN ('processing', 'requires_action', 'unknown')
           OR status = 'authorized' AND NOT confirmed
           OR next_check_at < CASE WHEN status = 'succeeded' THEN 'infinity' ELSE now() + interval '1 minute' END)
     + (SELECT count(*) FROM modifications
        WHERE status IN ('pending', 'unknown') OR next_check_at < now() + interval '1 minute')
     + (SELECT count(*) FROM refunds r JOIN orders o ON o.id = r.order_id
        WHERE r.status IN ('pending', 'in_review', 'unknown')
              AND NOT EXISTS (SELECT FROM discrepancies d WHERE d.order_id = o.id AND d.status = 'open' AND d.class <> 'dispute')
           OR r.status = 'failed' AND r.next_check_at < now() + interval '1 minute')
     + (SELECT count(*) FROM orders WHERE status = 'open' AND expires_at <= now())
     + (SELECT count(*) FROM disputes WHERE next_check_at < now() + interval '1 minute')
     + (SELECT count(*) FROM payment_methods WHERE status = 'pending')
     + (SELECT count(*) FROM river_job WHERE kind = 'notification_retry' AND state IN ('available', 'running'))
     + (SELECT count(*) FROM river_job WHERE kind = 'payment_method_removal' AND state IN ('available', 'running', 'retryable', 'scheduled'))`

// UnderWay returns a name for every operation that is in flight or due now.
func UnderWay(ctx context.Context, db *pgxpool.Pool) ([]string, error) {
	rows, err := db.Query(ctx, underWay)
	if err != nil {
		return nil, fmt.Errorf("list what is under way: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list what is under way: %w", err)
	}
	return names, nil
}

// Unsettled counts the operations that have no end yet.
func Unsettled(ctx context.Context, db *pgxpool.Pool) (count int, err error) {
	if err := db.QueryRow(ctx, unsettled).Scan(&count); err != nil {
		return 0, fmt.Errorf("count what is not settled: %w", err)
	}
	return count, nil
}

// EndClaims lets the time pass for which dead workers hold jobs.
func EndClaims(ctx context.Context, db *pgxpool.Pool) error {
	return run(ctx, db, `UPDATE river_job SET state = 'available', scheduled_at = now()
		WHERE kind IN ('notification_retry', 'payment_method_removal', 'payment_method_abandon') AND state = 'running'`)
}

// FreeCards ends what dead requests hold of cards that were being saved. Those of the living have begun lately: a claim is for
// thirty seconds more than the provider may take.
func FreeCards(ctx context.Context, db *pgxpool.Pool) error {
	return run(ctx, db, "UPDATE payment_methods SET busy_until = now() WHERE status = 'pending' AND busy_until BETWEEN now() AND now() + interval '26 seconds'")
}

// Hurry brings the checks of what has no end yet forward, those that dead workers hold as well, and the giving up of cards that
// nobody asks again to be saved.
func Hurry(ctx context.Context, db *pgxpool.Pool) error {
	if err := FreeCards(ctx, db); err != nil {
		return err
	}
	return run(ctx, db,
		`UPDATE river_job SET state = 'available', scheduled_at = now()
		WHERE state IN ('scheduled', 'retryable') AND (kind = 'payment_method_removal' OR kind = 'payment_method_abandon'
			AND EXISTS (SELECT FROM payment_methods m WHERE m.id = (args ->> 'payment_method')::uuid AND m.status = 'pending'))`,
		`UPDATE payments SET next_check_at = now()
		WHERE next_check_at > now() AND status NOT IN ('failed', 'canceled', 'expired') AND NOT (status = 'authorized' AND confirmed)`,
		"UPDATE modifications SET next_check_at = now() WHERE next_check_at > now() AND status IN ('pending', 'unknown')",
		"UPDATE refunds SET next_check_at = now() WHERE next_check_at > now() AND status <> 'failed'")
}

// AskAboutDisputes brings the daily questions about chargebacks forward, and the next reading of their list.
func AskAboutDisputes(ctx context.Context, db *pgxpool.Pool) error {
	if err := EndReadings(ctx, db); err != nil {
		return err
	}
	return run(ctx, db, "UPDATE disputes SET next_check_at = now() WHERE next_check_at > now()")
}

// EndReadings ends what dead processes hold of the provider's lists. A living one that reads meanwhile is joined by another.
func EndReadings(ctx context.Context, db *pgxpool.Pool) error {
	return run(ctx, db, "UPDATE imports SET due_at = now()")
}

// Waiting names the refunds that wait for a second person.
func Waiting(ctx context.Context, db *pgxpool.Pool) ([]string, error) {
	rows, err := db.Query(ctx, "SELECT merchant_txn_id FROM refunds WHERE status = 'pending' AND approval = 'required'")
	if err != nil {
		return nil, fmt.Errorf("list refunds that wait for an approval: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// LookAgain lets the time come at which the service asks once more about what ended without success, as far as the provider's
// books say that it has moved money after all: of the others it would hear what it knows.
func LookAgain(ctx context.Context, db *pgxpool.Pool, books sandbox.Books) error {
	var moved []string
	for _, t := range books.Transactions {
		if t.Status == "S" {
			moved = append(moved, t.MerchantTxnID)
		}
	}
	for _, statement := range []string{
		`UPDATE payments SET next_check_at = now()
		WHERE next_check_at > now() AND status IN ('failed', 'canceled', 'expired') AND merchant_txn_id = ANY ($1)`,
		`UPDATE refunds SET next_check_at = now() WHERE next_check_at > now() AND status = 'failed' AND merchant_txn_id = ANY ($1)`,
		`UPDATE modifications SET next_check_at = now() WHERE next_check_at > now() AND status = 'failed' AND merchant_txn_id = ANY ($1)`,
	} {
		if _, err := db.Exec(ctx, statement, moved); err != nil {
			return fmt.Errorf("let the provider be asked again: %w", err)
		}
	}
	return nil
}

func run(ctx context.Context, db *pgxpool.Pool, statements ...string) error {
	for _, statement := range statements {
		if _, err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("bring forward what waits: %w", err)
		}
	}
	return nil
}
