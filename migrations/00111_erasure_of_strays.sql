-- A message that finds no order when it comes may all the same name money of one whose customer was deleted: a chargeback while the
-- provider cannot be asked about it. It is kept without the person from the beginning.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION names_erased_order(body text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    facts jsonb := notification_facts(body)::jsonb;
BEGIN
    RETURN EXISTS (
        SELECT FROM payments JOIN orders ON orders.id = payments.order_id
        WHERE payments.provider_transaction_id IN (facts ->> 'transactionId', facts ->> 'originTransactionId')
            AND orders.erased_at IS NOT NULL
        UNION ALL
        SELECT FROM payments JOIN orders ON orders.id = payments.order_id
        WHERE payments.merchant_txn_id IN (facts ->> 'merchantTxnId', facts ->> 'originMerchantTxnId')
            AND orders.erased_at IS NOT NULL
        UNION ALL
        SELECT FROM modifications JOIN orders ON orders.id = modifications.order_id
        WHERE (modifications.provider_transaction_id IN (facts ->> 'transactionId', facts ->> 'originTransactionId')
                OR modifications.merchant_txn_id = facts ->> 'merchantTxnId')
            AND orders.erased_at IS NOT NULL
        UNION ALL
        SELECT FROM refunds JOIN orders ON orders.id = refunds.order_id
        WHERE (refunds.provider_transaction_id = facts ->> 'transactionId' OR refunds.merchant_txn_id = facts ->> 'merchantTxnId')
            AND orders.erased_at IS NOT NULL
    );
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION names_erased_order(text) IS 'Whether a notification names money of an order that was erased.';

-- +goose Down
DROP FUNCTION names_erased_order(text);
