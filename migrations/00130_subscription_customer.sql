-- A subscription names only a customer that is there, as an order does.

-- The customer's row is locked until the subscription is there, so that an erasure sees the subscription or the subscription sees the
-- erasure.
-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION refuse_subscription_without_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customers WHERE id = NEW.customer_id AND deleted_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'customer % is not there', NEW.customer_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'subscriptions_customer_there';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION refuse_subscription_without_customer() IS 'Trigger that lets a subscription name only a customer that is there.';

CREATE TRIGGER subscriptions_customer_there BEFORE INSERT ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION refuse_subscription_without_customer();

-- +goose Down
DROP TRIGGER subscriptions_customer_there ON subscriptions;
DROP FUNCTION refuse_subscription_without_customer();
