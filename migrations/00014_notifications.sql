-- What the provider told us of its own accord. The raw body's hash makes a repeat visible; uniqueness holds within a month,
-- and a repeat across the boundary is a no-op when it is applied. What was not proven to come from the provider is kept
-- apart by the key itself: a forged copy can neither hide nor change a genuine row.

-- +goose Up
CREATE TABLE notifications (
    id              uuid        NOT NULL,
    month           date        NOT NULL,
    body_hash       bytea       NOT NULL,
    status          text        NOT NULL,
    verified        boolean     NOT NULL GENERATED ALWAYS AS (status <> 'quarantined') STORED,
    reason          text        NOT NULL DEFAULT '',
    notify_type     text        NOT NULL DEFAULT '',
    txn_type        text        NOT NULL DEFAULT '',
    transaction_id  text        NOT NULL DEFAULT '',
    merchant_txn_id text        NOT NULL DEFAULT '',
    order_id        uuid,
    payment_id      uuid,
    deliveries      integer     NOT NULL DEFAULT 1,
    attempts        integer     NOT NULL DEFAULT 0,
    remote_address  text        NOT NULL DEFAULT '',
    body            text        NOT NULL,
    correlation_id  text        NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    applied_at      timestamptz,
    CONSTRAINT notifications_pkey PRIMARY KEY (id, month),
    CONSTRAINT notifications_body_key UNIQUE (month, body_hash, verified),
    CONSTRAINT notifications_month_first_day CHECK (extract(day FROM month) = 1),
    CONSTRAINT notifications_body_hash_sha256 CHECK (length(body_hash) = 32),
    CONSTRAINT notifications_status_known CHECK
        (status IN ('received', 'applied', 'unmatched', 'failed', 'dead', 'quarantined')),
    CONSTRAINT notifications_applied_at_when_applied CHECK ((status = 'applied') = (applied_at IS NOT NULL)),
    CONSTRAINT notifications_counters_sane CHECK (deliveries > 0 AND attempts >= 0)
) PARTITION BY RANGE (month);

COMMENT ON TABLE notifications IS 'One row is one distinct notification body from the provider; body is redacted.';
COMMENT ON COLUMN notifications.reason IS 'What came of it: the verdict on it when applied, else why it was not.';
COMMENT ON COLUMN notifications.deliveries IS 'How often the provider sent it.';
COMMENT ON COLUMN notifications.attempts IS 'How often we tried again by ourselves.';

CREATE INDEX notifications_status_idx ON notifications (status, id);
CREATE INDEX notifications_transaction_idx ON notifications (transaction_id);
CREATE INDEX notifications_merchant_txn_idx ON notifications (merchant_txn_id);
CREATE INDEX notifications_order_idx ON notifications (order_id) WHERE order_id IS NOT NULL;

-- The default partition is a net: news must never be lost because a month's partition was not made in time.
CREATE TABLE notifications_default PARTITION OF notifications DEFAULT;

-- Months are made ahead by a periodic job; these serve until it first runs.
-- +goose StatementBegin
DO $$
DECLARE
    first_day date;
BEGIN
    FOR ahead IN -1..2 LOOP
        first_day := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead);
        EXECUTE format('CREATE TABLE notifications_%s PARTITION OF notifications FOR VALUES FROM (%L) TO (%L)',
            to_char(first_day, 'YYYY_MM'), first_day, (first_day + interval '1 month')::date);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE notifications;
