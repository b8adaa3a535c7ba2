-- name: RefundBegin :one
-- T1 of a refund (design §3): the reservation on the payment and the order, the row and its first event. It refuses by its
-- own WHERE what is not there to give back, what the merchant's own limits forbid, what needs an approval by now or needs none
-- any more, and a refund that looks like one made shortly before. Zero means refused; nothing is written then. It travels behind the order's lock in one round trip, so that what it reads is what it changes.
WITH p AS (
    UPDATE payments SET amount_refund_pending = amount_refund_pending + @amount::bigint, updated_at = @now
    WHERE payments.id = @payment_id AND payments.order_id = @order_id AND payments.status = 'succeeded'
        AND amount_captured - amount_refunded - amount_refund_pending - amount_disputed >= @amount
        AND payments.final_at >= @paid_since::timestamptz AND payments.refund_count < @max_count::bigint
        AND (amount_refunded + amount_refund_pending + @amount > @approval_above::bigint) = (sqlc.narg('approval')::text IS NOT NULL)
        AND NOT EXISTS (
            SELECT FROM refunds AS twin
            WHERE twin.payment_id = @payment_id AND twin.amount = @amount AND twin.reason = @reason::text
                AND twin.status NOT IN ('failed', 'rejected', 'canceled') AND twin.created_at > @twins_since::timestamptz
        )
    RETURNING payments.surplus
), o AS (
    UPDATE orders SET
        amount_refund_pending = amount_refund_pending + CASE WHEN p.surplus THEN 0 ELSE @amount END,
        last_sequence = last_sequence + 1, version = version + 1, updated_at = @now
    FROM p WHERE orders.id = @order_id
    RETURNING orders.id, orders.livemode, orders.last_sequence
), r AS (
    INSERT INTO refunds (
        id, order_id, payment_id, livemode, amount, currency, reason, origin, merchant_txn_id, description, metadata,
        idempotency_principal, idempotency_key, idempotency_fingerprint, correlation_id, created_at, updated_at, next_check_at,
        created_by, approval
    )
    SELECT
        @id, o.id, @payment_id, o.livemode, @amount, @currency, @reason, 'api', @merchant_txn_id, @description, @metadata,
        sqlc.narg('idempotency_principal'), sqlc.narg('idempotency_key'), sqlc.narg('idempotency_fingerprint'),
        @correlation_id, @now, @now, sqlc.narg('next_check_at')::timestamptz, sqlc.narg('created_by'), sqlc.narg('approval')
    FROM o
    RETURNING refunds.id, refunds.correlation_id, refunds.created_at
), e AS (
    INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
    SELECT o.id, o.last_sequence, @event_id, o.livemode, 'refund.created', @event_object, r.correlation_id, r.created_at
    FROM o, r
)
SELECT count(*) FROM r;

-- name: RefundOwe :one
-- A refund that a policy asks for, with the news that made it necessary: OrderMove, before it in the same transaction and
-- under the order's lock, has written the captured amount and the event.
WITH p AS (
    UPDATE payments SET amount_refund_pending = amount_refund_pending + @amount::bigint
    WHERE payments.id = @payment_id
    RETURNING payments.order_id, payments.livemode, payments.surplus
), o AS (
    UPDATE orders SET amount_refund_pending = amount_refund_pending + @amount FROM p
    WHERE orders.id = p.order_id AND NOT p.surplus
), r AS (
    INSERT INTO refunds (
        id, order_id, payment_id, livemode, amount, currency, reason, origin, merchant_txn_id, correlation_id, created_at,
        updated_at, next_check_at
    )
    SELECT
        @id, p.order_id, @payment_id, p.livemode, @amount, @currency, @reason, @origin, @merchant_txn_id, @correlation_id,
        @now, @now, @next_check_at::timestamptz
    FROM p
    RETURNING refunds.id
)
SELECT count(*) FROM r;

-- name: RefundTake :one
-- Takes a refund to be sent, before the provider is called: whoever finds it unsent sends it, and nobody else. Nobody sends
-- one that waits for its approval.
UPDATE refunds SET sent_at = @now::timestamptz, sends = sends + 1, next_check_at = @next_check_at::timestamptz, updated_at = @now
WHERE id = @id AND status = 'pending' AND sent_at IS NULL AND coalesce(approval, 'approved') = 'approved'
RETURNING *;

-- name: RefundApply :one
-- T2 of a refund and the write of any other news of it: the order, its payment, the refund, the events and the evidence, in
-- one round trip, guarded by the version that the decision was made on.
WITH o AS (
    UPDATE orders SET
        status = @order_status, amount_refunded = @order_amount_refunded,
        amount_refund_pending = @order_amount_refund_pending, needs_review = @order_needs_review,
        last_sequence = @order_last_sequence, version = version + 1, updated_at = @now
    WHERE orders.id = @order_id AND orders.version = @version
    RETURNING orders.id, orders.livemode
), p AS (
    UPDATE payments SET
        amount_refunded = @payment_amount_refunded, amount_refund_pending = @payment_amount_refund_pending, updated_at = @now
    FROM o
    WHERE payments.id = @payment_id AND payments.order_id = o.id
    RETURNING payments.id
), r AS (
    UPDATE refunds SET
        status = @status, provider_transaction_id = sqlc.narg('provider_transaction_id'),
        failure_code = sqlc.narg('failure_code'), failure_message = sqlc.narg('failure_message'),
        failure_provider_code = sqlc.narg('failure_provider_code'), not_found_count = @not_found_count,
        sent_at = sqlc.narg('sent_at'), next_check_at = sqlc.narg('next_check_at'), final_at = sqlc.narg('final_at'),
        approval = sqlc.narg('approval'), decided_by = sqlc.narg('decided_by'), decided_at = sqlc.narg('decided_at'),
        updated_at = @now
    FROM p
    WHERE refunds.id = @id AND refunds.payment_id = p.id
    RETURNING refunds.id, refunds.payment_id
), e AS (
    INSERT INTO events (order_id, sequence, id, livemode, type, object, correlation_id, created_at)
    SELECT o.id, unnest(@event_sequences::bigint[]), unnest(@event_ids::uuid[]), o.livemode, unnest(@event_types::text[]),
        unnest(@event_objects::text[])::jsonb, @correlation_id, @now
    FROM o
), v AS (
    INSERT INTO evidence (
        id, order_id, payment_id, refund_id, source, outcome, verdict, amount, currency, provider_transaction_id,
        provider_status, provider_code, digest, body, correlation_id, created_at
    )
    SELECT
        sqlc.narg('evidence_id')::uuid, o.id, r.payment_id, r.id, @source, @outcome, @verdict, sqlc.narg('evidence_amount'),
        sqlc.narg('evidence_currency'), sqlc.narg('evidence_transaction_id'), @provider_status, @provider_code,
        sqlc.narg('digest'), sqlc.narg('body'), @correlation_id, @now
    FROM o, r
    WHERE sqlc.narg('evidence_id')::uuid IS NOT NULL
)
SELECT count(*) FROM r;

-- name: RefundGet :one
SELECT * FROM refunds WHERE id = @id;

-- name: RefundLock :one
SELECT * FROM refunds WHERE id = @id FOR UPDATE;

-- name: RefundExists :one
SELECT EXISTS (SELECT FROM refunds WHERE id = @id);

-- name: RefundNamed :one
-- The refund that news is about: by our reference, else by the provider's transaction.
SELECT id, order_id FROM refunds
WHERE merchant_txn_id = @merchant_txn_id::text OR provider_transaction_id = @provider_transaction_id::text
ORDER BY (merchant_txn_id = @merchant_txn_id) DESC LIMIT 1;

-- name: RefundWhole :one
SELECT sqlc.embed(refunds), sqlc.embed(payments), sqlc.embed(orders)
FROM refunds
    JOIN payments ON payments.id = refunds.payment_id
    JOIN orders ON orders.id = refunds.order_id
WHERE refunds.id = @id;

-- name: RefundByIdempotencyKey :one
SELECT * FROM refunds WHERE idempotency_principal = @principal::text AND idempotency_key = @key::text;

-- name: RefundTwin :one
-- The newest refund that looks the same and may still give, or gave, its money back.
SELECT * FROM refunds
WHERE payment_id = @payment_id AND amount = @amount AND reason = @reason::text
    AND status NOT IN ('failed', 'rejected', 'canceled') AND created_at > @since::timestamptz
ORDER BY id DESC LIMIT 1;

-- name: RefundsOfPayment :many
SELECT * FROM refunds WHERE payment_id = @payment_id ORDER BY id;

-- name: RefundDescribe :exec
UPDATE refunds SET description = @description, metadata = @metadata, updated_at = @now WHERE id = @id;

-- name: RefundsClaimDue :many
-- Claims refunds that are due to be sent or asked about by pushing them back a lease: a worker that dies leaves them to be
-- claimed again. ARRAY runs the choice once; as a join it may run once per row, and claim more than a batch.
UPDATE refunds SET next_check_at = @lease_until::timestamptz, checks = checks + 1
WHERE id = ANY (ARRAY(
    SELECT due.id FROM refunds AS due WHERE due.next_check_at <= @now::timestamptz
    ORDER BY due.next_check_at LIMIT @batch FOR UPDATE SKIP LOCKED
))
RETURNING *;

-- name: RefundPostpone :exec
-- Gives a claimed check back for later, unless news has moved it meanwhile.
UPDATE refunds SET next_check_at = @next_check_at::timestamptz
WHERE id = @id AND next_check_at = @lease_until::timestamptz;

-- name: RefundAskNow :exec
-- Makes an open refund due at once.
UPDATE refunds SET next_check_at = @now::timestamptz
WHERE id = @id AND status IN ('pending', 'in_review', 'unknown') AND next_check_at > @now;

-- name: RefundOldestOpen :one
-- Since when the oldest open refund waits for the provider; whose approval is missing waits for a person. One probe of the
-- index on (status, id) for each open status.
SELECT oldest.created_at FROM (VALUES ('pending'), ('in_review'), ('unknown')) AS open (status)
CROSS JOIN LATERAL (
    SELECT refunds.created_at FROM refunds
    WHERE refunds.status = open.status AND coalesce(refunds.approval, 'approved') = 'approved'
    ORDER BY refunds.id LIMIT 1
) AS oldest
ORDER BY oldest.created_at LIMIT 1;
