-- name: OrdersToErase :many
-- The orders of a customer that still say who that was.
SELECT id FROM orders WHERE customer_id = @customer_id::uuid AND erased_at IS NULL ORDER BY id LIMIT @batch;

-- name: OrderReferences :many
-- Under which references the provider knows of an order's money.
SELECT merchant_txn_id FROM payments WHERE payments.order_id = @order_id
UNION ALL
SELECT merchant_txn_id FROM refunds WHERE refunds.order_id = @order_id
UNION ALL
SELECT merchant_txn_id FROM modifications WHERE modifications.order_id = @order_id;

-- name: OrderErase :exec
-- The version moves on: whatever decided on the order as it was must read it again, and finds nobody in it.
UPDATE orders SET
    email = NULL, billing = NULL, shipping = NULL, description = '', metadata = '{}', version = version + 1,
    updated_at = @now, erased_at = @now
WHERE id = @id AND erased_at IS NULL;

-- name: PaymentsErase :exec
UPDATE payments SET description = '', metadata = '{}' WHERE order_id = @order_id AND (description <> '' OR metadata <> '{}');

-- name: RefundsErase :exec
UPDATE refunds SET description = '', metadata = '{}' WHERE order_id = @order_id AND (description <> '' OR metadata <> '{}');

-- name: EventsErase :exec
UPDATE events SET object = without_person(object) WHERE order_id = @order_id AND object <> without_person(object);

-- name: EvidenceErase :exec
UPDATE evidence SET body = NULL
WHERE payment_id = ANY (ARRAY(SELECT payments.id FROM payments WHERE payments.order_id = @order_id)) AND body IS NOT NULL;

-- name: NotificationsErase :exec
-- Also of those that found no order, or were not proven to come from the provider, but name one of its references.
UPDATE notifications SET body = notification_facts(body)
WHERE order_id = @order_id::uuid OR merchant_txn_id = ANY (@refs::text[]);
