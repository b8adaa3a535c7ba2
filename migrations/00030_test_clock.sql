-- How far the clock of a test installation is ahead of real time, for all of its processes (API.md, Test clock). Business
-- times written under a moved clock stay where they are, so it must never go back: the statement that moves it refuses, and
-- so does the table.

-- +goose Up
CREATE TABLE test_clock (
    id                      boolean     CONSTRAINT test_clock_pkey PRIMARY KEY DEFAULT true,
    ahead_us                bigint      NOT NULL DEFAULT 0,
    moved_at                timestamptz,
    idempotency_principal   text,
    idempotency_key         text,
    idempotency_fingerprint bytea,
    CONSTRAINT test_clock_single_row CHECK (id),
    CONSTRAINT test_clock_ahead_not_negative CHECK (ahead_us >= 0),
    CONSTRAINT test_clock_key_whole CHECK
        (num_nonnulls(idempotency_principal, idempotency_key, idempotency_fingerprint) IN (0, 3))
);

COMMENT ON TABLE test_clock IS 'The one row is the clock of a test installation. In live mode nobody reads it.';
COMMENT ON COLUMN test_clock.ahead_us IS 'Microseconds that the clock is ahead of real time.';
COMMENT ON COLUMN test_clock.moved_at IS 'When it was last moved, in real time.';
COMMENT ON COLUMN test_clock.idempotency_key IS 'Of the request that moved it last: repeated, it moves nothing.';

INSERT INTO test_clock DEFAULT VALUES;

-- +goose StatementBegin
CREATE FUNCTION refuse_turning_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the test clock never goes back' USING ERRCODE = 'check_violation', CONSTRAINT = 'test_clock_never_back';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER test_clock_never_back BEFORE UPDATE ON test_clock
    FOR EACH ROW WHEN (NEW.ahead_us < OLD.ahead_us) EXECUTE FUNCTION refuse_turning_back();
CREATE TRIGGER test_clock_stays BEFORE DELETE ON test_clock
    FOR EACH ROW EXECUTE FUNCTION refuse_turning_back();

-- +goose Down
DROP TABLE test_clock;
DROP FUNCTION refuse_turning_back();
