-- A subscription whose owed order is gone, because nobody paid it in time or the merchant canceled it, has nothing that fails: it keeps
-- its status and not the time since when. Refusing that left it stuck for good.

-- +goose Up
ALTER TABLE subscriptions DROP CONSTRAINT subscriptions_failing_since;
ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_failing_since CHECK
    (status NOT IN ('past_due', 'unpaid') OR failing_since IS NOT NULL OR open_failures = 0);

-- +goose Down
UPDATE subscriptions SET failing_since = updated_at WHERE status IN ('past_due', 'unpaid') AND failing_since IS NULL;
ALTER TABLE subscriptions DROP CONSTRAINT subscriptions_failing_since;
ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_failing_since CHECK
    (status NOT IN ('past_due', 'unpaid') OR failing_since IS NOT NULL);
