-- name: DisputeOrigin :one
-- The payment that a transaction of the provider's collected: by a sale, an authorization, or the capture of one.
SELECT payments.id, payments.order_id FROM payments WHERE payments.provider_transaction_id = @transaction_id::text
UNION ALL
SELECT m.payment_id, m.order_id FROM modifications AS m
WHERE m.provider_transaction_id = @transaction_id AND m.kind = 'capture'
LIMIT 1;

-- name: DisputeNamed :one
-- The dispute that the provider numbers so: a warning, or else a chargeback.
SELECT * FROM disputes
WHERE provider_dispute_id = @provider_dispute_id AND (stage = 'pre_dispute') = @warning::boolean;

-- name: OrderOfDispute :one
-- The payment and its order with the dispute, where that is on record already.
SELECT sqlc.embed(payments), sqlc.embed(orders)
FROM payments JOIN orders ON orders.id = payments.order_id
WHERE payments.id = @payment_id;

-- name: OrderDispute :one
-- The write of any news of a dispute begins with it, in one batch with what follows. It is guarded by the version that the
-- decision was made on.
WITH o AS (
    UPDATE orders SET
        amount_disputed = @amount_disputed, needs_review = @needs_review, last_sequence = @last_sequence,
        version = version + 1, updated_at = @now
    WHERE orders.id = @id AND orders.version = @version
    RETURNING orders.id
)
SELECT CASE WHEN count(*) = 0 THEN refuse_stale() ELSE count(*) END::bigint FROM o;

-- name: PaymentClaim :exec
UPDATE payments SET amount_disputed = @amount_disputed, amount_claimed = @amount_claimed, updated_at = @now WHERE id = @id;

-- name: DisputesCover :exec
-- What disputes claim of a payment is covered anew, where other news changes what is there. The order is locked.
WITH p AS (
    UPDATE payments SET amount_disputed = @payment_amount_disputed WHERE payments.id = @payment_id RETURNING payments.order_id
)
UPDATE orders SET amount_disputed = @order_amount_disputed FROM p WHERE orders.id = p.order_id;

-- name: DisputeInsert :exec
INSERT INTO disputes (
    id, order_id, payment_id, livemode, stage, status, amount, currency, amount_claimed, reason, reason_code, arn,
    provider_dispute_id, provider_status, correlation_id, created_at, updated_at, moved_at, raised_at, evidence_due_by,
    next_check_at, closed_at
) VALUES (
    @id, @order_id, @payment_id, @livemode, @stage, @status, @amount, @currency, @amount_claimed, @reason, @reason_code, @arn,
    @provider_dispute_id, @provider_status, @correlation_id, @now, @now, @now, sqlc.narg('raised_at'),
    sqlc.narg('evidence_due_by'), sqlc.narg('next_check_at'), sqlc.narg('closed_at')
);

-- name: DisputeMove :exec
UPDATE disputes SET
    stage = @stage, status = @status, amount = @amount, currency = @currency, amount_claimed = @amount_claimed, reason = @reason,
    reason_code = @reason_code, arn = @arn, provider_status = @provider_status, not_found_count = @not_found_count,
    moved_at = @moved_at, raised_at = sqlc.narg('raised_at'), evidence_due_by = sqlc.narg('evidence_due_by'),
    next_check_at = sqlc.narg('next_check_at'), closed_at = sqlc.narg('closed_at'), updated_at = @now
WHERE id = @id;

-- name: DisputeEvidenceInsert :exec
INSERT INTO evidence (
    id, order_id, payment_id, dispute_id, source, outcome, verdict, amount, currency, provider_transaction_id, provider_status,
    digest, body, correlation_id, created_at
) VALUES (
    @id, @order_id, @payment_id, @dispute_id::uuid, @source, @outcome, @verdict, sqlc.narg('amount'), sqlc.narg('currency'),
    sqlc.narg('provider_transaction_id'), @provider_status, sqlc.narg('digest'), sqlc.narg('body'), @correlation_id, @now
);

-- name: DisputeGet :one
SELECT * FROM disputes WHERE id = @id;

-- name: DisputeExists :one
SELECT EXISTS (SELECT FROM disputes WHERE id = @id);

-- name: DisputesClaimDue :many
-- Claims disputes whose check is due by pushing it back a lease, as PaymentsClaimDue does.
UPDATE disputes SET next_check_at = @lease_until::timestamptz, checks = checks + 1
WHERE id = ANY (ARRAY(
    SELECT due.id FROM disputes AS due WHERE due.next_check_at <= @now::timestamptz
    ORDER BY due.next_check_at LIMIT @batch FOR UPDATE SKIP LOCKED
))
RETURNING *;

-- name: DisputePostpone :exec
-- Gives a claimed check back for later, unless news has moved it meanwhile.
UPDATE disputes SET next_check_at = @next_check_at::timestamptz
WHERE id = @id AND next_check_at = @lease_until::timestamptz;

-- name: DiscrepancyKnown :one
-- Whether such a disagreement was ever noted, also where it has ended since.
SELECT EXISTS (SELECT FROM discrepancies WHERE subject = @subject AND class = @class);

-- name: DiscrepancyFound :exec
-- What was complained of as missing here is here now.
UPDATE discrepancies SET status = 'auto_resolved', last_seen = GREATEST(last_seen, @now::timestamptz)
WHERE class = 'missing_here' AND subject = @subject AND status = 'open';

-- name: ImportClaim :one
-- Takes an import that is due away from other workers for a while.
UPDATE imports SET due_at = @lease_until::timestamptz WHERE name = @name AND due_at <= @now::timestamptz RETURNING *;

-- name: ImportDone :exec
-- Gives a claimed import back until it is due again, with how far it has come.
UPDATE imports SET due_at = @due_at::timestamptz, covered_until = sqlc.narg('covered_until')
WHERE name = @name AND due_at = @lease_until::timestamptz;
