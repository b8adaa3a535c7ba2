-- What is paged from the provider's books, by whichever process finds it due, and how far that has come: after an outage of
-- any length the next reading begins where the last one that was complete ended.

-- +goose Up
CREATE TABLE imports (
    name          text        NOT NULL,
    due_at        timestamptz NOT NULL,
    covered_until timestamptz,
    CONSTRAINT imports_pkey PRIMARY KEY (name),
    CONSTRAINT imports_name_known CHECK (name IN ('disputes', 'refunds'))
);

COMMENT ON TABLE imports IS 'One row is one list of the provider''s that is read again and again.';
COMMENT ON COLUMN imports.due_at IS 'When it is read next; while a process reads it, when that process is given up.';
COMMENT ON COLUMN imports.covered_until IS 'Until when, by the provider''s clock, everything was read; NULL before the first time.';

INSERT INTO imports (name, due_at) VALUES ('disputes', now()), ('refunds', now());

-- +goose Down
DROP TABLE imports;
