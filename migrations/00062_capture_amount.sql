-- A capture may take less than what is held, where the merchant's agreement with the provider allows it. How much is kept with
-- the payment, since the provider may tell of the capture by the state of the payment alone.

-- +goose Up
ALTER TABLE payments ADD COLUMN capture_amount bigint;
ALTER TABLE payments ADD CONSTRAINT payments_capture_amount_within_amount CHECK (capture_amount > 0 AND capture_amount < amount);
COMMENT ON COLUMN payments.capture_amount IS 'What its latest capture takes, where that is less than all; NULL: all.';

-- +goose Down
ALTER TABLE payments DROP COLUMN capture_amount;
