-- Captures and voids of authorized payments. Each is a transaction of its own at the provider; at most one of a payment's is
-- live, and one that has succeeded stays the only one.

-- +goose Up
CREATE TABLE modifications (
    id                      uuid        NOT NULL,
    order_id                uuid        NOT NULL,
    payment_id              uuid        NOT NULL,
    livemode                boolean     NOT NULL,
    kind                    text        NOT NULL,
    amount                  bigint      NOT NULL,
    currency                text        NOT NULL,
    status                  text        NOT NULL DEFAULT 'pending',
    merchant_txn_id         text        NOT NULL,
    provider_transaction_id text,
    failure_code            text,
    failure_message         text,
    failure_provider_code   text,
    not_found_count         integer     NOT NULL DEFAULT 0,
    checks                  integer     NOT NULL DEFAULT 0,
    idempotency_principal   text,
    idempotency_key         text,
    idempotency_fingerprint bytea,
    correlation_id          text        NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    sent_at                 timestamptz NOT NULL,
    next_check_at           timestamptz,
    final_at                timestamptz,
    CONSTRAINT modifications_pkey PRIMARY KEY (id),
    CONSTRAINT modifications_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT modifications_payment_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT modifications_merchant_txn_id_key UNIQUE (merchant_txn_id),
    CONSTRAINT modifications_merchant_txn_id_length CHECK (length(merchant_txn_id) BETWEEN 1 AND 64),
    CONSTRAINT modifications_kind_known CHECK (kind IN ('capture', 'void')),
    CONSTRAINT modifications_amount_positive CHECK (amount > 0),
    CONSTRAINT modifications_currency_iso4217 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT modifications_status_known CHECK (status IN ('pending', 'unknown', 'succeeded', 'failed')),
    CONSTRAINT modifications_failure_whole CHECK (num_nulls(failure_code, failure_message, failure_provider_code) IN (0, 3)),
    CONSTRAINT modifications_failure_when_failed CHECK ((failure_code IS NOT NULL) = (status = 'failed')),
    CONSTRAINT modifications_final_at_when_final CHECK ((status IN ('succeeded', 'failed')) = (final_at IS NOT NULL)),
    CONSTRAINT modifications_checked_while_open CHECK (status NOT IN ('pending', 'unknown') OR next_check_at IS NOT NULL),
    CONSTRAINT modifications_idempotency_whole CHECK
        (num_nulls(idempotency_principal, idempotency_key, idempotency_fingerprint) IN (0, 3)),
    CONSTRAINT modifications_counters_sane CHECK (not_found_count >= 0 AND checks >= 0)
);

COMMENT ON TABLE modifications IS 'One row is one capture or void of an authorized payment. Amounts are minor units of currency.';
COMMENT ON COLUMN modifications.sent_at IS 'Committed before the provider is called, once; a row is never sent again.';
COMMENT ON COLUMN modifications.next_check_at IS 'When the provider is asked next; NULL when it is not.';

-- Whatever the code does, no authorization is captured twice, or captured and voided.
CREATE UNIQUE INDEX modifications_one_live_per_payment ON modifications (payment_id)
    WHERE status IN ('pending', 'unknown', 'succeeded');
CREATE UNIQUE INDEX modifications_provider_transaction_id_key ON modifications (provider_transaction_id)
    WHERE provider_transaction_id IS NOT NULL;
CREATE UNIQUE INDEX modifications_idempotency_key ON modifications (payment_id, kind, idempotency_principal, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX modifications_payment_id_idx ON modifications (payment_id, id);
CREATE INDEX modifications_order_id_idx ON modifications (order_id, id);

-- The settling sweep reads only what is due.
CREATE INDEX modifications_due_check_idx ON modifications (next_check_at) WHERE next_check_at IS NOT NULL;

-- +goose Down
DROP TABLE modifications;
