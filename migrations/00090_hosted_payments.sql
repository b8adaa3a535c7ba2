-- What a payment is paid with. On the provider's own page the shopper chooses a card that we never see: what is known of it
-- comes with the provider's news, or never.

-- +goose Up
ALTER TABLE payments
    ADD COLUMN method text NOT NULL DEFAULT 'card',
    ADD CONSTRAINT payments_method_known CHECK (method IN ('card', 'hosted')),
    DROP CONSTRAINT payments_card_last4_digits,
    -- All that is kept of a card: no number fits here.
    ADD CONSTRAINT payments_card_last4_digits CHECK (card_last4 ~ '^[0-9]{4}$' OR (card_last4 = '' AND method <> 'card')),
    DROP CONSTRAINT payments_card_expiry_sane,
    ADD CONSTRAINT payments_card_expiry_sane CHECK (
        (card_exp_month BETWEEN 1 AND 12 AND card_exp_year BETWEEN 2000 AND 2199)
        OR (card_exp_month = 0 AND card_exp_year = 0 AND method <> 'card'));

COMMENT ON COLUMN payments.method IS 'card: its number came with the request. hosted: on the page of the provider''s checkout.';

-- +goose Down
ALTER TABLE payments
    DROP CONSTRAINT payments_card_expiry_sane,
    ADD CONSTRAINT payments_card_expiry_sane CHECK (card_exp_month BETWEEN 1 AND 12 AND card_exp_year BETWEEN 2000 AND 2199),
    DROP CONSTRAINT payments_card_last4_digits,
    ADD CONSTRAINT payments_card_last4_digits CHECK (card_last4 ~ '^[0-9]{4}$'),
    DROP CONSTRAINT payments_method_known,
    DROP COLUMN method;
