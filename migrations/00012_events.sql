-- What happened to each order, in order, without gaps, for ever.

-- +goose Up
CREATE TABLE events (
    order_id       uuid        NOT NULL,
    sequence       bigint      NOT NULL,
    id             uuid        NOT NULL,
    livemode       boolean     NOT NULL,
    type           text        NOT NULL,
    object         jsonb       NOT NULL,
    correlation_id text        NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (order_id, sequence),
    CONSTRAINT events_id_key UNIQUE (id),
    CONSTRAINT events_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT events_sequence_positive CHECK (sequence > 0),
    CONSTRAINT events_type_shape CHECK (type ~ '^[a-z_]+\.[a-z_]+$')
);

COMMENT ON TABLE events IS 'One row is one thing that happened to an order; object is the resource as it stood then. Append-only.';

CREATE INDEX events_type_id_idx ON events (type, id);
CREATE INDEX events_created_at_idx ON events (created_at);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION refuse_change() IS 'Trigger that makes a table append-only.';

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- +goose Down
DROP TABLE events;
DROP FUNCTION refuse_change();
