-- name: CustomerInsert :exec
INSERT INTO customers (
    id, livemode, email, name, phone, description, billing, metadata, idempotency_principal, idempotency_key,
    idempotency_fingerprint, correlation_id, created_at, updated_at
) VALUES (
    @id, @livemode, @email, @name, @phone, @description, sqlc.narg('billing'), @metadata, sqlc.narg('idempotency_principal'),
    sqlc.narg('idempotency_key'), sqlc.narg('idempotency_fingerprint'), @correlation_id, @now, @now
);

-- name: CustomerGet :one
SELECT * FROM customers WHERE id = @id;

-- name: CustomerLock :one
SELECT * FROM customers WHERE id = @id FOR UPDATE;

-- name: CustomerByIdempotencyKey :one
SELECT * FROM customers WHERE idempotency_principal = @principal::text AND idempotency_key = @key::text;

-- name: CustomerDescribe :exec
UPDATE customers SET
    email = @email, name = @name, phone = @phone, description = @description, billing = sqlc.narg('billing'),
    metadata = @metadata, updated_at = @now
WHERE id = @id AND deleted_at IS NULL;

-- name: CustomerErase :execrows
-- Nothing stays but the id and the times. Orders that are being written wait for it, or it for them.
UPDATE customers SET
    email = '', name = '', phone = '', description = '', billing = NULL, metadata = '{}', idempotency_principal = NULL,
    idempotency_key = NULL, idempotency_fingerprint = NULL, correlation_id = '', updated_at = @now, deleted_at = @now
WHERE id = @id AND deleted_at IS NULL;

-- name: CustomerExists :one
SELECT EXISTS (SELECT FROM customers WHERE id = @id);
