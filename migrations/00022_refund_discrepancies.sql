-- Disagreements about refunds, and the kinds that only a person or time can end.

-- +goose Up
ALTER TABLE discrepancies ADD COLUMN refund_id uuid;
ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_class_known;
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_class_known CHECK (class IN
    ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here', 'reversal',
     'unsettled', 'refund', 'refund_match', 'over_refund'));

-- +goose Down
DELETE FROM discrepancies WHERE class IN ('reversal', 'unsettled', 'refund', 'refund_match', 'over_refund');
ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_class_known;
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_class_known CHECK (class IN
    ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here'));
ALTER TABLE discrepancies DROP COLUMN refund_id;
