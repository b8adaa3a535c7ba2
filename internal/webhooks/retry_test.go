package webhooks_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// breakPayments makes every change of a payment fail, as a defect of ours would.
func (b *testBundle) breakPayments(t *testing.T) {
	t.Helper()
	b.exec(t, `CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken for a test'; END $$`)
	b.exec(t, `CREATE TRIGGER broken BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION break_it()`)
}

func (b *testBundle) becomes(t *testing.T, status string) {
	t.Helper()
	require.Eventually(t, func() bool { return b.rows(t)[0].Status == status }, patience, 20*time.Millisecond)
}

func TestRetry_HealsAFailureOfOurs(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	b.breakPayments(t)
	body := saleOf(p.MerchantTxnID, "S").signed(t, secret)
	b.acknowledged(t, body)
	b.acknowledged(t, body)

	stored := b.rows(t)
	require.Len(t, stored, 1)
	require.Equal(t, "failed", stored[0].Status)
	require.Contains(t, stored[0].Reason, "broken for a test")
	require.Equal(t, orders.StatusPending, b.order(t, p).Status)
	require.Len(t, query[int64](t, b, "SELECT id FROM river_job WHERE kind = 'notification_retry'"), 1, "one job, however often it comes")

	b.exec(t, "DROP TRIGGER broken ON payments")
	b.work(t)
	b.becomes(t, "applied")
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
	stored = b.rows(t)
	require.Equal(t, 1, stored[0].Attempts)
	require.Equal(t, 2, stored[0].Deliveries)
	evidence := query[struct{ Source, Digest string }](t, b,
		"SELECT source, encode(digest, 'hex') FROM evidence WHERE source = 'notification'")
	hashes := query[string](t, b, "SELECT encode(body_hash, 'hex') FROM notifications")
	require.Equal(t, hashes[0], evidence[0].Digest, "evidence names the body as it came, not as it is stored")
}

func TestRetry_GivesUpAndSaysSo(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	b.breakPayments(t)
	body := saleOf(p.MerchantTxnID, "S").signed(t, secret)
	b.acknowledged(t, body)
	b.exec(t, "UPDATE river_job SET max_attempts = 1")
	b.work(t)
	b.becomes(t, "dead")
	require.Eventually(t, func() bool { return strings.Contains(b.log.String(), "given up") }, patience, 20*time.Millisecond)
	require.Contains(t, b.log.String(), "level=ERROR")

	b.exec(t, "DROP TRIGGER broken ON payments")
	b.acknowledged(t, body)
	require.Equal(t, "applied", b.rows(t)[0].Status, "the provider's own repetition revives it")
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
}

func TestRetry_APaymentLockedByAnotherIsNotLost(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	tx, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM orders WHERE id = $1 FOR UPDATE", p.Order.UUID())
	require.NoError(t, err)
	begun := time.Now()
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").signed(t, secret))
	require.Less(t, time.Since(begun), 5*time.Second, "the provider waits no longer")
	require.Equal(t, "failed", b.rows(t)[0].Status)

	require.NoError(t, tx.Rollback(t.Context()))
	b.work(t)
	b.becomes(t, "applied")
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
}

func TestRetry_ANotificationMayBeAheadOfUs(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	b.acknowledged(t, saleOf("pay_ahead", "S").signed(t, secret))
	require.Equal(t, "unmatched", b.rows(t)[0].Status)
	b.work(t)
	require.Eventually(t, func() bool { return b.rows(t)[0].Attempts > 0 }, patience, 20*time.Millisecond)
	require.Equal(t, "unmatched", b.rows(t)[0].Status)
	require.Empty(t, b.discrepancies(t))

	b.exec(t, "UPDATE payments SET merchant_txn_id = 'pay_ahead' WHERE id = $1", p.ID.UUID())
	b.becomes(t, "applied")
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
}

func TestRetry_APaymentThatNeverComesIsADiscrepancy(t *testing.T) {
	t.Parallel()

	b := setup(t)
	body := saleOf("pay_nowhere", "S").signed(t, secret)
	b.acknowledged(t, body)
	b.clock.Add(int64(15 * time.Minute))
	b.work(t)
	b.becomes(t, "dead")
	require.Equal(t, []string{"missing_here " + transaction}, b.discrepancies(t))
	risk := query[struct {
		Minor    int64
		Currency string
		Theirs   string
	}](t, b, "SELECT money_at_risk, currency, theirs->>'merchant_txn_id' FROM discrepancies")[0]
	require.EqualValues(t, 2700, risk.Minor)
	require.Equal(t, "EUR", risk.Currency)
	require.Equal(t, "pay_nowhere", risk.Theirs)

	b.acknowledged(t, body)
	require.Equal(t, "dead", b.rows(t)[0].Status, "what was given up is not begun again")
	require.Len(t, b.discrepancies(t), 1)
	require.Len(t, b.rows(t), 1)
}

func TestReceive_StorageDownIsNotAcknowledgedAndNothingIsLost(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	body := saleOf(p.MerchantTxnID, "S").signed(t, secret)
	raiseUp := b.takeDown(t)
	got := b.deliver(t, body)
	refused(t, got, http.StatusServiceUnavailable, "api_error", "database_unavailable")
	require.Equal(t, "60", got.header.Get("Retry-After"))

	raiseUp()
	require.Empty(t, b.rows(t))
	b.acknowledged(t, body)
	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
}

// takeDown closes the database to everybody until the result is called.
func (b *testBundle) takeDown(t *testing.T) (raiseUp func()) {
	t.Helper()
	u, err := url.Parse(b.pool.Config().ConnString())
	require.NoError(t, err)
	name := b.pool.Config().ConnConfig.Database
	u.Path = "/postgres"
	admin, err := pgx.Connect(t.Context(), u.String())
	require.NoError(t, err)
	allow := func(sql string) {
		_, err := admin.Exec(context.WithoutCancel(t.Context()), "ALTER DATABASE "+pgx.Identifier{name}.Sanitize()+" ALLOW_CONNECTIONS "+sql)
		require.NoError(t, err)
	}
	allow("false")
	_, err = admin.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close(context.WithoutCancel(t.Context()))) })
	return func() { allow("true") }
}
