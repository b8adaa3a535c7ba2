-- name: OrderReserve :one
-- T1 of a charge (design §3) begins with it, in one batch with the attempt and its event. The order must be as it was read:
-- open, and at the same version, and hold no surplus money: what came late and has not gone back would make a second charge
-- of any further one. When it has moved on, or holds some, this fails, and nothing of the batch is written.
WITH o AS (
    UPDATE orders SET
        status = 'pending', attempts = @attempt::integer, latest_payment_id = @payment_id::uuid, last_sequence = last_sequence + 1,
        version = version + 1, updated_at = @now
    WHERE orders.id = @id AND orders.version = @version AND orders.status = 'open' AND orders.expires_at > @now
        AND NOT EXISTS (
            SELECT FROM payments AS late
            WHERE late.order_id = @id AND late.surplus AND late.amount_captured > late.amount_refunded
        )
    RETURNING orders.id
)
SELECT CASE WHEN count(*) = 0 THEN refuse_stale() ELSE count(*) END::bigint FROM o;

-- name: PaymentInsert :exec
INSERT INTO payments (
    id, order_id, livemode, attempt, status, capture_method, method, amount, currency, merchant_txn_id, card_brand, card_last4,
    card_exp_month, card_exp_year, return_url, description, metadata, idempotency_principal, idempotency_key,
    idempotency_fingerprint, correlation_id, created_at, updated_at, sent_at, next_check_at, payment_method_id,
    initiator, begun_at, local_method
) VALUES (
    @id, @order_id, @livemode, @attempt, 'processing', @capture_method, @method, @amount, @currency, @merchant_txn_id, @card_brand,
    @card_last4, @card_exp_month, @card_exp_year, @return_url, @description, @metadata, sqlc.narg('idempotency_principal'),
    sqlc.narg('idempotency_key'), sqlc.narg('idempotency_fingerprint'), @correlation_id, @now, @now, @now, @next_check_at,
    sqlc.narg('payment_method_id'), @initiator, sqlc.narg('begun_at'), @local_method
);

-- name: PaymentSaved :exec
-- The card that paid is kept. It moves no version, so it never disturbs the payment.
UPDATE payments SET payment_method_id = @payment_method_id WHERE id = @id;

-- name: OrderMove :one
-- T2 of a charge and the write of any other news (design §3) begin with it, in one batch with what follows: the payment, the
-- events, the evidence. It is guarded by the version that the decision was made on. When the order has moved on it fails, and
-- nothing of the batch is written.
WITH o AS (
    UPDATE orders SET
        status = @status, amount_paid = @amount_paid, amount_authorized = @amount_authorized, needs_review = @needs_review,
        last_sequence = @last_sequence, paid_at = sqlc.narg('paid_at'), version = version + 1, updated_at = @now
    WHERE orders.id = @id AND orders.version = @version
    RETURNING orders.id
)
SELECT CASE WHEN count(*) = 0 THEN refuse_stale() ELSE count(*) END::bigint FROM o;

-- name: PaymentMove :exec
-- What news makes of a payment, under its order's guard.
UPDATE payments SET
    status = @status, amount_authorized = @amount_authorized, amount_captured = @amount_captured,
    provider_transaction_id = sqlc.narg('provider_transaction_id'), confirmed = @confirmed, surplus = @surplus,
    card_brand = @card_brand, card_last4 = @card_last4, card_country = @card_country, redirect_url = @redirect_url, challenged = @challenged,
    display_code = @display_code, display_image_url = @display_image_url, display_text = @display_text,
    display_expires_at = sqlc.narg('display_expires_at'),
    three_ds_result = @three_ds_result, eci = @eci, failure_code = sqlc.narg('failure_code'),
    failure_decline_code = sqlc.narg('failure_decline_code'), failure_message = sqlc.narg('failure_message'),
    failure_category = sqlc.narg('failure_category'), failure_provider_code = sqlc.narg('failure_provider_code'),
    not_found_count = @not_found_count, next_check_at = sqlc.narg('next_check_at'), final_at = sqlc.narg('final_at'),
    cancel_failed_at = sqlc.narg('cancel_failed_at'),
    idempotency_principal = CASE WHEN @release_key::boolean THEN NULL ELSE idempotency_principal END,
    idempotency_key = CASE WHEN @release_key THEN NULL ELSE idempotency_key END,
    idempotency_fingerprint = CASE WHEN @release_key THEN NULL ELSE idempotency_fingerprint END,
    updated_at = @now
WHERE id = @id;

-- name: EventsInsert :exec
INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
SELECT @order_id::uuid, unnest(@sequences::bigint[]), unnest(@ids::uuid[]), @livemode::boolean, unnest(@types::text[]),
    unnest(@objects::text[])::jsonb, @correlation_id::text, @now::timestamptz;

-- name: EvidenceInsert :exec
INSERT INTO evidence (
    id, order_id, payment_id, source, outcome, verdict, amount, currency, provider_transaction_id, provider_status,
    provider_code, digest, body, correlation_id, created_at
) VALUES (
    @id, @order_id, @payment_id, @source, @outcome, @verdict, sqlc.narg('amount'), sqlc.narg('currency'),
    sqlc.narg('provider_transaction_id'), @provider_status, @provider_code, sqlc.narg('digest'), sqlc.narg('body'),
    @correlation_id, @now
);

-- name: PaymentGet :one
SELECT * FROM payments WHERE id = @id;

-- name: PaymentLock :one
SELECT * FROM payments WHERE id = @id FOR UPDATE;

-- name: PaymentByIdempotencyKey :one
SELECT * FROM payments
WHERE order_id = @order_id AND idempotency_principal = @principal::text AND idempotency_key = @key::text;

-- name: PaymentLiveOfOrder :one
SELECT * FROM payments
WHERE order_id = @order_id
    AND status IN ('processing', 'requires_action', 'unknown', 'authorized', 'succeeded') AND NOT surplus;

-- name: PaymentWithOrderByTxn :one
SELECT sqlc.embed(payments), sqlc.embed(orders)
FROM payments JOIN orders ON orders.id = payments.order_id
WHERE payments.merchant_txn_id = @merchant_txn_id;

-- name: OrderLockByTxn :exec
-- Locks the order of a payment: the order is the lock of everything that belongs to it, and it is taken first.
SELECT orders.id FROM orders
WHERE orders.id = (SELECT payments.order_id FROM payments WHERE payments.merchant_txn_id = @merchant_txn_id)
FOR UPDATE;

-- name: PaymentDescribe :exec
UPDATE payments SET description = @description, metadata = @metadata, updated_at = @now WHERE id = @id;

-- name: PaymentsClaimDue :many
-- Claims payments whose check is due by pushing it back a lease: a worker that dies leaves them to be claimed again.
-- ARRAY runs the choice once; as a join it may run once per row, and claim more than a batch. Of an authorization that is
-- being captured or voided only the end of that tells: it is let be until then.
UPDATE payments SET next_check_at = @lease_until::timestamptz, checks = checks + 1
WHERE id = ANY (ARRAY(
    SELECT due.id FROM payments AS due
    WHERE due.next_check_at <= @now::timestamptz AND (due.status <> 'authorized' OR NOT EXISTS (
        SELECT FROM modifications AS m WHERE m.payment_id = due.id AND m.status IN ('pending', 'unknown')
    ))
    ORDER BY due.next_check_at LIMIT @batch FOR UPDATE OF due SKIP LOCKED
))
RETURNING *;

-- name: PaymentPostpone :exec
-- Gives a claimed check back for later, unless news has moved it meanwhile.
UPDATE payments SET next_check_at = @next_check_at::timestamptz
WHERE id = @id AND next_check_at = @lease_until::timestamptz;

-- name: PaymentWarnOfLapse :exec
-- Tells that a claimed payment's authorization lapses soon, and leaves it alone until then. It refuses by its own WHERE a
-- payment that is not authorized any more; news that came since it was claimed has set its next check to the lapse already.
-- The order is locked first, as everywhere.
WITH locked AS (
    SELECT orders.id FROM orders WHERE orders.id = @order_id FOR UPDATE
), p AS (
    UPDATE payments SET next_check_at = @lapse_at::timestamptz
    FROM locked
    WHERE payments.id = @id AND payments.order_id = locked.id AND payments.status = 'authorized'
        AND payments.next_check_at IN (@lease_until::timestamptz, @lapse_at)
    RETURNING payments.order_id
), o AS (
    UPDATE orders SET last_sequence = last_sequence + 1, version = version + 1, updated_at = @now
    FROM p WHERE orders.id = p.order_id
    RETURNING orders.id, orders.livemode, orders.last_sequence
)
INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
SELECT o.id, o.last_sequence, @event_id, o.livemode, 'payment.authorization_expiring', @event_object, @correlation_id, @now FROM o;

-- name: PaymentCancelBegin :execrows
-- Marks an open payment as being canceled, before the provider is asked. News that was judged without the mark is judged anew:
-- the order's version moves with it. The order is locked first, as everywhere.
WITH locked AS (
    SELECT orders.id FROM orders WHERE orders.id = @order_id FOR UPDATE
), p AS (
    UPDATE payments SET cancel_asks = cancel_asks + 1, cancel_asked_at = @now::timestamptz, cancel_failed_at = NULL, updated_at = @now
    FROM locked
    WHERE payments.id = @id AND payments.order_id = locked.id AND payments.provider_transaction_id IS NOT NULL
        AND payments.status IN ('processing', 'requires_action', 'unknown')
    RETURNING payments.order_id
)
UPDATE orders SET version = version + 1 FROM p WHERE orders.id = p.order_id;

-- name: PaymentCancelUnmark :exec
-- The provider was not asked, or does not cancel. A mark that others have set too stands: theirs may have been heard.
UPDATE payments SET cancel_asks = 0, cancel_asked_at = NULL, cancel_failed_at = NULL
WHERE id = @id AND cancel_asks = 1 AND cancel_asked_at = @asked_at::timestamptz;

-- name: PaymentExists :one
SELECT EXISTS (SELECT FROM payments WHERE id = @id);

-- name: PaymentOldestOpen :one
-- When the oldest payment, capture or void was sent whose outcome is open. Of payments, one probe of the index on (status, id)
-- for each open status: ids sort by creation. Of captures and voids, those that are to be asked about, which are few.
SELECT oldest.sent_at FROM (
    SELECT oldest_payment.sent_at FROM (VALUES ('processing'), ('requires_action'), ('unknown')) AS open (status)
    CROSS JOIN LATERAL (
        SELECT payments.sent_at FROM payments WHERE payments.status = open.status ORDER BY payments.id LIMIT 1
    ) AS oldest_payment
    UNION ALL
    SELECT m.sent_at FROM modifications AS m WHERE m.next_check_at IS NOT NULL AND m.status IN ('pending', 'unknown')
) AS oldest
ORDER BY oldest.sent_at LIMIT 1;

-- name: PaymentSurplusHeld :one
SELECT EXISTS (
    SELECT FROM payments WHERE order_id = @order_id AND surplus AND amount_captured > amount_refunded
);

-- name: PaymentsReleased :one
-- How many holds of an order were voided or have lapsed.
SELECT count(*) FROM payments
WHERE order_id = @order_id AND failure_decline_code IN ('authorization_voided', 'authorization_lapsed');
