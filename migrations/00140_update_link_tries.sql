-- A link by which a customer gives a new card must not serve to try out stolen ones.

-- +goose Up
ALTER TABLE subscription_update_links
    ADD COLUMN tries smallint NOT NULL DEFAULT 0,
    ADD CONSTRAINT subscription_update_links_tries_bounded CHECK (tries BETWEEN 0 AND 5);
COMMENT ON COLUMN subscription_update_links.tries IS 'How many purchases were begun by it.';

-- +goose Down
ALTER TABLE subscription_update_links DROP CONSTRAINT subscription_update_links_tries_bounded, DROP COLUMN tries;
