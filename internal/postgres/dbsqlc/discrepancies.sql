-- name: DiscrepancyOpen :exec
-- The same disagreement seen again is the same row.
INSERT INTO discrepancies (
    id, class, subject, order_id, payment_id, ours, theirs, money_at_risk, currency, first_seen, last_seen
) VALUES (
    @id, @class, @subject, sqlc.narg('order_id'), sqlc.narg('payment_id'), @ours, @theirs, @money_at_risk,
    sqlc.narg('currency'), @now, @now
)
ON CONFLICT (class, subject) WHERE status = 'open'
    DO UPDATE SET last_seen = EXCLUDED.last_seen, theirs = EXCLUDED.theirs, money_at_risk = EXCLUDED.money_at_risk;
