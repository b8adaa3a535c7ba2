-- What reports of subscriptions are read from, kept with every change so that no report reads all of them: how often a status was
-- left for another, and how many subscriptions of each kind there are.

-- +goose Up
CREATE TABLE subscription_moves (
    subscription_id uuid        NOT NULL,
    version         bigint      NOT NULL,
    from_status     text        NOT NULL,
    to_status       text        NOT NULL,
    currency        text        NOT NULL,
    order_id        uuid,
    moved_at        timestamptz NOT NULL,
    CONSTRAINT subscription_moves_pkey PRIMARY KEY (subscription_id, version),
    CONSTRAINT subscription_moves_from_known CHECK (from_status IN
        ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled', 'expired')),
    CONSTRAINT subscription_moves_to_known CHECK (to_status IN
        ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled', 'expired')),
    CONSTRAINT subscription_moves_move CHECK (from_status <> to_status)
);

COMMENT ON TABLE subscription_moves IS 'One row is one change of a subscription''s status. Append-only.';
COMMENT ON COLUMN subscription_moves.version IS 'That of the subscription after it, by which its moves are in order.';
COMMENT ON COLUMN subscription_moves.order_id IS 'The order that was being collected; NULL for none.';

-- The few moves that reports begin with, by time.
CREATE INDEX subscription_moves_begun_or_ended_idx ON subscription_moves (moved_at) INCLUDE (from_status, to_status, currency)
    WHERE from_status = 'incomplete' OR to_status IN ('canceled', 'expired');
CREATE INDEX subscription_moves_past_due_idx ON subscription_moves (moved_at) INCLUDE (subscription_id, version, currency, to_status)
    WHERE to_status = 'past_due';

CREATE TABLE subscription_totals (
    currency       text     NOT NULL,
    status         text     NOT NULL,
    interval_unit  text     NOT NULL,
    interval_count smallint NOT NULL,
    slot           smallint NOT NULL,
    subscriptions  bigint   NOT NULL,
    amount         bigint   NOT NULL,
    CONSTRAINT subscription_totals_pkey PRIMARY KEY (currency, status, interval_unit, interval_count, slot),
    CONSTRAINT subscription_totals_status_known CHECK (status IN
        ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled', 'expired')),
    CONSTRAINT subscription_totals_interval_known CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
    CONSTRAINT subscription_totals_not_negative CHECK (subscriptions >= 0 AND amount >= 0)
) WITH (fillfactor = 50);

COMMENT ON TABLE subscription_totals IS 'One row is how many subscriptions there are of one kind, and the sum of what they pay per interval, in minor units. Kept by trigger.';
COMMENT ON COLUMN subscription_totals.slot IS 'A part of them, by their ids, so that not every change waits for every other.';

-- +goose StatementBegin
CREATE FUNCTION record_subscription_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO subscription_moves (subscription_id, version, from_status, to_status, currency, order_id, moved_at)
    VALUES (NEW.id, NEW.version, OLD.status, NEW.status, NEW.currency, coalesce(OLD.open_order_id, NEW.open_order_id), NEW.updated_at);
    RETURN NULL;
END
$$;

CREATE FUNCTION refuse_move_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END
$$;

-- A change takes from one row and adds to another, in the order of the key: no two changes wait for each other.
CREATE FUNCTION count_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    part   CONSTANT smallint := get_byte(uuid_send(coalesce(NEW.id, OLD.id)), 15) % 16;
    change record;
BEGIN
    FOR change IN
        SELECT kind.currency, kind.status, kind.unit, kind.count, sum(kind.n) AS n, sum(kind.amount) AS amount
        FROM (VALUES
            (OLD.currency, OLD.status, OLD.interval_unit, OLD.interval_count, -1, -OLD.amount),
            (NEW.currency, NEW.status, NEW.interval_unit, NEW.interval_count, 1, NEW.amount)
        ) AS kind (currency, status, unit, count, n, amount)
        WHERE kind.status IS NOT NULL
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    LOOP
        UPDATE subscription_totals t SET subscriptions = t.subscriptions + change.n, amount = t.amount + change.amount
        WHERE t.currency = change.currency AND t.status = change.status AND t.interval_unit = change.unit
            AND t.interval_count = change.count AND t.slot = part;
        CONTINUE WHEN FOUND;
        INSERT INTO subscription_totals AS t (currency, status, interval_unit, interval_count, slot, subscriptions, amount)
        VALUES (change.currency, change.status, change.unit, change.count, part, change.n, change.amount)
        ON CONFLICT ON CONSTRAINT subscription_totals_pkey DO UPDATE
            SET subscriptions = t.subscriptions + excluded.subscriptions, amount = t.amount + excluded.amount;
    END LOOP;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION record_subscription_move() IS 'Trigger that records a subscription''s new status.';
COMMENT ON FUNCTION refuse_move_change() IS 'Trigger that makes moves append-only.';
COMMENT ON FUNCTION count_subscription() IS 'Trigger that keeps subscription_totals.';

CREATE TRIGGER subscription_moves_append_only BEFORE UPDATE OR DELETE ON subscription_moves
    FOR EACH ROW EXECUTE FUNCTION refuse_move_change();
CREATE TRIGGER subscriptions_record_move AFTER UPDATE OF status ON subscriptions
    FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION record_subscription_move();
CREATE TRIGGER subscriptions_count_new AFTER INSERT OR DELETE ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION count_subscription();
CREATE TRIGGER subscriptions_count_changed AFTER UPDATE OF status, amount, currency, interval_unit, interval_count ON subscriptions
    FOR EACH ROW WHEN ((NEW.status, NEW.amount, NEW.currency, NEW.interval_unit, NEW.interval_count)
        IS DISTINCT FROM (OLD.status, OLD.amount, OLD.currency, OLD.interval_unit, OLD.interval_count))
    EXECUTE FUNCTION count_subscription();

INSERT INTO subscription_totals (currency, status, interval_unit, interval_count, slot, subscriptions, amount)
SELECT currency, status, interval_unit, interval_count, get_byte(uuid_send(id), 15) % 16, count(*), sum(amount)
FROM subscriptions GROUP BY 1, 2, 3, 4, 5;

-- +goose Down
DROP TRIGGER subscriptions_count_changed ON subscriptions;
DROP TRIGGER subscriptions_count_new ON subscriptions;
DROP TRIGGER subscriptions_record_move ON subscriptions;
DROP TABLE subscription_totals;
DROP TABLE subscription_moves;
DROP FUNCTION count_subscription();
DROP FUNCTION refuse_move_change();
DROP FUNCTION record_subscription_move();
