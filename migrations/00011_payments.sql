-- Attempts at paying an order. The database itself holds what must never break: one live payment per order, one row per
-- reference at the provider, and no amount above the one before it in the chain.

-- +goose Up
CREATE TABLE payments (
    id                      uuid        NOT NULL,
    order_id                uuid        NOT NULL,
    livemode                boolean     NOT NULL,
    attempt                 integer     NOT NULL,
    status                  text        NOT NULL,
    capture_method          text        NOT NULL,
    amount                  bigint      NOT NULL,
    currency                text        NOT NULL,
    amount_authorized       bigint      NOT NULL DEFAULT 0,
    amount_captured         bigint      NOT NULL DEFAULT 0,
    amount_refunded         bigint      NOT NULL DEFAULT 0,
    amount_refund_pending   bigint      NOT NULL DEFAULT 0,
    amount_disputed         bigint      NOT NULL DEFAULT 0,
    merchant_txn_id         text        NOT NULL,
    provider_transaction_id text,
    confirmed               boolean     NOT NULL DEFAULT false,
    surplus                 boolean     NOT NULL DEFAULT false,
    card_brand              text        NOT NULL,
    card_last4              text        NOT NULL,
    card_exp_month          smallint    NOT NULL,
    card_exp_year           smallint    NOT NULL,
    card_country            text        NOT NULL DEFAULT '',
    redirect_url            text        NOT NULL DEFAULT '',
    return_url              text        NOT NULL DEFAULT '',
    challenged              boolean     NOT NULL DEFAULT false,
    three_ds_result         text        NOT NULL DEFAULT '',
    eci                     text        NOT NULL DEFAULT '',
    failure_code            text,
    failure_decline_code    text,
    failure_message         text,
    failure_category        text,
    failure_provider_code   text,
    description             text        NOT NULL DEFAULT '',
    metadata                jsonb       NOT NULL DEFAULT '{}',
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
    CONSTRAINT payments_pkey PRIMARY KEY (id),
    CONSTRAINT payments_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT payments_attempt_key UNIQUE (order_id, attempt),
    CONSTRAINT payments_merchant_txn_id_key UNIQUE (merchant_txn_id),
    CONSTRAINT payments_merchant_txn_id_length CHECK (length(merchant_txn_id) BETWEEN 1 AND 64),
    CONSTRAINT payments_status_known CHECK (status IN
        ('processing', 'requires_action', 'unknown', 'authorized', 'succeeded', 'failed', 'canceled', 'expired')),
    CONSTRAINT payments_capture_method_known CHECK (capture_method IN ('automatic', 'manual')),
    CONSTRAINT payments_three_ds_result_known CHECK (three_ds_result IN
        ('', 'authenticated', 'frictionless', 'failed', 'timeout', 'rejected')),
    CONSTRAINT payments_failure_category_known CHECK (failure_category IN ('soft', 'hard', 'technical', 'configuration')),
    CONSTRAINT payments_failure_whole CHECK
        (num_nulls(failure_code, failure_decline_code, failure_message, failure_category, failure_provider_code) IN (0, 5)),
    CONSTRAINT payments_currency_iso4217 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT payments_amount_positive CHECK (amount > 0 AND attempt > 0),
    CONSTRAINT payments_authorized_within_amount CHECK (amount_authorized BETWEEN 0 AND amount),
    CONSTRAINT payments_captured_within_authorized CHECK (amount_captured BETWEEN 0 AND amount_authorized),
    CONSTRAINT payments_refunded_within_captured CHECK (
        amount_refunded >= 0 AND amount_refund_pending >= 0 AND amount_disputed >= 0
        AND amount_refunded + amount_refund_pending + amount_disputed <= amount_captured),
    CONSTRAINT payments_captured_when_succeeded CHECK ((status = 'succeeded') = (amount_captured > 0)),
    CONSTRAINT payments_authorized_when_held CHECK ((status IN ('authorized', 'succeeded')) = (amount_authorized > 0)),
    CONSTRAINT payments_final_at_when_final CHECK
        ((status IN ('succeeded', 'failed', 'canceled', 'expired')) = (final_at IS NOT NULL)),
    CONSTRAINT payments_checked_while_open CHECK
        (status NOT IN ('processing', 'requires_action', 'unknown') OR next_check_at IS NOT NULL),
    -- All that is kept of a card: no number fits here.
    CONSTRAINT payments_card_last4_digits CHECK (card_last4 ~ '^[0-9]{4}$'),
    CONSTRAINT payments_card_expiry_sane CHECK (card_exp_month BETWEEN 1 AND 12 AND card_exp_year BETWEEN 2000 AND 2199),
    CONSTRAINT payments_idempotency_whole CHECK
        (num_nulls(idempotency_principal, idempotency_key, idempotency_fingerprint) IN (0, 3))
);

COMMENT ON TABLE payments IS 'One row is one attempt at paying an order. Amounts are minor units of currency.';
COMMENT ON COLUMN payments.next_check_at IS 'When the provider is asked next; NULL when nothing is open.';
COMMENT ON COLUMN payments.surplus IS 'A second success on an order that is paid: never counted as paid.';

-- At most one live payment per order, whatever the code does.
CREATE UNIQUE INDEX payments_one_live_per_order ON payments (order_id)
    WHERE status IN ('processing', 'requires_action', 'unknown', 'authorized', 'succeeded') AND NOT surplus;
CREATE UNIQUE INDEX payments_provider_transaction_id_key ON payments (provider_transaction_id)
    WHERE provider_transaction_id IS NOT NULL;
CREATE UNIQUE INDEX payments_idempotency_key ON payments (order_id, idempotency_principal, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX payments_status_id_idx ON payments (status, id);
CREATE INDEX payments_order_id_idx ON payments (order_id, id);
CREATE INDEX payments_created_at_idx ON payments (created_at);

-- The settling sweep reads only what is due.
CREATE INDEX payments_due_check_idx ON payments (next_check_at) WHERE next_check_at IS NOT NULL;

-- +goose Down
DROP TABLE payments;
