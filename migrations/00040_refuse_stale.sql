-- A write that is guarded by what its decision was made on can end the whole batch that it travels in: the statements after
-- it must not be committed when it did not find the row that it expected.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION refuse_stale() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the row has changed since it was read' USING ERRCODE = 'serialization_failure';
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION refuse_stale() IS 'Fails as a serialization failure, after which the whole is done again from a new reading.';

-- +goose Down
DROP FUNCTION refuse_stale();
