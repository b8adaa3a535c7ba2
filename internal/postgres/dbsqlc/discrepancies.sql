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

-- name: DiscrepanciesStanding :many
-- What is open, by class and currency, of at most so many: few are, and where many are, more are no other news.
SELECT d.class, coalesce(d.currency, '')::text AS currency, count(*) AS discrepancies, sum(d.money_at_risk)::bigint AS money_at_risk
FROM (SELECT class, currency, money_at_risk FROM discrepancies WHERE status = 'open' ORDER BY id LIMIT @counted) AS d
GROUP BY d.class, d.currency;
