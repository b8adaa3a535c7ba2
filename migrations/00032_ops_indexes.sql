-- What operators look for in lists of any length: discrepancies by class and by payment, and notifications of the rarer kinds.
-- Nearly all notifications are of kind TXN, and the newest of those are found without an index; leaving them out keeps this one
-- small and the receiving of a payment's news as cheap as it was.

-- +goose Up
CREATE INDEX discrepancies_class_id_idx ON discrepancies (class, id);
CREATE INDEX discrepancies_payment_idx ON discrepancies (payment_id, id) WHERE payment_id IS NOT NULL;
CREATE INDEX notifications_rare_type_idx ON notifications (notify_type, id) WHERE notify_type <> 'TXN';

-- +goose Down
DROP INDEX notifications_rare_type_idx;
DROP INDEX discrepancies_payment_idx;
DROP INDEX discrepancies_class_id_idx;
