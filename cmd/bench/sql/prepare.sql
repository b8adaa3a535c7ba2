-- Prepares $4 payments that are paid and wait for their notification: copies of the order $1 and its payment $2. The next
-- query is far off, so that the workers leave them alone. They are named by numbers from $3 on, which pgbench can count.
WITH copy AS (
    SELECT bench_id() AS order_id, bench_id() AS payment_id, ($3::bigint + i)::text AS txn
    FROM generate_series(0, $4::int - 1) AS i
), ordered AS (
    INSERT INTO orders
    SELECT o.* FROM copy CROSS JOIN LATERAL jsonb_populate_record(NULL::orders, $1::jsonb || jsonb_build_object(
        'id', order_id, 'reference', txn, 'idempotency_key', txn, 'latest_payment_id', payment_id)) AS o
)
INSERT INTO payments
SELECT p.* FROM copy CROSS JOIN LATERAL jsonb_populate_record(NULL::payments, $2::jsonb || jsonb_build_object(
    'id', payment_id, 'order_id', order_id, 'merchant_txn_id', txn, 'provider_transaction_id', txn, 'idempotency_key', txn,
    'confirmed', false, 'next_check_at', now() + interval '1 day')) AS p;
