-- Money that goes back to shoppers. A refund reserves its amount on the payment and the order in the statement that inserts
-- it, so that no two of them can give back the same money; every unsuccessful end gives the reservation back.

-- +goose Up
CREATE TABLE refunds (
    id                      uuid        NOT NULL,
    order_id                uuid        NOT NULL,
    payment_id              uuid        NOT NULL,
    livemode                boolean     NOT NULL,
    amount                  bigint      NOT NULL,
    currency                text        NOT NULL,
    reason                  text        NOT NULL,
    origin                  text        NOT NULL,
    status                  text        NOT NULL DEFAULT 'pending',
    merchant_txn_id         text        NOT NULL,
    provider_transaction_id text,
    failure_code            text,
    failure_message         text,
    failure_provider_code   text,
    description             text        NOT NULL DEFAULT '',
    metadata                jsonb       NOT NULL DEFAULT '{}',
    sends                   integer     NOT NULL DEFAULT 0,
    not_found_count         integer     NOT NULL DEFAULT 0,
    checks                  integer     NOT NULL DEFAULT 0,
    idempotency_principal   text,
    idempotency_key         text,
    idempotency_fingerprint bytea,
    correlation_id          text        NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    sent_at                 timestamptz,
    next_check_at           timestamptz,
    final_at                timestamptz,
    CONSTRAINT refunds_pkey PRIMARY KEY (id),
    CONSTRAINT refunds_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT refunds_payment_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT refunds_merchant_txn_id_key UNIQUE (merchant_txn_id),
    CONSTRAINT refunds_merchant_txn_id_length CHECK (length(merchant_txn_id) BETWEEN 1 AND 64),
    CONSTRAINT refunds_amount_positive CHECK (amount > 0),
    CONSTRAINT refunds_currency_iso4217 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT refunds_reason_known CHECK (reason IN ('requested_by_customer', 'duplicate', 'fraudulent', 'other')),
    CONSTRAINT refunds_origin_known CHECK (origin IN ('api', 'late_payment', 'surplus', 'provider')),
    CONSTRAINT refunds_status_known CHECK (status IN
        ('pending', 'in_review', 'unknown', 'succeeded', 'failed', 'rejected', 'canceled')),
    CONSTRAINT refunds_failure_whole CHECK (num_nulls(failure_code, failure_message, failure_provider_code) IN (0, 3)),
    CONSTRAINT refunds_failure_when_unsuccessful CHECK ((failure_code IS NOT NULL) = (status IN ('failed', 'rejected'))),
    CONSTRAINT refunds_sent_when_known CHECK (status IN ('pending', 'failed', 'canceled') OR sent_at IS NOT NULL),
    CONSTRAINT refunds_final_at_when_final CHECK
        ((status IN ('succeeded', 'failed', 'rejected', 'canceled')) = (final_at IS NOT NULL)),
    CONSTRAINT refunds_checked_while_open CHECK
        (status NOT IN ('pending', 'in_review', 'unknown') OR next_check_at IS NOT NULL),
    CONSTRAINT refunds_idempotency_whole CHECK
        (num_nulls(idempotency_principal, idempotency_key, idempotency_fingerprint) IN (0, 3)),
    CONSTRAINT refunds_counters_sane CHECK (sends >= 0 AND not_found_count >= 0 AND checks >= 0)
);

COMMENT ON TABLE refunds IS 'One row is one refund of a payment, whole or in part. Amounts are minor units of currency.';
COMMENT ON COLUMN refunds.sent_at IS 'Committed before the provider is called; NULL: not sent, and whoever sets it sends.';
COMMENT ON COLUMN refunds.sends IS 'How often it was taken to be sent; more than once only where not one byte had left us.';
COMMENT ON COLUMN refunds.next_check_at IS 'When it is sent or the provider is asked next; NULL when nothing is open.';

CREATE UNIQUE INDEX refunds_provider_transaction_id_key ON refunds (provider_transaction_id)
    WHERE provider_transaction_id IS NOT NULL;
CREATE UNIQUE INDEX refunds_idempotency_key ON refunds (idempotency_principal, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX refunds_payment_id_idx ON refunds (payment_id, id);
CREATE INDEX refunds_order_id_idx ON refunds (order_id, id);
CREATE INDEX refunds_status_id_idx ON refunds (status, id);
CREATE INDEX refunds_created_at_idx ON refunds (created_at);

-- The settling sweep reads only what is due.
CREATE INDEX refunds_due_check_idx ON refunds (next_check_at) WHERE next_check_at IS NOT NULL;

-- +goose Down
DROP TABLE refunds;
