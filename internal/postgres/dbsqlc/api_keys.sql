-- name: APIKeyInsert :exec
INSERT INTO api_keys (id, role, name, prefix, digest, livemode, created_at)
VALUES (@id, @role, @name, @prefix, @digest, @livemode, @created_at);

-- A digest that is there keeps its row: its role follows the configuration, but a revoked key stays revoked, or a
-- restart would bring a leaked key back. A key issued by request is not the configuration's to change.
-- name: APIKeyBootstrap :exec
INSERT INTO api_keys (id, role, name, prefix, digest, livemode, bootstrap, created_at)
SELECT unnest(@ids::uuid[]), unnest(@roles::text[]), 'bootstrap', unnest(@prefixes::text[]), unnest(@digests::bytea[]),
    @livemode, true, @created_at
ON CONFLICT (digest) DO UPDATE
SET role = excluded.role
WHERE api_keys.bootstrap AND api_keys.role <> excluded.role;

-- name: APIKeyByDigest :one
SELECT * FROM api_keys
WHERE digest = @digest AND livemode = @livemode AND revoked_at IS NULL;

-- name: APIKeyList :many
SELECT * FROM api_keys
ORDER BY created_at DESC, id DESC;

-- Revoking twice keeps the first time. The clock of another process may be behind the one that created the key.
-- name: APIKeyRevoke :one
UPDATE api_keys
SET revoked_at = coalesce(revoked_at, greatest(created_at, @revoked_at::timestamptz))
WHERE id = @id
RETURNING *;
