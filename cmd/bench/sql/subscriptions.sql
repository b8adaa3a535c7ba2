-- Makes $1 subscriptions that are not due for years: copies of one that the service made. They lie in the table and in its
-- indexes, where a claim must not read them.
INSERT INTO subscriptions
SELECT s.* FROM (SELECT to_jsonb(subscriptions) AS model FROM subscriptions WHERE next_run_at IS NOT NULL LIMIT 1) AS one
CROSS JOIN generate_series(1, $1::int) AS i
CROSS JOIN LATERAL jsonb_populate_record(NULL::subscriptions, one.model || jsonb_build_object(
    'id', bench_id(), 'next_run_at', now() + interval '10 years' + i * interval '1 second',
    'idempotency_principal', NULL, 'idempotency_key', NULL, 'idempotency_fingerprint', NULL)) AS s;
