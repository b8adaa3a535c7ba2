-- What a shopper owes. Money is moved by payments; the status and the amounts here are derived from them and written in
-- the same statement, so that lists and dashboards read one row.

-- +goose Up
CREATE TABLE orders (
    id                      uuid        NOT NULL,
    livemode                boolean     NOT NULL,
    reference               text,
    description             text        NOT NULL DEFAULT '',
    customer_id             uuid,
    email                   text,
    amount                  bigint      NOT NULL,
    currency                text        NOT NULL,
    status                  text        NOT NULL DEFAULT 'open',
    amount_paid             bigint      NOT NULL DEFAULT 0,
    amount_authorized       bigint      NOT NULL DEFAULT 0,
    amount_refunded         bigint      NOT NULL DEFAULT 0,
    amount_refund_pending   bigint      NOT NULL DEFAULT 0,
    amount_disputed         bigint      NOT NULL DEFAULT 0,
    items                   jsonb       NOT NULL DEFAULT '[]',
    billing                 jsonb,
    shipping                jsonb,
    metadata                jsonb       NOT NULL DEFAULT '{}',
    return_url              text        NOT NULL DEFAULT '',
    late_payment            text        NOT NULL DEFAULT 'refund',
    latest_payment_id       uuid,
    needs_review            boolean     NOT NULL DEFAULT false,
    attempts                integer     NOT NULL DEFAULT 0,
    last_sequence           bigint      NOT NULL DEFAULT 0,
    version                 bigint      NOT NULL DEFAULT 1,
    idempotency_principal   text,
    idempotency_key         text,
    idempotency_fingerprint bytea,
    cancel_principal        text,
    cancel_key              text,
    correlation_id          text        NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    expires_at              timestamptz NOT NULL,
    paid_at                 timestamptz,
    canceled_at             timestamptz,
    expired_at              timestamptz,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_amount_positive CHECK (amount > 0),
    CONSTRAINT orders_currency_iso4217 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT orders_status_known CHECK (status IN
        ('open', 'pending', 'authorized', 'paid', 'partially_refunded', 'refunded', 'canceled', 'expired')),
    CONSTRAINT orders_late_payment_known CHECK (late_payment IN ('accept', 'refund', 'review')),
    CONSTRAINT orders_authorized_within_amount CHECK (amount_authorized BETWEEN 0 AND amount),
    CONSTRAINT orders_paid_within_authorized CHECK (amount_paid BETWEEN 0 AND amount_authorized),
    CONSTRAINT orders_refunded_within_paid CHECK (
        amount_refunded >= 0 AND amount_refund_pending >= 0 AND amount_disputed >= 0
        AND amount_refunded + amount_refund_pending + amount_disputed <= amount_paid),
    CONSTRAINT orders_paid_at_when_paid CHECK
        ((status IN ('paid', 'partially_refunded', 'refunded')) = (amount_paid > 0) AND (amount_paid = 0 OR paid_at IS NOT NULL)),
    CONSTRAINT orders_canceled_at_when_canceled CHECK (status <> 'canceled' OR canceled_at IS NOT NULL),
    CONSTRAINT orders_expired_at_when_expired CHECK (status <> 'expired' OR expired_at IS NOT NULL),
    CONSTRAINT orders_idempotency_whole CHECK (num_nulls(idempotency_principal, idempotency_key, idempotency_fingerprint) IN (0, 3)),
    CONSTRAINT orders_counters_positive CHECK (attempts >= 0 AND last_sequence >= 0 AND version > 0)
);

COMMENT ON TABLE orders IS 'One row is one order: what a shopper owes. Amounts are minor units of currency.';
COMMENT ON COLUMN orders.last_sequence IS 'Sequence of the newest event; counted here so that an order''s events have no gaps.';
COMMENT ON COLUMN orders.version IS 'Grows with every change of money or status; writes are guarded by it.';
COMMENT ON COLUMN orders.email IS 'Lower-case copy of the billing email, for the list filter.';

CREATE UNIQUE INDEX orders_reference_key ON orders (reference) WHERE reference IS NOT NULL;
CREATE UNIQUE INDEX orders_idempotency_key ON orders (idempotency_principal, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Lists are newest first by id (UUIDv7); each equality filter has its own index in that order.
CREATE INDEX orders_status_id_idx ON orders (status, id);
CREATE INDEX orders_currency_id_idx ON orders (currency, id);
CREATE INDEX orders_customer_id_idx ON orders (customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX orders_email_id_idx ON orders (email, id) WHERE email IS NOT NULL;
CREATE INDEX orders_amount_idx ON orders (amount);
CREATE INDEX orders_created_at_idx ON orders (created_at);

-- The expiry sweep reads only what is due.
CREATE INDEX orders_due_expiry_idx ON orders (expires_at) WHERE status = 'open';

-- +goose Down
DROP TABLE orders;
