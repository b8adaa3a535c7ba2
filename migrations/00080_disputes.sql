-- Disputes: money of a payment that its shopper's bank has taken back, or warns that it may. What disputes claim is taken from
-- what can be refunded, as far as it is there; a chargeback on money that had gone back already claims more than is left, and
-- stands in full on its own row while the payment's amounts keep adding up.

-- +goose Up
CREATE TABLE disputes (
    id                  uuid        NOT NULL,
    order_id            uuid        NOT NULL,
    payment_id          uuid        NOT NULL,
    livemode            boolean     NOT NULL,
    stage               text        NOT NULL,
    status              text        NOT NULL,
    amount              bigint      NOT NULL,
    currency            text        NOT NULL,
    amount_claimed      bigint      NOT NULL DEFAULT 0,
    reason              text        NOT NULL DEFAULT '',
    reason_code         text        NOT NULL DEFAULT '',
    arn                 text        NOT NULL DEFAULT '',
    provider_dispute_id text        NOT NULL,
    provider_status     text        NOT NULL DEFAULT '',
    not_found_count     integer     NOT NULL DEFAULT 0,
    checks              integer     NOT NULL DEFAULT 0,
    correlation_id      text        NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    moved_at            timestamptz NOT NULL,
    raised_at           timestamptz,
    evidence_due_by     timestamptz,
    next_check_at       timestamptz,
    closed_at           timestamptz,
    CONSTRAINT disputes_pkey PRIMARY KEY (id),
    CONSTRAINT disputes_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT disputes_payment_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT disputes_stage_known CHECK (stage IN ('pre_dispute', 'chargeback', 'first_appeal', 'second_appeal')),
    CONSTRAINT disputes_status_known CHECK
        (status IN ('warning', 'open', 'under_review', 'won', 'lost', 'accepted', 'withdrawn')),
    CONSTRAINT disputes_warning_before_chargeback CHECK ((stage = 'pre_dispute') = (status = 'warning')),
    CONSTRAINT disputes_amount_positive CHECK (amount > 0),
    CONSTRAINT disputes_currency_iso4217 CHECK (currency ~ '^[A-Z]{3}$'),
    -- All or nothing: what has been given back, is only a warning, or is in another currency, claims nothing.
    CONSTRAINT disputes_claim_whole CHECK
        (amount_claimed IN (0, amount) AND (amount_claimed = 0 OR status IN ('open', 'under_review', 'lost', 'accepted'))),
    CONSTRAINT disputes_closed_at_when_closed CHECK
        ((status IN ('won', 'lost', 'accepted', 'withdrawn')) = (closed_at IS NOT NULL)),
    CONSTRAINT disputes_checked_while_open CHECK (status NOT IN ('open', 'under_review') OR next_check_at IS NOT NULL),
    CONSTRAINT disputes_counters_sane CHECK (not_found_count >= 0 AND checks >= 0)
);

COMMENT ON TABLE disputes IS 'One row is one chargeback of a payment, or one warning of one. Amounts are minor units of currency.';
COMMENT ON COLUMN disputes.amount_claimed IS 'What it takes from what can be refunded of its payment, as far as that is there.';
COMMENT ON COLUMN disputes.moved_at IS 'When stage or status last changed: older answers of the provider tell nothing new.';
COMMENT ON COLUMN disputes.next_check_at IS 'When the provider is asked next; NULL when it is not.';

-- The provider numbers chargebacks and warnings by themselves: one may bear the number of another of the other kind.
CREATE UNIQUE INDEX disputes_chargeback_key ON disputes (provider_dispute_id) WHERE stage <> 'pre_dispute';
CREATE UNIQUE INDEX disputes_pre_dispute_key ON disputes (provider_dispute_id) WHERE stage = 'pre_dispute';
CREATE INDEX disputes_order_id_idx ON disputes (order_id, id);
CREATE INDEX disputes_payment_id_idx ON disputes (payment_id, id);
CREATE INDEX disputes_status_id_idx ON disputes (status, id);
CREATE INDEX disputes_created_at_idx ON disputes (created_at);

-- The settling sweep reads only what is due.
CREATE INDEX disputes_due_check_idx ON disputes (next_check_at) WHERE next_check_at IS NOT NULL;

ALTER TABLE payments
    ADD COLUMN amount_claimed bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT payments_disputed_within_claimed CHECK (amount_disputed <= amount_claimed);
COMMENT ON COLUMN payments.amount_claimed IS 'What its disputes claim; amount_disputed is what of that is there to be claimed.';

ALTER TABLE evidence ADD COLUMN dispute_id uuid;
COMMENT ON COLUMN evidence.dispute_id IS 'The dispute that the news is about; NULL: it is about the payment or a refund.';

-- Whether a transaction of the provider's was complained of before, also where a person has closed that.
CREATE INDEX discrepancies_subject_idx ON discrepancies (subject, class);

ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_class_known;
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_class_known CHECK (class IN
    ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here', 'reversal',
     'unsettled', 'refund', 'refund_match', 'over_refund', 'dispute', 'over_dispute'));

-- +goose Down
DELETE FROM discrepancies WHERE class IN ('dispute', 'over_dispute');
ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_class_known;
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_class_known CHECK (class IN
    ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here', 'reversal',
     'unsettled', 'refund', 'refund_match', 'over_refund'));
DROP INDEX discrepancies_subject_idx;
ALTER TABLE evidence DROP COLUMN dispute_id;
UPDATE orders SET amount_disputed = 0 WHERE amount_disputed > 0;
UPDATE payments SET amount_disputed = 0 WHERE amount_disputed > 0;
ALTER TABLE payments DROP CONSTRAINT payments_disputed_within_claimed, DROP COLUMN amount_claimed;
DROP TABLE disputes;
