-- POST /v1/webhooks/onerway: a notification is stored and applied in one transaction. Both twins end with it.
BEGIN;
SELECT * FROM orders WHERE id = (SELECT order_id FROM payments WHERE merchant_txn_id = :txn) FOR UPDATE;
SELECT * FROM payments WHERE merchant_txn_id = :txn FOR UPDATE \gset payment_
INSERT INTO notifications (
    id, month, body_hash, status, notify_type, txn_type, transaction_id, merchant_txn_id, order_id, payment_id, remote_address,
    body, correlation_id, created_at, updated_at, applied_at
) VALUES (
    bench_id(), date_trunc('month', now() AT TIME ZONE 'UTC'), sha256(convert_to(:txn, 'UTF8')), 'applied', :notify_type, :txn_type,
    :payment_provider_transaction_id, :txn, :payment_order_id, :payment_id, :remote_address, :notification, :correlation, now(), now(), now()
);
UPDATE payments SET confirmed = true, next_check_at = NULL, updated_at = now() WHERE id = :payment_id;
UPDATE orders SET version = version + 1, updated_at = now() WHERE id = :payment_order_id;
INSERT INTO evidence (
    id, order_id, payment_id, source, outcome, verdict, amount, currency, provider_transaction_id, provider_status,
    provider_code, digest, body, correlation_id, created_at
) VALUES (
    bench_id(), :payment_order_id, :payment_id, 'notification', :news_outcome, :news_verdict, :amount, :currency, :payment_provider_transaction_id,
    :news_status, :news_code, :news_digest, :news_body, :correlation, now()
);
COMMIT;
