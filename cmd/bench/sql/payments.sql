-- The twin of one payment: every row and every change that the service writes for it, with the same contents, as four
-- transactions written statement by statement. Run by pgbench in prepared mode; the values come from rows of the service.
\set n :n + 1

-- POST /v1/orders
BEGIN;
INSERT INTO orders (
    id, livemode, reference, description, email, amount, currency, items, billing, shipping, metadata, return_url,
    late_payment, last_sequence, idempotency_principal, idempotency_key, idempotency_fingerprint, correlation_id,
    created_at, updated_at, expires_at
) VALUES (
    bench_id(), false, 'bench-' || :run || '-' || :client_id || '-' || :n, :description, :email, :amount, :currency, :items,
    :billing, :shipping, :metadata, :return_url, :late_payment, 1, :principal, bench_id()::text, :fingerprint, :correlation,
    now(), now(), now() + interval '1 day'
) RETURNING id AS order_id \gset
INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
VALUES (:order_id, 1, bench_id(), false, 'order.created', :event_created, :correlation, now());
COMMIT;

-- POST /v1/orders/{id}/payments, before the provider is called
BEGIN;
SELECT * FROM orders WHERE id = :order_id FOR UPDATE;
INSERT INTO payments (
    id, order_id, livemode, attempt, status, capture_method, method, amount, currency, merchant_txn_id, card_brand, card_last4,
    card_exp_month, card_exp_year, return_url, description, metadata, idempotency_principal, idempotency_key,
    idempotency_fingerprint, correlation_id, created_at, updated_at, sent_at, next_check_at
) VALUES (
    bench_id(), :order_id, false, 1, 'processing', 'automatic', 'card', :amount, :currency, bench_txn(), :card_brand, :card_last4,
    12, 2040, :return_url, '', '{}', :principal, bench_id()::text, :fingerprint, :correlation, now(), now(), now(),
    now() + interval '3 seconds'
) RETURNING id AS payment_id, merchant_txn_id AS txn \gset
UPDATE orders SET
    status = 'pending', attempts = 1, latest_payment_id = :payment_id, last_sequence = last_sequence + 1, version = version + 1,
    updated_at = now()
WHERE id = :order_id;
INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
VALUES (:order_id, 2, bench_id(), false, 'payment.processing', :event_processing, :correlation, now());
COMMIT;

-- the same, when the provider has answered
BEGIN;
SELECT * FROM orders WHERE id = :order_id FOR UPDATE;
SELECT * FROM payments WHERE id = :payment_id FOR UPDATE;
UPDATE payments SET
    status = 'succeeded', amount_authorized = amount, amount_captured = amount, provider_transaction_id = right(:txn, 19),
    card_brand = :card_brand, card_last4 = :card_last4, card_country = :card_country, eci = :eci, next_check_at = now() + interval '10 seconds',
    final_at = now(), updated_at = now()
WHERE id = :payment_id;
UPDATE orders SET
    status = 'paid', amount_paid = amount, amount_authorized = amount, last_sequence = last_sequence + 2, paid_at = now(),
    version = version + 1, updated_at = now()
WHERE id = :order_id;
INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
VALUES (:order_id, 3, bench_id(), false, 'payment.succeeded', :event_succeeded, :correlation, now());
INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
VALUES (:order_id, 4, bench_id(), false, 'order.paid', :event_paid, :correlation, now());
INSERT INTO evidence (
    id, order_id, payment_id, source, outcome, verdict, amount, currency, provider_transaction_id, provider_status,
    provider_code, digest, body, correlation_id, created_at
) VALUES (
    bench_id(), :order_id, :payment_id, 'answer', :answer_outcome, 'move', :amount, :currency, right(:txn, 19), :answer_status,
    :answer_code, :answer_digest, :answer_body, :correlation, now()
);
COMMIT;
