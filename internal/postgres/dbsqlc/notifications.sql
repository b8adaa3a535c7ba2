-- name: NotificationApplied :exec
-- Travels with the news that the notification brought. Once applied is applied: a repeat only counts as a delivery.
INSERT INTO notifications (
    id, month, body_hash, status, reason, notify_type, txn_type, transaction_id, merchant_txn_id, order_id, payment_id,
    remote_address, body, correlation_id, created_at, updated_at, applied_at
) VALUES (
    @id, @month, @body_hash, 'applied', @reason, @notify_type,
    @txn_type, @transaction_id, @merchant_txn_id, @order_id, @payment_id, @remote_address,
    CASE WHEN @erased::boolean THEN notification_facts(@body::text) ELSE @body::text END, @correlation_id, @now, @now, @now
)
ON CONFLICT (month, body_hash, verified) DO UPDATE SET
    deliveries = notifications.deliveries + 1, status = 'applied',
    reason = CASE WHEN notifications.status = 'applied' THEN notifications.reason ELSE EXCLUDED.reason END,
    order_id = EXCLUDED.order_id, payment_id = EXCLUDED.payment_id, updated_at = EXCLUDED.updated_at, sealed = NULL,
    applied_at = coalesce(notifications.applied_at, EXCLUDED.applied_at);

-- name: NotificationKeep :one
-- Keeps what was not applied. A row that was applied, perhaps by the very attempt whose answer we lost, stays so; one that
-- was given up stays so too. One delivery means that the row is new. Of one that names money of an erased order nobody is kept.
INSERT INTO notifications (
    id, month, body_hash, status, reason, notify_type, txn_type, transaction_id, merchant_txn_id, remote_address, body,
    correlation_id, created_at, updated_at, sealed
) VALUES (
    @id, @month, @body_hash, @status, @reason, @notify_type, @txn_type,
    @transaction_id, @merchant_txn_id, @remote_address,
    CASE WHEN names_erased_order(@body::text) THEN notification_facts(@body::text) ELSE @body::text END, @correlation_id, @now, @now,
    sqlc.narg('sealed')
)
ON CONFLICT (month, body_hash, verified) DO UPDATE SET
    deliveries = notifications.deliveries + 1, updated_at = EXCLUDED.updated_at,
    status = CASE WHEN notifications.status IN ('applied', 'dead') THEN notifications.status ELSE EXCLUDED.status END,
    reason = CASE WHEN notifications.status IN ('applied', 'dead') THEN notifications.reason ELSE EXCLUDED.reason END
RETURNING id, created_at, deliveries;

-- name: NotificationGet :one
SELECT * FROM notifications
WHERE id = @id AND month = @month;

-- name: NotificationRetried :exec
-- What came of trying again by ourselves. Never takes back what a delivery has applied meanwhile.
UPDATE notifications SET
    status = @status::text, reason = @reason, attempts = attempts + 1, updated_at = @now,
    order_id = sqlc.narg('order_id'), payment_id = sqlc.narg('payment_id'),
    body = CASE WHEN @erased::boolean THEN notification_facts(body) ELSE body END,
    applied_at = CASE WHEN @status = 'applied' THEN @now::timestamptz END,
    sealed = CASE WHEN @status <> 'applied' THEN sealed END
WHERE id = @id AND month = @month AND status <> 'applied';

-- name: NotificationsStanding :many
-- How many of those since then are not applied, by status, of at most so many each. Ids sort by creation.
SELECT open.status::text AS status, (
    SELECT count(*) FROM (
        SELECT FROM notifications
        WHERE notifications.status = open.status AND notifications.id > @since AND notifications.month >= @month
        LIMIT @counted
    ) AS counted
) AS notifications
FROM (VALUES ('unmatched'), ('failed'), ('dead')) AS open (status);

-- name: NotificationFind :one
-- By its id alone, in whatever month it is: one probe of each partition.
SELECT * FROM notifications WHERE id = @id;

-- name: NotificationExists :one
SELECT EXISTS (SELECT FROM notifications WHERE id = @id);
