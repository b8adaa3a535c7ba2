-- Cards that the provider keeps for later charges. We keep what a person recognizes them by and, sealed, the provider's token.

-- +goose Up
CREATE TABLE payment_methods (
    id                      uuid        NOT NULL,
    livemode                boolean     NOT NULL,
    customer_id             uuid,
    provider_customer       text        NOT NULL,
    status                  text        NOT NULL DEFAULT 'pending',
    card_brand              text        NOT NULL,
    card_last4              text        NOT NULL,
    card_exp_month          smallint    NOT NULL,
    card_exp_year           smallint    NOT NULL,
    token_sealed            bytea,
    token_digest            bytea,
    billing                 jsonb,
    metadata                jsonb       NOT NULL DEFAULT '{}',
    failure_code            text,
    failure_decline_code    text,
    failure_message         text,
    failure_refused         boolean     NOT NULL DEFAULT false,
    idempotency_principal   text,
    idempotency_key         text,
    idempotency_fingerprint bytea,
    correlation_id          text        NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    busy_until              timestamptz NOT NULL,
    detached_at             timestamptz,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (id),
    CONSTRAINT payment_methods_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT payment_methods_status_known CHECK (status IN ('pending', 'active', 'failed', 'detached')),
    CONSTRAINT payment_methods_provider_customer_shape CHECK (provider_customer ~ '^[A-Za-z0-9_-]{1,40}$'),
    CONSTRAINT payment_methods_token_whole CHECK (num_nulls(token_sealed, token_digest) IN (0, 2)),
    CONSTRAINT payment_methods_token_when_active CHECK (status = 'detached' OR (status = 'active') = (token_sealed IS NOT NULL)),
    CONSTRAINT payment_methods_failure_when_failed CHECK
        ((status = 'failed') = (num_nulls(failure_code, failure_decline_code, failure_message) = 0)),
    CONSTRAINT payment_methods_detached_at_when_detached CHECK ((status = 'detached') = (detached_at IS NOT NULL)),
    -- All that is kept of a card in the clear: no number fits here.
    CONSTRAINT payment_methods_card_last4_digits CHECK (card_last4 ~ '^[0-9]{4}$'),
    CONSTRAINT payment_methods_card_expiry_sane CHECK (card_exp_month BETWEEN 1 AND 12 AND card_exp_year BETWEEN 2000 AND 2199),
    CONSTRAINT payment_methods_idempotency_whole CHECK
        (num_nulls(idempotency_principal, idempotency_key, idempotency_fingerprint) IN (0, 3))
);

COMMENT ON TABLE payment_methods IS 'One row is one card that the provider keeps, or is asked to keep.';
COMMENT ON COLUMN payment_methods.provider_customer IS 'Under whose name the provider keeps it: the customer''s id, or the row''s own.';
COMMENT ON COLUMN payment_methods.token_sealed IS 'The provider''s token, AES-256-GCM under a key of DATA_KEY, bound to the row''s id.';
COMMENT ON COLUMN payment_methods.token_digest IS 'Keyed hash of the token, by which it is recognized.';
COMMENT ON COLUMN payment_methods.busy_until IS 'Until when somebody may be asking the provider about a pending row; committed before they do.';
COMMENT ON COLUMN payment_methods.customer_id IS 'Whose it is, or was before it was detached.';

-- A token stands for one method only: detaching one must not take another's card away.
CREATE UNIQUE INDEX payment_methods_token_digest_key ON payment_methods (token_digest) WHERE token_digest IS NOT NULL;
CREATE UNIQUE INDEX payment_methods_idempotency_key ON payment_methods (idempotency_principal, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
-- A lost answer is looked for by the card, so of one card only one may be looked for at a time.
CREATE UNIQUE INDEX payment_methods_one_pending_per_card
    ON payment_methods (provider_customer, card_last4, card_exp_month, card_exp_year) WHERE status = 'pending';
CREATE INDEX payment_methods_customer_id_idx ON payment_methods (customer_id, id) WHERE customer_id IS NOT NULL;

-- What happened to a customer's payment methods, in order, without gaps: as the events of an order are.
ALTER TABLE customers ADD COLUMN last_sequence bigint NOT NULL DEFAULT 0;

CREATE TABLE customer_events (
    customer_id    uuid        NOT NULL,
    sequence       bigint      NOT NULL,
    id             uuid        NOT NULL,
    livemode       boolean     NOT NULL,
    type           text        NOT NULL,
    object         jsonb       NOT NULL,
    correlation_id text        NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT customer_events_pkey PRIMARY KEY (customer_id, sequence),
    CONSTRAINT customer_events_id_key UNIQUE (id),
    CONSTRAINT customer_events_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT customer_events_sequence_positive CHECK (sequence > 0),
    CONSTRAINT customer_events_type_shape CHECK (type ~ '^[a-z_]+\.[a-z_]+$')
);

COMMENT ON TABLE customer_events IS 'One row is one thing that happened to a customer; object is the resource as it stood then. Append-only.';

CREATE INDEX customer_events_type_id_idx ON customer_events (type, id);
CREATE INDEX customer_events_created_at_idx ON customer_events (created_at);

-- +goose StatementBegin
CREATE FUNCTION refuse_customer_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'object' = to_jsonb(OLD) - 'object' AND NEW.object = without_person(OLD.object)
        AND EXISTS (SELECT FROM customers WHERE id = OLD.customer_id AND deleted_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION refuse_customer_event_change() IS 'Trigger that makes events of customers append-only but for an erasure.';

CREATE TRIGGER customer_events_append_only BEFORE UPDATE OR DELETE ON customer_events
    FOR EACH ROW EXECUTE FUNCTION refuse_customer_event_change();

-- Both logs as one, for reading.
CREATE VIEW event_log AS
    SELECT id, order_id, NULL::uuid AS customer_id, sequence, livemode, type, object, correlation_id, created_at FROM events
    UNION ALL
    SELECT id, NULL::uuid, customer_id, sequence, livemode, type, object, correlation_id, created_at FROM customer_events;

COMMENT ON VIEW event_log IS 'Events of orders and of customers together.';

-- +goose Down
DROP VIEW event_log;
DROP TABLE customer_events;
DROP FUNCTION refuse_customer_event_change();
ALTER TABLE customers DROP COLUMN last_sequence;
DROP TABLE payment_methods;
