package subscriptions_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/subscriptions"
	"tillway/internal/sweep"
)

// fill makes subscriptions of which some are due, all at one instant, and as many contracts to end, of which as many are due.
const fill = `
	SET session_replication_role = replica;
	INSERT INTO subscriptions (id, livemode, customer_id, status, collection, amount, currency, interval_unit, interval_count, time_zone,
		card_brand, card_last4, card_exp_month, card_exp_year, anchor_at, next_run_at, correlation_id, created_at, updated_at)
	SELECT gen_random_uuid(), false, gen_random_uuid(), 'active', 'self_managed', 999, 'EUR', 'month', 1, 'UTC', 'visa', '4242', 12, 2039,
		now(), now() + CASE WHEN n <= $due THEN interval '-1 hour' ELSE n * interval '1 hour' END, 'fill', now(), now()
	FROM generate_series(1, $rows) n;
	INSERT INTO subscription_contracts (payment_id, subscription_id, order_id, status, provider_customer, frequency_days, card_brand,
		card_last4, card_exp_month, card_exp_year, contract_id, next_check_at, created_at, updated_at)
	SELECT id, id, id, 'ending', 'c', 1, 'visa', '4242', 12, 2039, id::text, next_run_at, now(), now() FROM subscriptions;
	RESET session_replication_role;
	VACUUM ANALYZE subscriptions;
	VACUUM ANALYZE subscription_contracts`

func filled(t *testing.T, pool *pgxpool.Pool, rows, due int) {
	t.Helper()
	text := strings.NewReplacer("$due", strconv.Itoa(due), "$rows", strconv.Itoa(rows)).Replace(fill)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	for statement := range strings.SplitSeq(text, ";") {
		_, err := conn.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err, statement)
	}
}

// queued is a queue: its claim, the index that finds what is due, and where the last claim ended.
type queued struct {
	claim, index string
	after        time.Time
	afterID      uuid.UUID
}

// args are those of a claim as a worker makes it.
func (q *queued) args() []any {
	now := time.Now()
	return []any{now.Add(time.Hour), q.after, q.afterID, now, sweep.DefaultConcurrency}
}

// take claims a batch and returns how many rows it had.
func (q *queued) take(t *testing.T, pool *pgxpool.Pool) (rows int) {
	t.Helper()
	claimed, err := pool.Query(t.Context(), q.claim, q.args()...)
	require.NoError(t, err)
	defer claimed.Close()
	for claimed.Next() {
		values, err := claimed.Values()
		require.NoError(t, err)
		at, _ := values[len(values)-1].(time.Time)
		raw, _ := values[0].([16]byte)
		if id := uuid.UUID(raw); at.After(q.after) || (at.Equal(q.after) && id.String() > q.afterID.String()) {
			q.after, q.afterID = at, id
		}
		rows++
	}
	require.NoError(t, claimed.Err())
	return rows
}

// pages is how many pages the next claim would read to find its rows.
func (q *queued) pages(t *testing.T, pool *pgxpool.Pool) int {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	plan := planOf(t, tx, q.claim, q.args())
	require.NoError(t, tx.Rollback(t.Context()))
	require.NotContains(t, plan, "Seq Scan")
	return pagesOf(t, plan, q.index)
}

func planOf(t *testing.T, tx pgx.Tx, query string, args []any) string {
	t.Helper()
	rows, err := tx.Query(t.Context(), "EXPLAIN (ANALYZE, BUFFERS) "+query, args...)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}

// pagesOf is how many pages the scan of an index read.
func pagesOf(t *testing.T, plan, index string) (pages int) {
	t.Helper()
	found := regexp.MustCompile(`(?s)using ` + index + `.*?Buffers: shared([^\n]*)`).FindStringSubmatch(plan)
	require.NotNil(t, found, plan)
	for _, count := range regexp.MustCompile(`(?:hit|read)=(\d+)`).FindAllStringSubmatch(found[1], -1) {
		n, err := strconv.Atoi(count[1])
		require.NoError(t, err)
		pages += n
	}
	return pages
}

// chance is by how many pages one claim may differ from another: rows share a page or do not, and a larger index is a level deeper.
// A scan of what was claimed before would read dozens.
const chance = 8

// A claim costs the same however many subscriptions wait behind it, and however many were claimed before it.
func TestClaims_ReadTheHeadOfTheirQueueAlone(t *testing.T) {
	t.Parallel()
	pages := map[string]map[int]int{}
	for _, size := range []int{10_000, 100_000} {
		b := setup(t)
		filled(t, b.pool, size, 8_000)
		for name, q := range map[string]*queued{
			"subscriptions": {claim: dbsqlc.SubscriptionsClaim, index: "subscriptions_due_idx"},
			"contracts":     {claim: dbsqlc.SubscriptionContractsClaim, index: "subscription_contracts_due_idx"},
		} {
			claimed, first := 0, q.pages(t, b.pool)
			for range 400 {
				claimed += q.take(t, b.pool)
			}
			require.Equal(t, 400*sweep.DefaultConcurrency, claimed, name)
			require.InDelta(t, first, q.pages(t, b.pool), chance, "after so many claims")
			if pages[name] == nil {
				pages[name] = map[int]int{}
			}
			pages[name][size] = first
		}
	}
	for name, bySize := range pages {
		require.InDelta(t, bySize[10_000], bySize[100_000], chance, "%s: %v", name, pages)
	}
}

func TestClaim_FindsWhatWasWrittenBehindItInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	filled(t, b.pool, 40, 40)
	claim := func() []subscriptions.Subscription {
		claimed, err := b.subs.Claim(t.Context(), 16)
		require.NoError(t, err)
		return claimed
	}
	first := claim()
	require.Len(t, first, 16)
	_, err := b.pool.Exec(t.Context(), "UPDATE subscriptions SET next_run_at = now() - interval '2 hours' WHERE id = $1", first[0].ID.UUID())
	require.NoError(t, err)
	require.Len(t, claim(), 16)
	require.Len(t, claim(), 8)
	b.ahead.Add(int64(16 * time.Second))
	found := claim()
	require.Len(t, found, 1)
	require.Equal(t, first[0].ID, found[0].ID)
}
