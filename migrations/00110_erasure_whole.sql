-- What else may tell who a deleted customer was: why their bank disputes a payment, in the words of provider and cardholder; what
-- operators wrote about it; the provider's message beside its code; and messages about the order's money that name it by the
-- provider's own numbers, or that were never found to be about it.

-- +goose Up
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION without_person(object jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, CASE
        WHEN key IN ('billing_details', 'shipping_details', 'description', 'resolved_reason') THEN 'null'::jsonb
        WHEN key = 'reason' AND object ->> 'object' = 'dispute' THEN 'null'::jsonb
        WHEN key = 'metadata' THEN '{}'::jsonb
        ELSE value END), '{}') FROM jsonb_each(object)
$$;

-- Of the outcome's words only the code stays: it is what a stored notification that is tried again is read by.
CREATE FUNCTION notification_outcome(reason text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_build_object('respCode', reason::jsonb ->> 'respCode')::text;
EXCEPTION WHEN others THEN
    RETURN '';
END
$$;

CREATE OR REPLACE FUNCTION notification_facts(body text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_object_agg(key,
            CASE WHEN key = 'reason' THEN to_jsonb(notification_outcome(value #>> '{}')) ELSE value END), '{}')::text
        FROM jsonb_each(body::jsonb) WHERE key IN (
        'notifyType', 'txnType', 'transactionId', 'originTransactionId', 'merchantTxnId', 'originMerchantTxnId', 'merchantNo',
        'responseTime', 'txnTime', 'txnTimeZone', 'orderAmount', 'orderCurrency', 'txnAmount', 'txnCurrency', 'settleRate',
        'status', 'reason', 'eci', 'paymentMethod', 'cardBinCountry', 'paymentId', 'paymentStatus', 'contractId',
        'dataStatus', 'subscriptionStatus', 'scenarios', 'chargebackDate', 'importTime', 'appealDueTime', 'chargebackAmount',
        'chargebackCurrency', 'chargebackStatus', 'chargebackArn', 'chargebackCode', 'timeZone'));
EXCEPTION WHEN others THEN
    RETURN '{}';
END
$$;

CREATE FUNCTION refuse_words_of_erased_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF is_erased(NEW.order_id) THEN
        RAISE EXCEPTION 'dispute % is of an erased order', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disputes_nothing_kept_of_erased';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION notification_outcome(text) IS 'The code of an outcome that a notification tells, without its message.';
COMMENT ON FUNCTION refuse_words_of_erased_dispute() IS 'Trigger that lets a dispute of an erased order keep no words.';

-- What was erased before is erased of the same now.
UPDATE disputes SET reason = '' WHERE reason <> '' AND order_id IN (SELECT id FROM orders WHERE erased_at IS NOT NULL);
UPDATE discrepancies SET resolved_reason = ''
WHERE resolved_reason <> '' AND order_id IN (SELECT id FROM orders WHERE erased_at IS NOT NULL);
UPDATE events SET object = without_person(object)
WHERE order_id IN (SELECT id FROM orders WHERE erased_at IS NOT NULL) AND object <> without_person(object);
UPDATE evidence SET body = NULL
WHERE body IS NOT NULL AND payment_id IN
    (SELECT payments.id FROM payments JOIN orders ON orders.id = payments.order_id WHERE orders.erased_at IS NOT NULL);
UPDATE notifications SET body = notification_facts(body)
WHERE order_id IN (SELECT id FROM orders WHERE erased_at IS NOT NULL);

CREATE TRIGGER disputes_nothing_kept_of_erased BEFORE INSERT OR UPDATE ON disputes
    FOR EACH ROW WHEN (NEW.reason <> '') EXECUTE FUNCTION refuse_words_of_erased_dispute();

-- Those that found no order name one in their bodies alone. They are few: an erasure reads all of them.
CREATE INDEX notifications_orphans_idx ON notifications (notify_type) WHERE order_id IS NULL AND notify_type <> 'TXN';

-- +goose Down
DROP INDEX notifications_orphans_idx;
DROP TRIGGER disputes_nothing_kept_of_erased ON disputes;
DROP FUNCTION refuse_words_of_erased_dispute();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION notification_facts(body text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_object_agg(key, value), '{}')::text FROM jsonb_each(body::jsonb) WHERE key IN (
        'notifyType', 'txnType', 'transactionId', 'originTransactionId', 'merchantTxnId', 'originMerchantTxnId', 'merchantNo',
        'responseTime', 'txnTime', 'txnTimeZone', 'orderAmount', 'orderCurrency', 'txnAmount', 'txnCurrency', 'settleRate',
        'status', 'reason', 'eci', 'paymentMethod', 'cardBinCountry', 'paymentId', 'paymentStatus', 'contractId',
        'dataStatus', 'subscriptionStatus', 'scenarios', 'chargebackDate', 'importTime', 'appealDueTime', 'chargebackAmount',
        'chargebackCurrency', 'chargebackStatus', 'chargebackArn', 'chargebackCode', 'timeZone'));
EXCEPTION WHEN others THEN
    RETURN '{}';
END
$$;
CREATE OR REPLACE FUNCTION without_person(object jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, CASE
        WHEN key IN ('billing_details', 'shipping_details', 'description') THEN 'null'::jsonb
        WHEN key = 'metadata' THEN '{}'::jsonb
        ELSE value END), '{}') FROM jsonb_each(object)
$$;
-- +goose StatementEnd
DROP FUNCTION notification_outcome(text);
