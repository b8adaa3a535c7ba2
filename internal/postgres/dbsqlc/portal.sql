-- name: RefundsKnown :many
-- Those of the provider's refunds, named by its transactions or our references, that are on record.
SELECT coalesce(provider_transaction_id, '')::text AS provider_transaction_id, merchant_txn_id FROM refunds
WHERE provider_transaction_id = ANY (@transactions::text[]) OR merchant_txn_id = ANY (@merchant_txn_ids::text[]);

-- name: RefundLostOf :one
-- Whether a refund of ours of the payment and amount may be the provider's row that names no reference: it was sent, the provider
-- has not told its transaction, and it is still asked about. One that was denied for good is none: the last question about it
-- would have found the row.
SELECT EXISTS (
    SELECT FROM refunds
    WHERE payment_id = @payment_id AND amount = @amount AND provider_transaction_id IS NULL AND sent_at IS NOT NULL
        AND (status IN ('pending', 'in_review', 'unknown') OR (failure_code = 'refund_not_received' AND next_check_at IS NOT NULL))
);

-- name: RefundAdopt :one
-- Records a refund that was made in the provider's portal, with its reservation and its first event, as T1 of our own does. It
-- refuses by its own WHERE what is not there to give back, and what may be a refund of ours whose answer was lost. It travels
-- behind the order's lock in one round trip; zero means refused, and nothing is written then. What disputes have taken yields: the
-- provider has given it back all the same.
WITH before AS (
    SELECT payments.id, payments.amount_disputed AS disputed FROM payments WHERE payments.id = @payment_id
), p AS (
    UPDATE payments SET amount_refund_pending = amount_refund_pending + @amount::bigint, updated_at = @now,
        amount_disputed = LEAST(amount_disputed, amount_captured - amount_refunded - amount_refund_pending - @amount)
    FROM before
    WHERE payments.id = before.id AND payments.order_id = @order_id AND payments.status = 'succeeded'
        AND payments.currency = @currency::text
        AND amount_captured - amount_refunded - amount_refund_pending >= @amount
        AND NOT (@nameless::boolean AND EXISTS (
            SELECT FROM refunds AS ours
            WHERE ours.payment_id = @payment_id AND ours.amount = @amount AND ours.provider_transaction_id IS NULL
                AND ours.sent_at IS NOT NULL AND (ours.status IN ('pending', 'in_review', 'unknown')
                    OR (ours.failure_code = 'refund_not_received' AND ours.next_check_at IS NOT NULL))
        ))
    RETURNING payments.surplus, payments.correlation_id, before.disputed - payments.amount_disputed AS yielded
), o AS (
    UPDATE orders SET
        amount_refund_pending = amount_refund_pending + CASE WHEN p.surplus THEN 0 ELSE @amount END,
        amount_disputed = amount_disputed - CASE WHEN p.surplus THEN 0 ELSE p.yielded END,
        last_sequence = last_sequence + 1, version = version + 1, updated_at = @now
    FROM p WHERE orders.id = @order_id
    RETURNING orders.id, orders.livemode, orders.last_sequence, p.correlation_id
), r AS (
    INSERT INTO refunds (
        id, order_id, payment_id, livemode, amount, currency, reason, origin, merchant_txn_id, provider_transaction_id,
        correlation_id, created_at, updated_at, sent_at, next_check_at, created_by
    )
    SELECT
        @id, o.id, @payment_id, o.livemode, @amount, @currency, @reason, 'portal', @merchant_txn_id,
        @provider_transaction_id::text, o.correlation_id, @now, @now, @now, @now, @created_by::text
    FROM o
    RETURNING refunds.id
), e AS (
    INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
    SELECT o.id, o.last_sequence, @event_id, o.livemode, 'refund.created', @event_object, o.correlation_id, @now::timestamptz
    FROM o, r
), found AS (
    UPDATE discrepancies SET status = 'auto_resolved', last_seen = GREATEST(discrepancies.last_seen, @now)
    FROM r
    WHERE discrepancies.class = 'missing_here' AND discrepancies.subject = @provider_transaction_id
        AND discrepancies.status = 'open'
)
SELECT count(*) FROM r;
