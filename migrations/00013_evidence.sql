-- Every piece of news that reached a payment and what we made of it: the record that a dispute or an audit asks for.
-- Bulky, so partitioned by month from the start; retention drops partitions.

-- +goose Up
CREATE TABLE evidence (
    id                      uuid        NOT NULL,
    order_id                uuid        NOT NULL,
    payment_id              uuid        NOT NULL,
    source                  text        NOT NULL,
    outcome                 text        NOT NULL,
    verdict                 text        NOT NULL,
    amount                  bigint,
    currency                text,
    provider_transaction_id text,
    provider_status         text        NOT NULL DEFAULT '',
    provider_code           text        NOT NULL DEFAULT '',
    digest                  bytea,
    body                    jsonb,
    correlation_id          text        NOT NULL,
    created_at              timestamptz NOT NULL,
    CONSTRAINT evidence_pkey PRIMARY KEY (id, created_at),
    CONSTRAINT evidence_source_known CHECK (source IN ('answer', 'notification', 'query')),
    CONSTRAINT evidence_verdict_known CHECK
        (verdict IN ('move', 'same', 'stale', 'late', 'conflict', 'mismatch', 'unproven'))
) PARTITION BY RANGE (created_at);

COMMENT ON TABLE evidence IS 'One row is one piece of news about a payment and the verdict on it. Append-only.';

CREATE INDEX evidence_payment_idx ON evidence (payment_id, created_at);

CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE ON evidence
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The default partition is a net: news must never be lost because a month's partition was not made in time.
CREATE TABLE evidence_default PARTITION OF evidence DEFAULT;

-- Months are made ahead by a periodic job; these serve until it first runs.
-- +goose StatementBegin
DO $$
DECLARE
    first_day date;
BEGIN
    FOR ahead IN -1..2 LOOP
        first_day := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead);
        EXECUTE format('CREATE TABLE evidence_%s PARTITION OF evidence FOR VALUES FROM (%L) TO (%L)',
            to_char(first_day, 'YYYY_MM'), first_day || ' 00:00:00+00', (first_day + interval '1 month')::date || ' 00:00:00+00');
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE evidence;
