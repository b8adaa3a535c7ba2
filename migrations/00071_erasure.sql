-- Erasing a deleted customer's data from what must stay: orders lose who paid and received, and every free text; events and
-- evidence lose the same of what they tell. Both stay append-only for everything else: what is allowed is exactly that loss,
-- and only of an order that is marked as erased.

-- +goose Up
ALTER TABLE orders ADD COLUMN erased_at timestamptz;
ALTER TABLE orders ADD CONSTRAINT orders_nothing_kept_of_erased CHECK
    (erased_at IS NULL OR (email IS NULL AND billing IS NULL AND shipping IS NULL)) NOT VALID;
COMMENT ON COLUMN orders.erased_at IS 'When what identifies the customer was erased from the order and its log.';

CREATE INDEX orders_to_erase_idx ON orders (customer_id) WHERE customer_id IS NOT NULL AND erased_at IS NULL;

-- +goose StatementBegin
CREATE FUNCTION without_person(object jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, CASE
        WHEN key IN ('billing_details', 'shipping_details', 'description') THEN 'null'::jsonb
        WHEN key = 'metadata' THEN '{}'::jsonb
        ELSE value END), '{}') FROM jsonb_each(object)
$$;

CREATE FUNCTION is_erased(order_id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM orders WHERE id = $1 AND erased_at IS NOT NULL)
$$;

CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'object' = to_jsonb(OLD) - 'object'
        AND NEW.object = without_person(OLD.object) AND is_erased(OLD.order_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END
$$;

CREATE FUNCTION refuse_evidence_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'body' = to_jsonb(OLD) - 'body'
        AND NEW.body IS NULL AND is_erased(OLD.order_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END
$$;

-- What a notification says of money: the members whose meaning is known to name no person. A body that cannot be read as
-- JSON keeps nothing.
CREATE FUNCTION notification_facts(body text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
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
-- +goose StatementEnd

COMMENT ON FUNCTION without_person(jsonb) IS 'A resource as an event shows it, without what identifies a customer.';
COMMENT ON FUNCTION refuse_event_change() IS 'Trigger that makes events append-only but for an erasure.';
COMMENT ON FUNCTION refuse_evidence_change() IS 'Trigger that makes evidence append-only but for an erasure.';
COMMENT ON FUNCTION notification_facts(text) IS 'A notification without everything that may identify a customer.';

DROP TRIGGER events_append_only ON events;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
DROP TRIGGER evidence_append_only ON evidence;
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE ON evidence
    FOR EACH ROW EXECUTE FUNCTION refuse_evidence_change();

-- +goose Down
DROP TRIGGER events_append_only ON events;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER evidence_append_only ON evidence;
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE ON evidence
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP FUNCTION notification_facts(text);
DROP FUNCTION refuse_evidence_change();
DROP FUNCTION refuse_event_change();
DROP FUNCTION is_erased(uuid);
DROP FUNCTION without_person(jsonb);
DROP INDEX orders_to_erase_idx;
ALTER TABLE orders DROP COLUMN erased_at;
