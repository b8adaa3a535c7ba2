-- Orders of a subscription: one for each of its periods, and one for the purchase that only verifies a card. A period is billed
-- by one order, whatever runs twice. The subscription itself is not this table's to know.

-- +goose Up
ALTER TABLE orders
    ADD COLUMN subscription_id uuid,
    ADD COLUMN period_start    timestamptz,
    ADD COLUMN period_end      timestamptz,
    ADD CONSTRAINT orders_period_whole CHECK
        (num_nulls(period_start, period_end) IN (0, 2) AND (period_start IS NULL OR subscription_id IS NOT NULL)),
    ADD CONSTRAINT orders_period_forward CHECK (period_end > period_start);

COMMENT ON COLUMN orders.subscription_id IS 'The subscription that the order is charged by; NULL: a shopper pays it.';
COMMENT ON COLUMN orders.period_start IS 'The billing period that it is for; NULL: none, it only verifies a card.';

CREATE UNIQUE INDEX orders_subscription_period_key ON orders (subscription_id, period_start) WHERE period_start IS NOT NULL;
CREATE INDEX orders_subscription_id_idx ON orders (subscription_id, id) WHERE subscription_id IS NOT NULL;

-- A renewal is started by the merchant: nobody is before a page to act on it, and nothing of it is held.
ALTER TABLE payments
    ADD COLUMN initiator text NOT NULL DEFAULT 'customer',
    ADD COLUMN begun_at  timestamptz,
    ADD CONSTRAINT payments_initiator_known CHECK (initiator IN ('customer', 'merchant')),
    ADD CONSTRAINT payments_renewal_unattended CHECK (initiator = 'customer'
        OR (status <> 'requires_action' AND redirect_url = '' AND capture_method = 'automatic' AND method = 'card'));

COMMENT ON COLUMN payments.initiator IS 'customer: the cardholder was there. merchant: the renewal of a subscription.';
COMMENT ON COLUMN payments.begun_at IS 'When it was begun, in real time; NULL: its id was drawn then, and bears that time.';

-- The name of a contract and the token that charges it come in notifications, whose stored text hides both. One that could
-- not be applied must bring them again when it is tried again.
ALTER TABLE notifications
    ADD COLUMN sealed bytea,
    ADD CONSTRAINT notifications_sealed_until_applied CHECK (sealed IS NULL OR status <> 'applied');
COMMENT ON COLUMN notifications.sealed IS 'What the body hides and applying it needs, sealed with DATA_KEY; NULL once that is done.';

ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_class_known;
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_class_known CHECK (class IN
    ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here', 'reversal',
     'unsettled', 'refund', 'refund_match', 'over_refund', 'dispute', 'over_dispute', 'period_missed', 'contract_missing'));

-- +goose Down
DELETE FROM discrepancies WHERE class IN ('period_missed', 'contract_missing');
ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_class_known;
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_class_known CHECK (class IN
    ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here', 'reversal',
     'unsettled', 'refund', 'refund_match', 'over_refund', 'dispute', 'over_dispute'));
ALTER TABLE notifications DROP CONSTRAINT notifications_sealed_until_applied, DROP COLUMN sealed;
ALTER TABLE payments
    DROP CONSTRAINT payments_renewal_unattended,
    DROP CONSTRAINT payments_initiator_known,
    DROP COLUMN begun_at,
    DROP COLUMN initiator;
DROP INDEX orders_subscription_id_idx;
DROP INDEX orders_subscription_period_key;
ALTER TABLE orders
    DROP CONSTRAINT orders_period_forward,
    DROP CONSTRAINT orders_period_whole,
    DROP COLUMN period_end,
    DROP COLUMN period_start,
    DROP COLUMN subscription_id;
