-- The contents that the service gave the rows of one payment, for the twin to write the same. $1 is the order.
SELECT v.name, v.value
FROM orders o
JOIN payments p ON p.order_id = o.id
JOIN evidence a ON a.payment_id = p.id AND a.source = 'answer'
JOIN evidence b ON b.payment_id = p.id AND b.source = 'notification'
JOIN notifications n ON n.payment_id = p.id
CROSS JOIN LATERAL (
    SELECT
        max(object::text) FILTER (WHERE type = 'order.created') AS created,
        max(object::text) FILTER (WHERE type = 'payment.processing') AS processing,
        max(object::text) FILTER (WHERE type = 'payment.succeeded') AS succeeded,
        max(object::text) FILTER (WHERE type = 'order.paid') AS paid
    FROM events WHERE order_id = o.id
) e
CROSS JOIN LATERAL (VALUES
    ('description', o.description),
    ('email', o.email),
    ('amount', o.amount::text),
    ('currency', o.currency),
    ('items', o.items::text),
    ('billing', o.billing::text),
    ('shipping', o.shipping::text),
    ('metadata', o.metadata::text),
    ('return_url', o.return_url),
    ('late_payment', o.late_payment),
    ('principal', o.idempotency_principal),
    ('fingerprint', o.idempotency_fingerprint::text),
    ('correlation', o.correlation_id),
    ('card_brand', p.card_brand),
    ('card_last4', p.card_last4),
    ('card_country', p.card_country),
    ('eci', p.eci),
    ('event_created', e.created),
    ('event_processing', e.processing),
    ('event_succeeded', e.succeeded),
    ('event_paid', e.paid),
    ('answer_outcome', a.outcome),
    ('answer_status', a.provider_status),
    ('answer_code', a.provider_code),
    ('answer_digest', a.digest::text),
    ('answer_body', a.body::text),
    ('news_outcome', b.outcome),
    ('news_verdict', b.verdict),
    ('news_status', b.provider_status),
    ('news_code', b.provider_code),
    ('news_digest', b.digest::text),
    ('news_body', b.body::text),
    ('notify_type', n.notify_type),
    ('txn_type', n.txn_type),
    ('remote_address', n.remote_address),
    ('notification', n.body)
) AS v(name, value)
WHERE o.id = $1;
