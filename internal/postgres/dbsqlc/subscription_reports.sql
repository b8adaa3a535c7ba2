-- name: SubscriptionTotals :many
-- How many subscriptions there are of each kind now.
SELECT currency, status, interval_unit, interval_count,
    sum(subscriptions)::bigint AS subscriptions, sum(amount)::bigint AS amount
FROM subscription_totals
GROUP BY currency, status, interval_unit, interval_count HAVING sum(subscriptions) > 0
ORDER BY currency, status, interval_unit, interval_count;

-- name: SubscriptionsBegunAndEnded :many
-- How many have begun and ended since a moment, by how, and how many of them until another. One that never began does not end.
SELECT currency, to_status, (from_status = 'incomplete')::boolean AS begun,
    (from_status IN ('past_due', 'unpaid'))::boolean AS owing,
    count(*) AS since, count(*) FILTER (WHERE moved_at < @until::timestamptz) AS within
FROM subscription_moves
WHERE moved_at >= @since::timestamptz AND (from_status = 'incomplete' OR to_status IN ('canceled', 'expired'))
    AND NOT (from_status = 'incomplete' AND to_status IN ('canceled', 'expired'))
GROUP BY 1, 2, 3, 4;

-- name: SubscriptionRevenue :many
-- What was paid for periods, and how much of it after a charge had failed. Refunds are not taken off.
SELECT currency, sum(amount_paid)::bigint AS collected,
    coalesce(sum(amount_paid) FILTER (WHERE attempts > 1), 0)::bigint AS recovered
FROM orders
WHERE period_start IS NOT NULL AND amount_paid > 0 AND paid_at >= @since::timestamptz AND paid_at < @until::timestamptz
GROUP BY currency;

-- name: SubscriptionsDunned :many
-- What became of the subscriptions that went past due between two moments: the status that ended it, or the one they have now.
-- Where it was paid in the end, by whom; and of our charges, how many came before the one that paid.
SELECT m.currency, coalesce(fate.to_status, m.to_status)::text AS outcome,
    coalesce(paying.initiator, '')::text AS initiator,
    coalesce(paying.earlier, 0)::bigint AS earlier,
    count(*) AS subscriptions
FROM subscription_moves m
LEFT JOIN LATERAL (
    -- Unpaid is how it stands only where nothing came after it.
    SELECT n.to_status, n.order_id FROM subscription_moves n
    WHERE n.subscription_id = m.subscription_id AND n.version > m.version
    ORDER BY (n.to_status = 'unpaid'), n.version LIMIT 1
) fate ON true
LEFT JOIN LATERAL (
    SELECT p.initiator, CASE WHEN p.initiator = 'merchant' THEN (SELECT count(*) FROM payments e
        WHERE e.order_id = p.order_id AND e.initiator = 'merchant' AND e.attempt < p.attempt) END AS earlier
    FROM payments p
    WHERE p.order_id = fate.order_id
    ORDER BY (p.status = 'succeeded') DESC, p.attempt LIMIT 1
) paying ON fate.to_status = 'active'
WHERE m.to_status = 'past_due' AND m.moved_at >= @since::timestamptz AND m.moved_at < @until::timestamptz
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
