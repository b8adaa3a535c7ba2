-- name: ModificationBegin :one
-- T1 of a capture or void (design §3). It refuses by its own WHERE a payment that is not authorized any more, zero then, and by
-- the index modifications_one_live_per_payment a second one beside a live one. The payment remembers how much a capture takes. It
-- travels behind the order's lock in one round trip: the payment's row is never locked by one who waits for its order.
WITH part AS (
    UPDATE payments SET capture_amount = sqlc.narg('capture_amount')::bigint
    WHERE payments.id = @payment_id AND payments.status = 'authorized' AND @kind::text = 'capture'
        AND payments.capture_amount IS DISTINCT FROM sqlc.narg('capture_amount')::bigint
), m AS (
    INSERT INTO modifications (
        id, order_id, payment_id, livemode, kind, amount, currency, merchant_txn_id, idempotency_principal, idempotency_key,
        idempotency_fingerprint, correlation_id, created_at, updated_at, sent_at, next_check_at
    )
    SELECT
        @id, p.order_id, p.id, p.livemode, @kind, @amount, @currency, @merchant_txn_id, sqlc.narg('idempotency_principal'),
        sqlc.narg('idempotency_key'), sqlc.narg('idempotency_fingerprint'), @correlation_id, @now, @now, @now,
        @next_check_at::timestamptz
    FROM payments AS p
    WHERE p.id = @payment_id AND p.status = 'authorized'
    RETURNING modifications.id
)
SELECT count(*) FROM m;

-- name: ModificationApply :exec
-- What news makes of a capture or void, under its order's lock. A key whose request never arrived may be used again.
UPDATE modifications SET
    status = @status, provider_transaction_id = sqlc.narg('provider_transaction_id'), failure_code = sqlc.narg('failure_code'),
    failure_message = sqlc.narg('failure_message'), failure_provider_code = sqlc.narg('failure_provider_code'),
    not_found_count = @not_found_count, next_check_at = sqlc.narg('next_check_at'), final_at = sqlc.narg('final_at'),
    idempotency_principal = CASE WHEN @release_key::boolean THEN NULL ELSE idempotency_principal END,
    idempotency_key = CASE WHEN @release_key THEN NULL ELSE idempotency_key END,
    idempotency_fingerprint = CASE WHEN @release_key THEN NULL ELSE idempotency_fingerprint END,
    updated_at = @now
WHERE id = @id;

-- name: OrderLockByModification :exec
SELECT orders.id FROM orders
WHERE orders.id = (SELECT modifications.order_id FROM modifications WHERE modifications.merchant_txn_id = @merchant_txn_id)
FOR UPDATE;

-- name: ModificationWhole :one
SELECT sqlc.embed(modifications), sqlc.embed(payments), sqlc.embed(orders)
FROM modifications
    JOIN payments ON payments.id = modifications.payment_id
    JOIN orders ON orders.id = modifications.order_id
WHERE modifications.merchant_txn_id = @merchant_txn_id;

-- name: DiscrepanciesOpenByModification :many
SELECT discrepancies.* FROM discrepancies
WHERE discrepancies.status = 'open' AND discrepancies.order_id =
    (SELECT modifications.order_id FROM modifications WHERE modifications.merchant_txn_id = @merchant_txn_id);

-- name: ModificationByIdempotencyKey :one
SELECT * FROM modifications
WHERE payment_id = @payment_id AND kind = @kind AND idempotency_principal = @principal::text AND idempotency_key = @key::text;

-- name: ModificationLive :one
-- The capture or void of a payment that is under way or has succeeded.
SELECT * FROM modifications WHERE payment_id = @payment_id AND status IN ('pending', 'unknown', 'succeeded');

-- name: ModificationsClaimDue :many
-- Claims captures and voids whose check is due by pushing it back a lease, as PaymentsClaimDue does.
UPDATE modifications SET next_check_at = @lease_until::timestamptz, checks = checks + 1
WHERE id = ANY (ARRAY(
    SELECT due.id FROM modifications AS due WHERE due.next_check_at <= @now::timestamptz
    ORDER BY due.next_check_at LIMIT @batch FOR UPDATE SKIP LOCKED
))
RETURNING *;

-- name: ModificationPostpone :exec
-- Gives a claimed check back for later, unless news has moved it meanwhile.
UPDATE modifications SET next_check_at = @next_check_at::timestamptz
WHERE id = @id AND next_check_at = @lease_until::timestamptz;
