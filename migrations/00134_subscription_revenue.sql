-- What the periods of subscriptions brought in, by when they were paid: read from the index alone.

-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY orders_period_paid_at_idx ON orders (paid_at) INCLUDE (currency, amount_paid, attempts)
    WHERE period_start IS NOT NULL AND amount_paid > 0;

-- +goose Down
DROP INDEX CONCURRENTLY orders_period_paid_at_idx;
