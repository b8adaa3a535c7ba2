-- News of a refund is evidence too; payment_id stays the payment that the refund is of.

-- +goose Up
ALTER TABLE evidence ADD COLUMN refund_id uuid;
COMMENT ON COLUMN evidence.refund_id IS 'The refund that the news is about; NULL: it is about the payment itself.';

-- +goose Down
ALTER TABLE evidence DROP COLUMN refund_id;
