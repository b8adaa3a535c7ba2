-- Refunds that the merchant's people make in the provider's portal are refunds like all others, once they are known.

-- +goose Up
ALTER TABLE refunds DROP CONSTRAINT refunds_origin_known;
ALTER TABLE refunds ADD CONSTRAINT refunds_origin_known CHECK (origin IN ('api', 'late_payment', 'surplus', 'portal'));
-- What was made in the portal is known by the provider's transaction, and by nothing else.
ALTER TABLE refunds ADD CONSTRAINT refunds_portal_has_transaction CHECK
    (origin <> 'portal' OR (provider_transaction_id IS NOT NULL AND sent_at IS NOT NULL));

-- +goose Down
ALTER TABLE refunds DROP CONSTRAINT refunds_portal_has_transaction;
ALTER TABLE refunds DROP CONSTRAINT refunds_origin_known;
UPDATE refunds SET origin = 'provider' WHERE origin = 'portal';
ALTER TABLE refunds ADD CONSTRAINT refunds_origin_known CHECK (origin IN ('api', 'late_payment', 'surplus', 'provider'));
