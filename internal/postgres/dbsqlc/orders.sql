-- name: OrderInsert :exec
-- The order; its first event travels in the same batch. A reference or idempotency key in use fails by its named index.
INSERT INTO orders (
    id, livemode, reference, description, customer_id, email, amount, currency, items, billing, shipping, metadata,
    return_url, late_payment, last_sequence, idempotency_principal, idempotency_key, idempotency_fingerprint,
    correlation_id, created_at, updated_at, expires_at, subscription_id, period_start, period_end
) VALUES (
    @id, @livemode, sqlc.narg('reference'), @description, sqlc.narg('customer_id'), sqlc.narg('email'), @amount, @currency,
    @items, sqlc.narg('billing'), sqlc.narg('shipping'), @metadata, @return_url, @late_payment, 1,
    sqlc.narg('idempotency_principal'), sqlc.narg('idempotency_key'), sqlc.narg('idempotency_fingerprint'),
    @correlation_id, @now, @now, @expires_at, sqlc.narg('subscription_id'), sqlc.narg('period_start'), sqlc.narg('period_end')
);

-- name: OrderGet :one
SELECT * FROM orders WHERE id = @id;

-- name: OrderLock :one
SELECT * FROM orders WHERE id = @id FOR UPDATE;

-- name: OrderByIdempotencyKey :one
SELECT * FROM orders
WHERE idempotency_principal = @principal::text AND idempotency_key = @key::text;

-- name: OrderOfPeriod :one
-- What was recorded already for a subscription: by the id that was derived for it, or for the same period.
SELECT * FROM orders
WHERE id = @id OR (subscription_id = sqlc.narg('subscription_id')::uuid AND period_start = sqlc.narg('period_start')::timestamptz)
ORDER BY (id = @id) DESC LIMIT 1;

-- name: OrderDescribe :exec
-- Description and metadata are the merchant's own words: they move no version, so they never disturb a payment.
UPDATE orders SET description = @description, metadata = @metadata, updated_at = @now WHERE id = @id;

-- name: OrderEnd :execrows
-- Cancels or expires an open order and says so in one event. Refuses by its own WHERE when the order has moved on.
WITH o AS (
    UPDATE orders SET
        status = @status::text, canceled_at = sqlc.narg('canceled_at'), expired_at = sqlc.narg('expired_at'),
        cancel_principal = sqlc.narg('cancel_principal'), cancel_key = sqlc.narg('cancel_key'),
        last_sequence = last_sequence + 1, version = version + 1, updated_at = @now
    WHERE orders.id = @id AND orders.version = @version AND orders.status = 'open'
    RETURNING orders.id, orders.livemode, orders.last_sequence
)
INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
SELECT o.id, o.last_sequence, @event_id, o.livemode, @event_type, @event_object, @correlation_id, @now FROM o;

-- name: OrdersDueExpiry :many
SELECT * FROM orders WHERE status = 'open' AND expires_at <= @now::timestamptz ORDER BY expires_at LIMIT @batch;

-- name: OrderExists :one
SELECT EXISTS (SELECT FROM orders WHERE id = @id);

-- name: OrderCanceledBy :one
SELECT EXISTS (
    SELECT FROM orders WHERE id = @id AND cancel_principal = @principal::text AND cancel_key = @key::text
);

-- name: OrderReviewed :execrows
-- A person has closed a discrepancy: whether the order still needs one, and the event that tells it.
WITH o AS (
    UPDATE orders SET
        needs_review = @needs_review, last_sequence = last_sequence + 1, version = version + 1, updated_at = @now
    WHERE orders.id = @id AND orders.version = @version
    RETURNING orders.id, orders.livemode, orders.last_sequence
)
INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
SELECT o.id, o.last_sequence, @event_id, o.livemode, 'reconciliation.discrepancy', @event_object, @correlation_id, @now FROM o;
