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

-- name: OrderTransactions :many
-- Under which numbers of the provider's own its messages may name an order's money, disputes of it included.
SELECT provider_transaction_id::text FROM payments WHERE payments.order_id = @order_id AND provider_transaction_id IS NOT NULL
UNION ALL
SELECT provider_transaction_id::text FROM refunds WHERE refunds.order_id = @order_id AND provider_transaction_id IS NOT NULL
UNION ALL
SELECT provider_transaction_id::text FROM modifications
WHERE modifications.order_id = @order_id AND provider_transaction_id IS NOT NULL
UNION ALL
SELECT provider_dispute_id FROM disputes WHERE disputes.order_id = @order_id;

-- name: OrderErase :exec
-- The version moves on: whatever decided on the order as it was must read it again, and finds nobody in it.
UPDATE orders SET
    email = NULL, billing = NULL, shipping = NULL, description = '', metadata = '{}', version = version + 1,
    updated_at = @now, erased_at = @now
WHERE id = @id AND erased_at IS NULL;

-- name: PaymentsErase :exec
-- What a shopper is shown to pay by may name them.
UPDATE payments SET
    description = '', metadata = '{}', display_code = '', display_image_url = '', display_text = '', display_expires_at = NULL
WHERE order_id = @order_id
    AND (description <> '' OR metadata <> '{}' OR display_code <> '' OR display_image_url <> '' OR display_text <> '');

-- name: RefundsErase :exec
UPDATE refunds SET description = '', metadata = '{}' WHERE order_id = @order_id AND (description <> '' OR metadata <> '{}');

-- name: DisputesErase :exec
UPDATE disputes SET reason = '' WHERE order_id = @order_id AND reason <> '';

-- name: DiscrepanciesErase :exec
-- That a person has ended it stays; what they wrote about it goes.
UPDATE discrepancies SET resolved_reason = '' WHERE order_id = @order_id::uuid AND resolved_reason <> '';

-- name: EventsErase :exec
UPDATE events SET object = without_person(object) WHERE order_id = @order_id AND object <> without_person(object);

-- name: EvidenceErase :exec
UPDATE evidence SET body = NULL
WHERE payment_id = ANY (ARRAY(SELECT payments.id FROM payments WHERE payments.order_id = @order_id)) AND body IS NOT NULL;

-- name: NotificationsErase :exec
-- Also of those that found no order, or were not proven to come from the provider, but name one of its references, or one of
-- the provider's transactions of it.
UPDATE notifications SET body = notification_facts(body), sealed = NULL
WHERE order_id = @order_id::uuid OR merchant_txn_id = ANY (@refs::text[]) OR transaction_id = ANY (@transactions::text[])
    OR (order_id IS NULL AND notify_type <> 'TXN'
        AND (notification_facts(body)::jsonb ->> 'originTransactionId' = ANY (@transactions)
            OR notification_facts(body)::jsonb ->> 'originMerchantTxnId' = ANY (@refs)));
