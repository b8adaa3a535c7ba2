-- Payments by local payment methods: bank transfers, wallets, vouchers. Of what they are made with only the method's name is
-- kept. The shopper is sent to a page, as for a card, or is shown a code or a text of the provider, which is kept while the
-- payment is open and no longer.

-- +goose Up
ALTER TABLE payments
    ADD COLUMN local_method       text        NOT NULL DEFAULT '',
    ADD COLUMN display_code       text        NOT NULL DEFAULT '',
    ADD COLUMN display_image_url  text        NOT NULL DEFAULT '',
    ADD COLUMN display_text       text        NOT NULL DEFAULT '',
    ADD COLUMN display_expires_at timestamptz,
    DROP CONSTRAINT payments_method_known,
    ADD CONSTRAINT payments_method_known CHECK (method IN ('card', 'hosted', 'local')),
    ADD CONSTRAINT payments_local_method_named CHECK
        ((method = 'local') = (local_method <> '') AND length(local_method) <= 64),
    -- No local method can hold money.
    ADD CONSTRAINT payments_local_is_sale CHECK (method <> 'local' OR capture_method = 'automatic'),
    ADD CONSTRAINT payments_display_of_local CHECK (
        method = 'local' OR (display_code = '' AND display_image_url = '' AND display_text = '' AND display_expires_at IS NULL)),
    -- One thing to do: a page, a code, or a text. Only a code ends.
    ADD CONSTRAINT payments_one_action CHECK (
        (display_text = '' OR (display_code = '' AND display_image_url = ''))
        AND (redirect_url = '' OR (display_code = '' AND display_image_url = '' AND display_text = ''))
        AND (display_expires_at IS NULL OR display_code <> '' OR display_image_url <> '')),
    ADD CONSTRAINT payments_display_while_open CHECK (
        status IN ('processing', 'requires_action', 'unknown') OR (display_code = '' AND display_image_url = '' AND display_text = '')),
    ADD CONSTRAINT payments_display_length CHECK (
        length(display_code) <= 4296 AND length(display_image_url) <= 2048 AND length(display_text) <= 4096);

COMMENT ON COLUMN payments.method IS
    'card: its number came with the request. hosted: on the page of the provider''s checkout. local: a local payment method.';
COMMENT ON COLUMN payments.local_method IS 'The provider''s name of the local payment method.';
COMMENT ON COLUMN payments.display_code IS 'What the code says that the shopper is shown; gone when the payment has ended.';
COMMENT ON COLUMN payments.display_image_url IS 'Where a picture of that code is.';
COMMENT ON COLUMN payments.display_text IS 'The text that the shopper is shown; gone when the payment has ended.';
COMMENT ON COLUMN payments.display_expires_at IS 'Until when the code can be paid by; NULL where that is not known.';

-- +goose Down
ALTER TABLE payments
    DROP CONSTRAINT payments_display_length,
    DROP CONSTRAINT payments_display_while_open,
    DROP CONSTRAINT payments_one_action,
    DROP CONSTRAINT payments_display_of_local,
    DROP CONSTRAINT payments_local_is_sale,
    DROP CONSTRAINT payments_local_method_named,
    DROP CONSTRAINT payments_method_known,
    ADD CONSTRAINT payments_method_known CHECK (method IN ('card', 'hosted')),
    DROP COLUMN display_expires_at,
    DROP COLUMN display_text,
    DROP COLUMN display_image_url,
    DROP COLUMN display_code,
    DROP COLUMN local_method;
COMMENT ON COLUMN payments.method IS 'card: its number came with the request. hosted: on the page of the provider''s checkout.';
