-- How many refunds of a payment count: those that have given money back or may yet. It is kept with the payment and its order,
-- so that a limit on it is decided by the statement that reserves the money, and can be told without counting rows.

-- +goose Up
ALTER TABLE payments ADD COLUMN refund_count integer NOT NULL DEFAULT 0;
ALTER TABLE payments ADD CONSTRAINT payments_refund_count_sane CHECK (refund_count >= 0);
ALTER TABLE orders ADD COLUMN refund_count integer NOT NULL DEFAULT 0;
ALTER TABLE orders ADD CONSTRAINT orders_refund_count_sane CHECK (refund_count >= 0);
COMMENT ON COLUMN payments.refund_count IS 'Its refunds that are neither failed, rejected nor canceled; kept by refunds_keep_count.';
COMMENT ON COLUMN orders.refund_count IS 'The same of its payments, surplus ones left out.';

-- +goose StatementBegin
CREATE FUNCTION refunds_keep_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change integer := (NEW.status NOT IN ('failed', 'rejected', 'canceled'))::integer;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        change := change - (OLD.status NOT IN ('failed', 'rejected', 'canceled'))::integer;
    END IF;
    IF change <> 0 THEN
        UPDATE orders SET refund_count = refund_count + change
        WHERE id = NEW.order_id AND NOT (SELECT payments.surplus FROM payments WHERE payments.id = NEW.payment_id);
        UPDATE payments SET refund_count = refund_count + change WHERE id = NEW.payment_id;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER refunds_keep_count AFTER INSERT OR UPDATE OF status ON refunds
    FOR EACH ROW EXECUTE FUNCTION refunds_keep_count();

UPDATE payments SET refund_count = counted.refunds
FROM (
    SELECT payment_id, count(*) AS refunds FROM refunds WHERE status NOT IN ('failed', 'rejected', 'canceled') GROUP BY payment_id
) AS counted
WHERE payments.id = counted.payment_id;
UPDATE orders SET refund_count = counted.refunds
FROM (
    SELECT order_id, sum(refund_count) AS refunds FROM payments WHERE refund_count > 0 AND NOT surplus GROUP BY order_id
) AS counted
WHERE orders.id = counted.order_id;

-- +goose Down
DROP TRIGGER refunds_keep_count ON refunds;
DROP FUNCTION refunds_keep_count();
ALTER TABLE orders DROP COLUMN refund_count;
ALTER TABLE payments DROP COLUMN refund_count;
