-- Queues are read from where the last claim ended: what was taken leaves dead entries at their head until a vacuum, and a claim that
-- read all of them would take longer with every one before it. Many come due at one instant, so the id is part of the place.

-- +goose Up
DROP INDEX subscriptions_due_idx;
CREATE INDEX subscriptions_due_idx ON subscriptions (next_run_at, id) WHERE next_run_at IS NOT NULL;
DROP INDEX subscription_contracts_due_idx;
CREATE INDEX subscription_contracts_due_idx ON subscription_contracts (next_check_at, payment_id) WHERE next_check_at IS NOT NULL;

-- Every renewal writes its row several times: what that leaves is cleared away before it is a fifth of a large table.
ALTER TABLE subscriptions SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);

-- +goose Down
ALTER TABLE subscriptions RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
DROP INDEX subscription_contracts_due_idx;
CREATE INDEX subscription_contracts_due_idx ON subscription_contracts (next_check_at) WHERE next_check_at IS NOT NULL;
DROP INDEX subscriptions_due_idx;
CREATE INDEX subscriptions_due_idx ON subscriptions (next_run_at) WHERE next_run_at IS NOT NULL;
