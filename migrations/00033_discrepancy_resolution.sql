-- Who closed a discrepancy by hand, when and why: the trail that an audit asks for. It stands on the row, since a transaction
-- that only the provider knows has no order whose events could tell it.

-- +goose Up
ALTER TABLE discrepancies
    ADD COLUMN resolved_at     timestamptz,
    ADD COLUMN resolved_by     text,
    ADD COLUMN resolved_reason text,
    ADD CONSTRAINT discrepancies_resolved_whole CHECK
        (num_nulls(resolved_at, resolved_by, resolved_reason) = CASE WHEN status = 'resolved' THEN 0 ELSE 3 END);

COMMENT ON COLUMN discrepancies.resolved_by IS 'The API key, by its id, of whoever closed it by hand.';

-- +goose Down
ALTER TABLE discrepancies
    DROP CONSTRAINT discrepancies_resolved_whole,
    DROP COLUMN resolved_reason,
    DROP COLUMN resolved_by,
    DROP COLUMN resolved_at;
