package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres/dbsqlc"
)

// years of moves and paid periods, of which a report of a month reads a month.
const years = `
	SET session_replication_role = replica;
	INSERT INTO subscription_moves (subscription_id, version, from_status, to_status, currency, order_id, moved_at)
	SELECT gen_random_uuid(), 1, moves.was, moves.became, 'EUR', gen_random_uuid(), timestamptz '2027-06-01' - n * interval '1 hour'
	FROM generate_series(1, 20000) n, (VALUES ('incomplete', 'active'), ('active', 'past_due')) AS moves (was, became);
	INSERT INTO orders (id, livemode, amount, currency, status, amount_paid, amount_authorized, attempts, correlation_id, created_at,
		updated_at, expires_at, paid_at, subscription_id, period_start, period_end)
	SELECT gen_random_uuid(), false, 1, 'EUR', 'paid', 1, 1, 1, 'test', at, at, at, at, gen_random_uuid(), at, at + interval '1 day'
	FROM generate_series(timestamptz '2024-06-01', timestamptz '2027-06-01', interval '1 hour') at;
	INSERT INTO payments (id, order_id, livemode, attempt, status, capture_method, amount, currency, merchant_txn_id, card_brand,
		card_last4, card_exp_month, card_exp_year, correlation_id, created_at, updated_at, sent_at, final_at)
	SELECT id, id, false, 1, 'failed', 'automatic', 1, 'EUR', id::text, '', '4242', 12, 2039, 'test', paid_at, paid_at, paid_at, paid_at FROM orders;
	RESET session_replication_role;
	ANALYZE subscription_moves, orders, payments`

func TestSummary_ReadsAMonthOfYears(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, err := b.pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), years, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	until := time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)
	since := until.AddDate(0, -1, 0)
	for name, c := range map[string]struct {
		query, index string
		args         []any
	}{
		"who came and went": {dbsqlc.SubscriptionsBegunAndEnded, "subscription_moves_begun_or_ended_idx", []any{until, since}},
		"revenue":           {dbsqlc.SubscriptionRevenue, "orders_period_paid_at_idx", []any{since, until}},
		"dunning":           {dbsqlc.SubscriptionsDunned, "subscription_moves_past_due_idx", []any{since, until}},
	} {
		rows, err := conn.Query(t.Context(), "EXPLAIN "+c.query, c.args...)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		plan := strings.Join(lines, "\n")
		require.Contains(t, plan, c.index, name)
		require.NotContains(t, plan, "Seq Scan", name)
	}
}
