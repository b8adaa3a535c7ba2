-- River's schema, version 3 (river job tags non null), as its own migrator makes it.
-- One file per version: a value added to an enum cannot be used before its
-- transaction commits (SQLSTATE 55P04). The row in river_migration keeps River's
-- migrator in agreement with us.

-- +goose Up
ALTER TABLE river_job ALTER COLUMN tags SET DEFAULT '{}';
UPDATE river_job SET tags = '{}' WHERE tags IS NULL;
ALTER TABLE river_job ALTER COLUMN tags SET NOT NULL;

INSERT INTO river_migration (version) VALUES (3);

-- +goose Down
ALTER TABLE river_job
    ALTER COLUMN tags DROP NOT NULL,
    ALTER COLUMN tags DROP DEFAULT;

DELETE FROM river_migration WHERE version = 3;
