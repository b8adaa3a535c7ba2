-- A charge that failed for a fault on the way is tried again within hours, which is not held against the customer: the subscription
-- stays what it was meanwhile, and has the time of its next try all the same. Refusing that left it stuck for good.

-- +goose Up
ALTER TABLE subscriptions DROP CONSTRAINT subscriptions_retry_when_past_due;
ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_retry_while_it_runs CHECK
    (next_retry_at IS NULL OR status IN ('trialing', 'active', 'past_due'));

-- +goose Down
UPDATE subscriptions SET next_retry_at = NULL WHERE status <> 'past_due';
ALTER TABLE subscriptions DROP CONSTRAINT subscriptions_retry_while_it_runs;
ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_retry_when_past_due CHECK (next_retry_at IS NULL OR status = 'past_due');
