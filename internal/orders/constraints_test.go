package orders_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// Whatever a defect of the code or a hand at psql tries, the database refuses what must never be.
func TestDatabase_RefusesWhatMustNeverBe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.order(func(r *orders.CreateOrder) { r.Reference, r.Idempotency = "R-1", key("create") })
	failed := b.pay(o, "1")
	b.gateway.sale = nil
	paid := b.pay(o, "2")
	b.order() // open
	second := b.order()
	b.gateway.sale = answer(orders.OutcomeUnknown)
	b.pay(second, "1")

	for name, tc := range map[string]struct{ constraint, sql string }{
		"second live payment": {
			"payments_one_live_per_order",
			"UPDATE payments SET status = 'processing', final_at = NULL, next_check_at = now() WHERE id = '" + failed.ID.UUID().String() + "'",
		},
		"second success that is not surplus": {
			"payments_one_live_per_order",
			"UPDATE payments SET status = 'succeeded', amount_authorized = 2700, amount_captured = 2700 WHERE id = '" + failed.ID.UUID().String() + "'",
		},
		"refunded more than captured": {
			"payments_refunded_within_captured",
			"UPDATE payments SET amount_refunded = 2000, amount_refund_pending = 701 WHERE id = '" + paid.ID.UUID().String() + "'",
		},
		"refunded what was not captured": {
			"payments_refunded_within_captured", "UPDATE payments SET amount_refunded = 1 WHERE id = '" + failed.ID.UUID().String() + "'",
		},
		"negative refund":                {"payments_refunded_within_captured", "UPDATE payments SET amount_refunded = -1"},
		"captured more than authorized":  {"payments_captured_within_authorized", "UPDATE payments SET amount_captured = 2701 WHERE status = 'succeeded'"},
		"authorized more than asked":     {"payments_authorized_within_amount", "UPDATE payments SET amount_authorized = 2701 WHERE status = 'succeeded'"},
		"success without money":          {"payments_captured_when_succeeded", "UPDATE payments SET amount_captured = 0 WHERE status = 'succeeded'"},
		"hold without money":             {"payments_authorized_when_held", "UPDATE payments SET status = 'authorized', final_at = NULL WHERE status = 'failed'"},
		"money without success":          {"payments_captured_when_succeeded", "UPDATE payments SET status = 'authorized', final_at = NULL WHERE status = 'succeeded'"},
		"final without its time":         {"payments_final_at_when_final", "UPDATE payments SET final_at = NULL WHERE status = 'succeeded'"},
		"open with a final time":         {"payments_final_at_when_final", "UPDATE payments SET final_at = now() WHERE status = 'unknown'"},
		"open and never checked":         {"payments_checked_while_open", "UPDATE payments SET next_check_at = NULL WHERE status = 'unknown'"},
		"status of nowhere":              {"payments_status_known", "UPDATE payments SET status = 'settled', final_at = NULL WHERE status = 'failed'"},
		"half a failure":                 {"payments_failure_whole", "UPDATE payments SET failure_message = NULL WHERE status = 'failed'"},
		"a card number":                  {"payments_card_last4_digits", "UPDATE payments SET card_last4 = '4761344136141390'"},
		"attempt twice":                  {"payments_attempt_key", "UPDATE payments SET attempt = 1"},
		"our reference twice":            {"payments_merchant_txn_id_key", "UPDATE payments SET merchant_txn_id = 'x'"},
		"their transaction twice":        {"payments_provider_transaction_id_key", "UPDATE payments SET provider_transaction_id = 'x'"},
		"key twice":                      {"payments_idempotency_key", "UPDATE payments SET idempotency_key = 'x'"},
		"half a key":                     {"payments_idempotency_whole", "UPDATE payments SET idempotency_principal = NULL"},
		"order that vanishes":            {"payments_order_fkey", "DELETE FROM orders WHERE id = '" + second.ID.UUID().String() + "'"},
		"paid more than owed":            {"orders_paid_within_authorized", "UPDATE orders SET amount_paid = 2701 WHERE status = 'paid'"},
		"held more than owed":            {"orders_authorized_within_amount", "UPDATE orders SET amount_authorized = 2701 WHERE status = 'paid'"},
		"refunded more than paid":        {"orders_refunded_within_paid", "UPDATE orders SET amount_refunded = 2701 WHERE status = 'paid'"},
		"paid without money":             {"orders_paid_at_when_paid", "UPDATE orders SET status = 'paid', paid_at = now() WHERE status = 'open'"},
		"money without paid":             {"orders_paid_at_when_paid", "UPDATE orders SET status = 'open' WHERE status = 'paid'"},
		"paid without its time":          {"orders_paid_at_when_paid", "UPDATE orders SET paid_at = NULL WHERE status = 'paid'"},
		"canceled without its time":      {"orders_canceled_at_when_canceled", "UPDATE orders SET status = 'canceled' WHERE status = 'open'"},
		"expired without its time":       {"orders_expired_at_when_expired", "UPDATE orders SET status = 'expired' WHERE status = 'open'"},
		"reference twice":                {"orders_reference_key", "UPDATE orders SET reference = 'R-1'"},
		"half a key of an order":         {"orders_idempotency_whole", "UPDATE orders SET idempotency_fingerprint = NULL"},
		"nothing owed":                   {"orders_amount_positive", "UPDATE orders SET amount = 0"},
		"currency in lower case":         {"orders_currency_iso4217", "UPDATE orders SET currency = 'eur'"},
		"event rewritten":                {"events_append_only", "UPDATE events SET type = 'order.paid'"},
		"event deleted":                  {"events_append_only", "DELETE FROM events"},
		"evidence deleted":               {"evidence", "DELETE FROM evidence"},
		"evidence rewritten":             {"evidence", "UPDATE evidence SET outcome = 'succeeded'"},
		"event twice":                    {"events_pkey", "INSERT INTO events SELECT order_id, sequence, gen_random_uuid(), livemode, type, object, correlation_id, created_at FROM events"},
		"event before the first":         {"events_sequence_positive", "INSERT INTO events SELECT order_id, 0, gen_random_uuid(), livemode, type, object, correlation_id, created_at FROM events LIMIT 1"},
		"verdict of nobody":              {"evidence_verdict_known", "INSERT INTO evidence (id, order_id, payment_id, source, outcome, verdict, correlation_id, created_at) SELECT gen_random_uuid(), order_id, payment_id, source, outcome, 'fine', '', now() FROM evidence LIMIT 1"},
		"discrepancy of a nameless kind": {"discrepancies_class_known", "INSERT INTO discrepancies (id, class, subject, ours, theirs, money_at_risk, first_seen, last_seen) VALUES (gen_random_uuid(), 'odd', 's', '{}', '{}', 0, now(), now())"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := b.pool.Exec(t.Context(), tc.sql)
			var refusal *pgconn.PgError
			require.ErrorAs(t, err, &refusal)
			require.Contains(t, refusal.ConstraintName, tc.constraint, refusal.Message)
		})
	}
}
