-- Who buys again: customers. An order may name one; it must be there, and not be deleted.

-- +goose Up
CREATE TABLE customers (
    id                      uuid        NOT NULL,
    livemode                boolean     NOT NULL,
    email                   text        NOT NULL DEFAULT '',
    name                    text        NOT NULL DEFAULT '',
    phone                   text        NOT NULL DEFAULT '',
    description             text        NOT NULL DEFAULT '',
    billing                 jsonb,
    metadata                jsonb       NOT NULL DEFAULT '{}',
    idempotency_principal   text,
    idempotency_key         text,
    idempotency_fingerprint bytea,
    correlation_id          text        NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    deleted_at              timestamptz,
    CONSTRAINT customers_pkey PRIMARY KEY (id),
    CONSTRAINT customers_idempotency_whole CHECK
        (num_nulls(idempotency_principal, idempotency_key, idempotency_fingerprint) IN (0, 3)),
    -- Of a deleted customer nothing is left that tells who it was.
    CONSTRAINT customers_nothing_kept_of_deleted CHECK (deleted_at IS NULL OR (
        email = '' AND name = '' AND phone = '' AND description = '' AND billing IS NULL AND metadata = '{}'
        AND idempotency_key IS NULL AND correlation_id = ''))
);

COMMENT ON TABLE customers IS 'One row is one customer of the merchant; a deleted one keeps its id and its times.';

CREATE UNIQUE INDEX customers_idempotency_key ON customers (idempotency_principal, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX customers_email_id_idx ON customers (lower(email), id) WHERE email <> '';
CREATE INDEX customers_created_at_idx ON customers (created_at);

-- The customer's row is locked until the order is there, so that an erasure sees the order or the order sees the erasure.
-- Orders from before this table may name customers that never were; they are left alone.
-- +goose StatementBegin
CREATE FUNCTION refuse_order_without_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.customer_id AND deleted_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'customer % is not there', NEW.customer_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'orders_customer_there';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION refuse_order_without_customer() IS 'Trigger that lets an order name only a customer that is there.';

CREATE TRIGGER orders_customer_there BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.customer_id IS NOT NULL) EXECUTE FUNCTION refuse_order_without_customer();

-- +goose Down
DROP TRIGGER orders_customer_there ON orders;
DROP FUNCTION refuse_order_without_customer();
DROP TABLE customers;
