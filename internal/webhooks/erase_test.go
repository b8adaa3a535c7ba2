package webhooks_test

import (
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
	"tillway/internal/postgres/dbsqlc"
)

// bodies are the stored notifications, quarantined ones too.
func (b *testBundle) bodies(t *testing.T) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "SELECT body FROM notifications ORDER BY id")
	require.NoError(t, err)
	bodies, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return bodies
}

// A deleted customer's notifications keep what they say of money, whether they came before or after.
func TestErasure_NotificationsLoseThePerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	customer := ids.New[ids.CustomerEntity]()
	require.NoError(t, dbsqlc.New(b.pool).CustomerInsert(t.Context(), dbsqlc.CustomerInsertParams{
		ID: customer.UUID(), Metadata: json.RawMessage("{}"), Now: b.now(),
	}))
	_, err := b.pool.Exec(t.Context(), "UPDATE orders SET customer_id = $1", customer.UUID())
	require.NoError(t, err)

	personal := saleOf(p.MerchantTxnID, "S").with("cardholder", "Marvin").with("paymentMethodDetails", `{"name":"Marvin"}`)
	b.deliver(t, personal.with("status", "F").signed(t, "not the secret"))
	b.deliver(t, personal.signed(t, secret))
	require.Len(t, b.bodies(t), 2)
	for _, body := range b.bodies(t) {
		require.Contains(t, body, "Marvin")
	}
	_, err = dbsqlc.New(b.pool).CustomerErase(t.Context(), dbsqlc.CustomerEraseParams{ID: customer.UUID(), Now: b.now()})
	require.NoError(t, err)
	require.NoError(t, b.orders.Erase(t.Context(), customer, b.receiver.QueueErasure))
	b.deliver(t, personal.with("transactionId", transaction).with("eci", "06").signed(t, secret))

	require.Len(t, b.bodies(t), 3)
	for _, body := range b.bodies(t) {
		require.NotContains(t, body, "Marvin")
		require.Contains(t, body, p.MerchantTxnID)
		require.Contains(t, body, "27.00")
	}
}
