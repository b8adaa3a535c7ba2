-- A payment may be made with a saved payment method, or have saved one.

-- +goose Up
ALTER TABLE payments ADD COLUMN payment_method_id uuid;
COMMENT ON COLUMN payments.payment_method_id IS 'The saved method that it was made with, or that its card was saved as.';

-- The method's row is locked until the payment is there, so that nothing is charged with one that was detached before. Which
-- order has which customer never changes.
-- +goose StatementBegin
CREATE FUNCTION refuse_payment_by_foreign_method() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM payment_methods JOIN orders ON orders.customer_id = payment_methods.customer_id
    WHERE payment_methods.id = NEW.payment_method_id AND payment_methods.status = 'active' AND orders.id = NEW.order_id
    FOR SHARE OF payment_methods;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment method % is not one of the order''s customer', NEW.payment_method_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'payments_method_allowed';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION refuse_payment_by_foreign_method() IS 'Trigger that lets a payment be made only with a method of its order''s customer.';

CREATE TRIGGER payments_method_allowed BEFORE INSERT ON payments
    FOR EACH ROW WHEN (NEW.payment_method_id IS NOT NULL) EXECUTE FUNCTION refuse_payment_by_foreign_method();

-- +goose Down
DROP TRIGGER payments_method_allowed ON payments;
DROP FUNCTION refuse_payment_by_foreign_method();
ALTER TABLE payments DROP COLUMN payment_method_id;
