-- The provider can be asked to cancel a payment that is stuck. It establishes the truth then, and gives back what it may have
-- taken. While that is under way, a success told of the payment may be the very money that goes back.

-- +goose Up
ALTER TABLE payments
    ADD COLUMN cancel_asks      integer NOT NULL DEFAULT 0,
    ADD COLUMN cancel_asked_at  timestamptz,
    ADD COLUMN cancel_failed_at timestamptz,
    ADD CONSTRAINT payments_cancel_asked_whole CHECK (cancel_asks >= 0 AND (cancel_asks = 0) = (cancel_asked_at IS NULL)),
    ADD CONSTRAINT payments_cancel_failed_when_asked CHECK (cancel_failed_at IS NULL OR cancel_asked_at IS NOT NULL);
COMMENT ON COLUMN payments.cancel_asks IS 'How often the provider was asked to cancel it, or may have been.';
COMMENT ON COLUMN payments.cancel_asked_at IS 'When it was last asked, committed before the call; NULL: never, as far as we know.';
COMMENT ON COLUMN payments.cancel_failed_at IS 'When the provider said that it could not cancel it.';

-- +goose Down
ALTER TABLE payments
    DROP CONSTRAINT payments_cancel_failed_when_asked,
    DROP CONSTRAINT payments_cancel_asked_whole,
    DROP COLUMN cancel_failed_at,
    DROP COLUMN cancel_asked_at,
    DROP COLUMN cancel_asks;
