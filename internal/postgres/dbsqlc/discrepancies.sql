-- name: DiscrepancyOpen :exec
-- The same disagreement seen again is the same row.
INSERT INTO discrepancies (
    id, class, subject, order_id, payment_id, refund_id, ours, theirs, money_at_risk, currency, first_seen, last_seen
) VALUES (
    @id, @class, @subject, sqlc.narg('order_id'), sqlc.narg('payment_id'), sqlc.narg('refund_id'), @ours, @theirs,
    @money_at_risk, sqlc.narg('currency'), @now, @now
)
ON CONFLICT (class, subject) WHERE status = 'open'
    DO UPDATE SET last_seen = EXCLUDED.last_seen, theirs = EXCLUDED.theirs, money_at_risk = EXCLUDED.money_at_risk;

-- name: DiscrepancyClose :exec
-- A disagreement that later news has ended.
UPDATE discrepancies SET status = 'auto_resolved', last_seen = GREATEST(last_seen, @now::timestamptz)
WHERE id = @id AND status = 'open';

-- name: DiscrepanciesOpenOfOrder :many
SELECT * FROM discrepancies WHERE order_id = @order_id::uuid AND status = 'open' ORDER BY first_seen, id;

-- name: DiscrepanciesOpenByTxn :many
-- Those of the order that a payment, named by our reference, belongs to.
SELECT * FROM discrepancies
WHERE order_id = (SELECT payments.order_id FROM payments WHERE payments.merchant_txn_id = @merchant_txn_id)
    AND status = 'open'
ORDER BY first_seen, id;

-- name: DiscrepanciesStanding :many
-- What is open, by class and currency, of at most so many: few are, and where many are, more are no other news.
SELECT d.class, coalesce(d.currency, '')::text AS currency, count(*) AS discrepancies, sum(d.money_at_risk)::bigint AS money_at_risk
FROM (SELECT class, currency, money_at_risk FROM discrepancies WHERE status = 'open' ORDER BY id LIMIT @counted) AS d
GROUP BY d.class, d.currency;

-- name: DiscrepancyGet :one
SELECT * FROM discrepancies WHERE id = @id;

-- name: DiscrepancyLock :one
SELECT * FROM discrepancies WHERE id = @id FOR UPDATE;

-- name: DiscrepancyExists :one
SELECT EXISTS (SELECT FROM discrepancies WHERE id = @id);

-- name: DiscrepancyResolve :execrows
-- Closed by hand, with who and why.
UPDATE discrepancies SET
    status = 'resolved', last_seen = GREATEST(last_seen, @now::timestamptz), resolved_at = @now::timestamptz,
    resolved_by = @resolved_by::text, resolved_reason = @resolved_reason::text
WHERE id = @id AND status = 'open';
