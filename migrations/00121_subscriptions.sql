-- Subscriptions: what a customer pays again and again, the contracts at the provider that later charges are made by, and what was
-- charged by which. Every period is an order of its own.

-- +goose Up
CREATE TABLE subscriptions (
    id                      uuid        NOT NULL,
    livemode                boolean     NOT NULL,
    customer_id             uuid        NOT NULL,
    status                  text        NOT NULL DEFAULT 'incomplete',
    collection              text        NOT NULL,
    amount                  bigint      NOT NULL,
    currency                text        NOT NULL,
    interval_unit           text        NOT NULL,
    interval_count          smallint    NOT NULL,
    time_zone               text        NOT NULL,
    description             text        NOT NULL DEFAULT '',
    metadata                jsonb       NOT NULL DEFAULT '{}',
    return_url              text        NOT NULL DEFAULT '',
    card_brand              text        NOT NULL,
    card_last4              text        NOT NULL,
    card_exp_month          smallint    NOT NULL,
    card_exp_year           smallint    NOT NULL,
    -- The schedule: period n begins n intervals after the anchor.
    anchor_at               timestamptz NOT NULL,
    period_index            integer     NOT NULL DEFAULT 0,
    current_period_start    timestamptz,
    current_period_end      timestamptz,
    trial_end_at            timestamptz,
    ends_at                 timestamptz,
    next_charge_at          timestamptz,
    upcoming_told_of        timestamptz,
    -- What is being collected just now.
    open_order_id           uuid,
    open_charges            smallint    NOT NULL DEFAULT 0,
    open_failures           smallint    NOT NULL DEFAULT 0,
    latest_order_id         uuid,
    dunning_policy          jsonb,
    failing_since          timestamptz,
    retries                 smallint    NOT NULL DEFAULT 0,
    technical_failures      smallint    NOT NULL DEFAULT 0,
    next_retry_at           timestamptz,
    last_failure            jsonb,
    cancel_at_period_end    boolean     NOT NULL DEFAULT false,
    activated_at            timestamptz,
    paused_at               timestamptz,
    unpaid_at               timestamptz,
    ended_at                timestamptz,
    next_run_at             timestamptz,
    version                 bigint      NOT NULL DEFAULT 1,
    idempotency_principal   text,
    idempotency_key         text,
    idempotency_fingerprint bytea,
    correlation_id          text        NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (id),
    CONSTRAINT subscriptions_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT subscriptions_status_known CHECK (status IN
        ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled', 'expired')),
    CONSTRAINT subscriptions_collection_known CHECK (collection IN ('self_managed', 'provider_managed')),
    CONSTRAINT subscriptions_amount_positive CHECK (amount > 0),
    CONSTRAINT subscriptions_currency_iso4217 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT subscriptions_interval_known CHECK (interval_unit IN ('day', 'week', 'month', 'year') AND interval_count > 0),
    CONSTRAINT subscriptions_period_whole CHECK
        (num_nulls(current_period_start, current_period_end) IN (0, 2) AND current_period_end > current_period_start),
    CONSTRAINT subscriptions_failing_since CHECK (status NOT IN ('past_due', 'unpaid') OR failing_since IS NOT NULL),
    CONSTRAINT subscriptions_retry_when_past_due CHECK (next_retry_at IS NULL OR status = 'past_due'),
    CONSTRAINT subscriptions_charged_while_it_runs CHECK
        (next_charge_at IS NULL OR status IN ('trialing', 'active', 'past_due')),
    CONSTRAINT subscriptions_ended_at_when_ended CHECK ((status IN ('canceled', 'expired')) = (ended_at IS NOT NULL)),
    CONSTRAINT subscriptions_paused_at_when_paused CHECK ((status = 'paused') = (paused_at IS NOT NULL)),
    CONSTRAINT subscriptions_charges_of_an_order CHECK (open_order_id IS NOT NULL OR open_charges = 0),
    CONSTRAINT subscriptions_failures_of_charges CHECK (open_failures BETWEEN 0 AND open_charges),
    CONSTRAINT subscriptions_card_last4_digits CHECK (card_last4 ~ '^[0-9]{4}$'),
    CONSTRAINT subscriptions_counters_positive CHECK (version > 0 AND period_index >= -1 AND open_charges >= 0 AND retries >= 0),
    CONSTRAINT subscriptions_idempotency_whole CHECK
        (num_nulls(idempotency_principal, idempotency_key, idempotency_fingerprint) IN (0, 3))
);

COMMENT ON TABLE subscriptions IS 'One row is one subscription. Amounts are minor units of currency.';
COMMENT ON COLUMN subscriptions.anchor_at IS 'Where period 0 of the schedule begins; a new interval has an anchor of its own.';
COMMENT ON COLUMN subscriptions.period_index IS 'Which period of the schedule the current one is; -1 before its first: in a trial, or before a new interval begins.';
COMMENT ON COLUMN subscriptions.next_charge_at IS 'When the next period is charged; NULL where none will be by us or is known of.';
COMMENT ON COLUMN subscriptions.upcoming_told_of IS 'The charge that subscription.charge_upcoming was last told of.';
COMMENT ON COLUMN subscriptions.open_order_id IS 'The order whose outcome is awaited or whose failure is dunned.';
COMMENT ON COLUMN subscriptions.open_charges IS 'How many charges of ours of the open order were decided on; each is sent once.';
COMMENT ON COLUMN subscriptions.open_failures IS 'How many of them have failed and were dealt with.';
COMMENT ON COLUMN subscriptions.failing_since IS 'When the first charge of the open order failed that counts; NULL while none has.';
COMMENT ON COLUMN subscriptions.retries IS 'How many charges of it have failed that count.';
COMMENT ON COLUMN subscriptions.technical_failures IS 'How many of its last charges, in a row, failed for a fault on the way.';
COMMENT ON COLUMN subscriptions.dunning_policy IS 'What differs from the installation''s policy; NULL for nothing.';
COMMENT ON COLUMN subscriptions.next_run_at IS 'When a worker looks at it next; moved ahead while one does. NULL when there is nothing to come.';
COMMENT ON COLUMN subscriptions.version IS 'Grows with every change that a decision may rest on; writes are guarded by it.';

CREATE UNIQUE INDEX subscriptions_idempotency_key ON subscriptions (idempotency_principal, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX subscriptions_customer_id_idx ON subscriptions (customer_id, id);
CREATE INDEX subscriptions_status_id_idx ON subscriptions (status, id);
CREATE INDEX subscriptions_created_at_idx ON subscriptions (created_at);
-- The queue: a claim reads its beginning and nothing else, however many rows wait behind it.
CREATE INDEX subscriptions_due_idx ON subscriptions (next_run_at) WHERE next_run_at IS NOT NULL;

CREATE TABLE subscription_contracts (
    payment_id        uuid        NOT NULL,
    subscription_id   uuid        NOT NULL,
    order_id          uuid        NOT NULL,
    status            text        NOT NULL DEFAULT 'pending',
    provider_customer text        NOT NULL,
    frequency_days    smallint    NOT NULL,
    card_brand        text        NOT NULL,
    card_last4        text        NOT NULL,
    card_exp_month    smallint    NOT NULL,
    card_exp_year     smallint    NOT NULL,
    contract_id       text,
    token_sealed      bytea,
    token_digest      bytea,
    started_at        timestamptz,
    last_paid_at      timestamptz,
    next_check_at     timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT subscription_contracts_pkey PRIMARY KEY (payment_id),
    CONSTRAINT subscription_contracts_subscription_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT subscription_contracts_status_known CHECK (status IN ('pending', 'active', 'ending', 'ended')),
    CONSTRAINT subscription_contracts_token_whole CHECK (num_nulls(token_sealed, token_digest) IN (0, 2)),
    CONSTRAINT subscription_contracts_active_whole CHECK
        (status <> 'active' OR num_nulls(contract_id, started_at) = 0),
    CONSTRAINT subscription_contracts_ending_named CHECK (status <> 'ending' OR contract_id IS NOT NULL),
    -- Of a contract that has ended nothing is left to charge by.
    CONSTRAINT subscription_contracts_nothing_kept_of_ended CHECK (status <> 'ended' OR token_sealed IS NULL),
    CONSTRAINT subscription_contracts_card_last4_digits CHECK (card_last4 ~ '^[0-9]{4}$'),
    CONSTRAINT subscription_contracts_frequency_days_sane CHECK (frequency_days BETWEEN 1 AND 99)
);

COMMENT ON TABLE subscription_contracts IS 'One row is one purchase that begins a contract at the provider, and the contract.';
COMMENT ON COLUMN subscription_contracts.token_sealed IS 'The provider''s token, AES-256-GCM under a key of DATA_KEY, bound to the row''s id.';
COMMENT ON COLUMN subscription_contracts.token_digest IS 'Keyed hash of the token, by which its charges are counted.';
COMMENT ON COLUMN subscription_contracts.frequency_days IS 'How many days the contract wants between two charges.';
COMMENT ON COLUMN subscription_contracts.next_check_at IS 'When the provider is asked next to end it, or whether it has ended.';

-- A subscription is charged by one contract.
CREATE UNIQUE INDEX subscription_contracts_one_active ON subscription_contracts (subscription_id) WHERE status = 'active';
CREATE UNIQUE INDEX subscription_contracts_contract_id_key ON subscription_contracts (contract_id) WHERE contract_id IS NOT NULL;
CREATE INDEX subscription_contracts_subscription_id_idx ON subscription_contracts (subscription_id);
CREATE INDEX subscription_contracts_due_idx ON subscription_contracts (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE TABLE subscription_charges (
    payment_id      uuid        NOT NULL,
    subscription_id uuid        NOT NULL,
    token_digest    bytea       NOT NULL,
    charged_at      timestamptz NOT NULL,
    CONSTRAINT subscription_charges_pkey PRIMARY KEY (payment_id)
);

COMMENT ON TABLE subscription_charges IS 'One row is one merchant-initiated charge that was decided on. The schemes limit how many a token may have.';

CREATE INDEX subscription_charges_token_idx ON subscription_charges (token_digest, charged_at);

CREATE TABLE subscription_update_links (
    token_digest    bytea       NOT NULL,
    subscription_id uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    payment_id      uuid,
    CONSTRAINT subscription_update_links_pkey PRIMARY KEY (token_digest),
    CONSTRAINT subscription_update_links_subscription_fkey FOREIGN KEY (subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT subscription_update_links_used_by_payment CHECK (used_at IS NULL OR payment_id IS NOT NULL),
    CONSTRAINT subscription_update_links_expires CHECK (expires_at > created_at)
);

COMMENT ON TABLE subscription_update_links IS 'One row is one link by which a customer may give a new card, once.';
COMMENT ON COLUMN subscription_update_links.token_digest IS 'SHA-256 of what the link bears: the link itself is kept nowhere.';
COMMENT ON COLUMN subscription_update_links.payment_id IS 'The latest purchase that was begun by it.';

CREATE INDEX subscription_update_links_subscription_id_idx ON subscription_update_links (subscription_id);

-- Whatever moves an order wakes its subscription in the same transaction, so no outcome is missed, whoever dies. Its version grows: a worker
-- that decided on the order as it was before writes nothing. Nobody holds a subscription's row while taking an order's.
-- +goose StatementBegin
CREATE FUNCTION wake_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE subscriptions SET next_run_at = least(next_run_at, NEW.updated_at), version = version + 1
    WHERE id = NEW.subscription_id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION wake_subscription() IS 'Trigger that has a worker look at the subscription of an order that has moved.';

CREATE TRIGGER orders_wake_subscription AFTER UPDATE OF status ON orders
    FOR EACH ROW WHEN (NEW.subscription_id IS NOT NULL AND NEW.status <> OLD.status AND NEW.status <> 'pending')
    EXECUTE FUNCTION wake_subscription();

-- A charge that the provider refused for a reason that lies with us is for a person, as is a period that was not charged.
ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_class_known;
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_class_known CHECK (class IN
    ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here', 'reversal',
     'unsettled', 'refund', 'refund_match', 'over_refund', 'dispute', 'over_dispute', 'period_missed', 'contract_missing', 'renewal_refused',
     'paid_after_end'));

-- +goose Down
DELETE FROM discrepancies WHERE class IN ('renewal_refused', 'paid_after_end');
ALTER TABLE discrepancies DROP CONSTRAINT discrepancies_class_known;
ALTER TABLE discrepancies ADD CONSTRAINT discrepancies_class_known CHECK (class IN
    ('amount', 'currency', 'status', 'provider_transaction_id', 'surplus', 'late_payment', 'missing_here', 'reversal',
     'unsettled', 'refund', 'refund_match', 'over_refund', 'dispute', 'over_dispute', 'period_missed', 'contract_missing'));
DROP TRIGGER orders_wake_subscription ON orders;
DROP FUNCTION wake_subscription();
DROP TABLE subscription_update_links;
DROP TABLE subscription_charges;
DROP TABLE subscription_contracts;
DROP TABLE subscriptions;
