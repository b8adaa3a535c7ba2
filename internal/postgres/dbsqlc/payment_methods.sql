-- name: MethodInsert :exec
-- T1: from its commit on the binding exists, whatever dies.
INSERT INTO payment_methods (
    id, livemode, customer_id, provider_customer, card_brand, card_last4, card_exp_month, card_exp_year, billing, metadata,
    idempotency_principal, idempotency_key, idempotency_fingerprint, correlation_id, created_at, updated_at, busy_until
) VALUES (
    @id, @livemode, sqlc.narg('customer_id'), @provider_customer, @card_brand, @card_last4, @card_exp_month, @card_exp_year,
    sqlc.narg('billing'), @metadata, sqlc.narg('idempotency_principal'), sqlc.narg('idempotency_key'),
    sqlc.narg('idempotency_fingerprint'), @correlation_id, @now, @now, @busy_until
);

-- name: MethodGet :one
SELECT * FROM payment_methods WHERE id = @id;

-- name: MethodLock :one
SELECT * FROM payment_methods WHERE id = @id FOR UPDATE;

-- name: MethodByIdempotencyKey :one
SELECT * FROM payment_methods WHERE idempotency_principal = @principal::text AND idempotency_key = @key::text;

-- name: MethodByDigest :one
SELECT * FROM payment_methods WHERE token_digest = @digest::bytea;

-- name: MethodClaim :execrows
-- Whoever goes on with a binding whose answer was lost says so first. Refuses by its own WHERE while somebody is at it.
UPDATE payment_methods SET busy_until = @busy_until WHERE id = @id AND status = 'pending' AND busy_until <= @now;

-- name: MethodRelease :exec
-- The answer was lost, and nobody is at it any more.
UPDATE payment_methods SET busy_until = @now WHERE id = @id AND status = 'pending';

-- name: MethodActivate :execrows
UPDATE payment_methods SET status = 'active', token_sealed = @sealed, token_digest = @digest, updated_at = @now
WHERE id = @id AND status = 'pending';

-- name: MethodFail :execrows
UPDATE payment_methods SET
    status = 'failed', failure_code = @code::text, failure_decline_code = @decline_code::text, failure_message = @message::text,
    failure_refused = @refused, updated_at = @now
WHERE id = @id AND status = 'pending';

-- name: MethodForget :execrows
-- A binding that came to nothing leaves nothing, and its key may be used again.
DELETE FROM payment_methods WHERE id = @id AND status = 'pending';

-- name: MethodDescribe :exec
UPDATE payment_methods SET billing = sqlc.narg('billing'), metadata = @metadata, updated_at = @now WHERE id = @id;

-- name: MethodAttach :exec
UPDATE payment_methods SET customer_id = @customer_id::uuid, updated_at = @now WHERE id = @id AND status = 'active';

-- name: MethodDetach :exec
UPDATE payment_methods SET
    status = 'detached', detached_at = @now::timestamptz, updated_at = @now, token_sealed = coalesce(token_sealed, sqlc.narg('sealed')),
    token_digest = coalesce(token_digest, sqlc.narg('digest'))
WHERE id = @id AND status IN ('pending', 'active');

-- name: MethodTokenGone :exec
-- The provider has forgotten the card, and so do we.
UPDATE payment_methods SET token_sealed = NULL, token_digest = NULL, updated_at = @now WHERE id = @id AND status = 'detached';

-- name: MethodsActiveOf :many
SELECT * FROM payment_methods WHERE customer_id = @customer_id::uuid AND status = 'active' ORDER BY id FOR UPDATE;

-- name: MethodsErase :exec
UPDATE payment_methods SET
    billing = NULL, metadata = '{}', idempotency_principal = NULL, idempotency_key = NULL, idempotency_fingerprint = NULL,
    correlation_id = '', updated_at = @now
WHERE customer_id = @customer_id::uuid;

-- name: MethodExists :one
SELECT EXISTS (SELECT FROM payment_methods WHERE id = @id);

-- name: MethodDigestsKnown :many
-- Which of these tokens are methods of ours.
SELECT token_digest::bytea FROM payment_methods WHERE token_digest = ANY (@digests::bytea[]);

-- name: CustomerTell :execrows
-- One event of a customer. The row is locked by counting it, so that nothing is told of a customer who is deleted meanwhile,
-- but what the deletion itself brings about.
WITH c AS (
    UPDATE customers SET last_sequence = last_sequence + 1
    WHERE customers.id = @customer_id AND (customers.deleted_at IS NULL OR @deleted_too::boolean)
    RETURNING customers.id, customers.livemode, customers.last_sequence
)
INSERT INTO customer_events (customer_id, sequence, id, livemode, type, object, correlation_id, created_at)
SELECT c.id, c.last_sequence, @event_id, c.livemode, @event_type, @event_object, @correlation_id, @now FROM c;

-- name: CustomerEventsErase :exec
UPDATE customer_events SET object = without_person(object)
WHERE customer_id = @customer_id AND object <> without_person(object);
