-- Where our record and the provider's do not match, until they do.

-- +goose Up
CREATE TABLE discrepancies (
    id            uuid        NOT NULL,
    class         text        NOT NULL,
    subject       text        NOT NULL,
    order_id      uuid,
    payment_id    uuid,
    ours          jsonb       NOT NULL,
    theirs        jsonb       NOT NULL,
    money_at_risk bigint      NOT NULL,
    currency      text,
    status        text        NOT NULL DEFAULT 'open',
    first_seen    timestamptz NOT NULL,
    last_seen     timestamptz NOT NULL,
    CONSTRAINT discrepancies_pkey PRIMARY KEY (id),
    CONSTRAINT discrepancies_class_known CHECK (class IN
        ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here')),
    CONSTRAINT discrepancies_status_known CHECK (status IN ('open', 'resolved', 'auto_resolved')),
    CONSTRAINT discrepancies_money_at_risk_not_negative CHECK (money_at_risk >= 0),
    CONSTRAINT discrepancies_seen_in_order CHECK (first_seen <= last_seen)
);

COMMENT ON TABLE discrepancies IS 'One row is one disagreement with the provider about one subject; money_at_risk in minor units.';
COMMENT ON COLUMN discrepancies.subject IS 'What it is about: a payment''s merchant_txn_id, or a transaction that only the provider has.';

-- The same disagreement seen again is the same row.
CREATE UNIQUE INDEX discrepancies_open_key ON discrepancies (class, subject) WHERE status = 'open';
CREATE INDEX discrepancies_status_id_idx ON discrepancies (status, id);
CREATE INDEX discrepancies_order_idx ON discrepancies (order_id) WHERE order_id IS NOT NULL;

-- +goose Down
DROP TABLE discrepancies;
