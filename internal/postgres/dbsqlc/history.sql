-- What an order's timeline is told from. All of it is of one order and bounded; it travels as one batch.

-- name: HistoryCursor :one
-- When the event was written that a page begins after.
SELECT created_at FROM events WHERE order_id = @order_id AND id = @id;

-- name: HistoryEvents :many
SELECT * FROM events
WHERE events.order_id = @order_id AND events.sequence > coalesce(
    (SELECT cursor.sequence FROM events AS cursor WHERE cursor.order_id = @order_id AND cursor.id = sqlc.narg('after')::uuid), 0)
ORDER BY events.sequence LIMIT @batch;

-- name: HistoryPayments :many
SELECT * FROM payments WHERE order_id = @order_id ORDER BY attempt DESC LIMIT @batch;

-- name: HistoryEvidence :many
-- By payment, which has the index. The order's age keeps older months' partitions out; the hour is for clocks that differ.
SELECT evidence.id, evidence.payment_id, evidence.refund_id, evidence.dispute_id, evidence.source, evidence.outcome, evidence.verdict, evidence.amount,
    evidence.currency, evidence.provider_transaction_id, evidence.provider_status, evidence.provider_code, evidence.created_at
FROM evidence
WHERE evidence.payment_id = ANY (ARRAY(SELECT payments.id FROM payments WHERE payments.order_id = @order_id))
    AND evidence.created_at >= (SELECT orders.created_at - interval '1 hour' FROM orders WHERE orders.id = @order_id)
    AND evidence.created_at > coalesce(
        (SELECT cursor.created_at FROM events AS cursor WHERE cursor.order_id = @order_id AND cursor.id = sqlc.narg('after')::uuid),
        '-infinity')
ORDER BY evidence.created_at, evidence.id LIMIT @batch;

-- name: HistoryDiscrepancies :many
SELECT * FROM discrepancies WHERE order_id = @order_id AND status = 'open' ORDER BY id DESC LIMIT @batch;

-- name: HistoryModifications :many
SELECT * FROM modifications WHERE order_id = @order_id ORDER BY id DESC LIMIT @batch;

-- name: HistoryRefunds :many
SELECT * FROM refunds WHERE order_id = @order_id ORDER BY id DESC LIMIT @batch;

-- name: HistoryDisputes :many
SELECT * FROM disputes WHERE order_id = @order_id ORDER BY id DESC LIMIT @batch;

-- name: EvidenceOfOrder :many
-- With the bodies, oldest first, for the file of a dispute.
SELECT * FROM evidence
WHERE evidence.payment_id = ANY (ARRAY(SELECT payments.id FROM payments WHERE payments.order_id = @order_id))
    AND evidence.created_at >= (SELECT orders.created_at - interval '1 hour' FROM orders WHERE orders.id = @order_id)
    AND (evidence.created_at, evidence.id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY evidence.created_at, evidence.id LIMIT @batch;
