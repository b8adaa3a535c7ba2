-- River's schema, version 8 (job id autoincrement), as its own migrator makes it.
-- One file per version: a value added to an enum cannot be used before its
-- transaction commits (SQLSTATE 55P04). The row in river_migration keeps River's
-- migrator in agreement with us.

-- +goose Up
-- No-op. Postgres sequences already prevent automatically generated job IDs
-- from being reused.
SELECT 1;

INSERT INTO river_migration (line, version) VALUES ('main', 8);

-- +goose Down
-- No-op. Postgres sequences already prevent automatically generated job IDs
-- from being reused.
SELECT 1;

DELETE FROM river_migration WHERE line = 'main' AND version = 8;
