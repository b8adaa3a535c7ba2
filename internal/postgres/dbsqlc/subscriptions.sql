-- name: SubscriptionInsert :exec
-- T1 of a new subscription, with SubscriptionContractInsert: from its commit on the subscription exists, whatever dies.
INSERT INTO subscriptions (
    id, livemode, customer_id, collection, amount, currency, interval_unit, interval_count, time_zone, description, metadata,
    return_url, card_brand, card_last4, card_exp_month, card_exp_year, anchor_at, trial_end_at, ends_at, open_order_id,
    latest_order_id, dunning_policy, next_run_at, idempotency_principal, idempotency_key, idempotency_fingerprint,
    correlation_id, created_at, updated_at
) VALUES (
    @id, @livemode, @customer_id, @collection, @amount, @currency, @interval_unit, @interval_count, @time_zone, @description,
    @metadata, @return_url, @card_brand, @card_last4, @card_exp_month, @card_exp_year, @anchor_at, sqlc.narg('trial_end_at'),
    sqlc.narg('ends_at'), @order_id::uuid, @order_id::uuid, sqlc.narg('dunning_policy'), @next_run_at::timestamptz,
    sqlc.narg('idempotency_principal'), sqlc.narg('idempotency_key'), sqlc.narg('idempotency_fingerprint'),
    @correlation_id, @now, @now
);

-- name: SubscriptionGet :one
SELECT * FROM subscriptions WHERE id = @id;

-- name: SubscriptionByIdempotencyKey :one
SELECT * FROM subscriptions WHERE idempotency_principal = @principal::text AND idempotency_key = @key::text;

-- name: SubscriptionExists :one
SELECT EXISTS (SELECT FROM subscriptions WHERE id = @id);

-- name: SubscriptionsOpenOf :many
-- What a customer still has.
SELECT * FROM subscriptions WHERE customer_id = @customer_id AND ended_at IS NULL ORDER BY id;

-- name: SubscriptionMove :one
-- Writes everything that changes, decided on the row as it was: refuses when it is not like that any more.
WITH moved AS (
    UPDATE subscriptions SET
        status = @status, amount = @amount, interval_unit = @interval_unit, interval_count = @interval_count,
        description = @description, metadata = @metadata,
        card_brand = @card_brand, card_last4 = @card_last4, card_exp_month = @card_exp_month, card_exp_year = @card_exp_year,
        anchor_at = @anchor_at, period_index = @period_index, current_period_start = sqlc.narg('current_period_start'),
        current_period_end = sqlc.narg('current_period_end'), ends_at = sqlc.narg('ends_at'),
        next_charge_at = sqlc.narg('next_charge_at'), upcoming_told_of = sqlc.narg('upcoming_told_of'),
        open_order_id = sqlc.narg('open_order_id'), open_charges = @open_charges, open_failures = @open_failures,
        latest_order_id = sqlc.narg('latest_order_id'), dunning_policy = sqlc.narg('dunning_policy'),
        failing_since = sqlc.narg('failing_since'), retries = @retries, technical_failures = @technical_failures, next_retry_at = sqlc.narg('next_retry_at'),
        last_failure = sqlc.narg('last_failure'), cancel_at_period_end = @cancel_at_period_end,
        activated_at = sqlc.narg('activated_at'), paused_at = sqlc.narg('paused_at'), unpaid_at = sqlc.narg('unpaid_at'),
        ended_at = sqlc.narg('ended_at'), next_run_at = sqlc.narg('next_run_at'), version = version + 1, updated_at = @now
    WHERE id = @id AND version = @version
    RETURNING 1
)
SELECT CASE WHEN count(*) = 1 THEN 1 ELSE refuse_stale() END::bigint FROM moved;

-- name: SubscriptionsClaim :many
-- Takes what is due for a worker, the longest due first, from a place on. One that dies leaves it to be claimed again after the lease.
WITH due AS (
    SELECT s.id, s.next_run_at FROM subscriptions s
    WHERE (s.next_run_at, s.id) > (@after::timestamptz, @after_id::uuid) AND s.next_run_at <= @now::timestamptz
    ORDER BY s.next_run_at, s.id LIMIT @batch FOR UPDATE SKIP LOCKED
)
UPDATE subscriptions SET next_run_at = @lease_until::timestamptz
FROM due WHERE subscriptions.id = due.id
RETURNING sqlc.embed(subscriptions), due.next_run_at::timestamptz AS due_at;

-- name: SubscriptionWake :exec
-- Something was learned of a subscription; whoever decided on it before writes nothing.
UPDATE subscriptions SET next_run_at = least(next_run_at, @now::timestamptz), version = version + 1 WHERE id = @id;

-- name: SubscriptionContractInsert :exec
INSERT INTO subscription_contracts (
    payment_id, subscription_id, order_id, provider_customer, frequency_days, card_brand, card_last4, card_exp_month,
    card_exp_year, created_at, updated_at
) VALUES (
    @payment_id, @subscription_id, @order_id, @provider_customer, @frequency_days, @card_brand, @card_last4, @card_exp_month,
    @card_exp_year, @now, @now
);

-- name: SubscriptionContractsOf :many
-- What a subscription is charged by, and what may come to be that.
SELECT * FROM subscription_contracts WHERE subscription_id = @subscription_id AND status IN ('pending', 'active')
ORDER BY created_at, payment_id;

-- name: SubscriptionContractLearn :one
-- What the provider has told of the contract that a purchase begins. What is known already stays. One that nobody waits for any
-- more is to be ended.
WITH learned AS (
    UPDATE subscription_contracts SET
        contract_id = coalesce(contract_id, sqlc.narg('contract_id')),
        token_sealed = CASE WHEN status IN ('pending', 'active') THEN coalesce(token_sealed, sqlc.narg('token_sealed')) ELSE token_sealed END,
        token_digest = CASE WHEN status IN ('pending', 'active') THEN coalesce(token_digest, sqlc.narg('token_digest')) ELSE token_digest END,
        status = CASE WHEN status = 'ended' THEN 'ending' ELSE status END,
        next_check_at = CASE WHEN status = 'ended' THEN @now::timestamptz ELSE next_check_at END, updated_at = @now
    WHERE payment_id = @payment_id
        AND ((contract_id IS NULL AND sqlc.narg('contract_id')::text IS NOT NULL)
            OR (status IN ('pending', 'active') AND token_sealed IS NULL AND sqlc.narg('token_sealed')::bytea IS NOT NULL))
    RETURNING subscription_id
), woken AS (
    UPDATE subscriptions SET next_run_at = least(next_run_at, @now::timestamptz), version = version + 1
    WHERE id = (SELECT subscription_id FROM learned)
    RETURNING 1
)
SELECT count(*) FROM woken;

-- name: SubscriptionContractActivate :one
WITH moved AS (
    UPDATE subscription_contracts SET status = 'active', started_at = @started_at::timestamptz, last_paid_at = @started_at, updated_at = @now
    WHERE payment_id = @payment_id AND status = 'pending'
    RETURNING 1
)
SELECT CASE WHEN count(*) = 1 THEN 1 ELSE refuse_stale() END::bigint FROM moved;

-- name: SubscriptionContractEnd :exec
-- It is used no more: the provider is told so, where there is anything to tell.
UPDATE subscription_contracts SET
    status = CASE WHEN contract_id IS NULL THEN 'ended' ELSE 'ending' END,
    token_sealed = CASE WHEN contract_id IS NULL THEN NULL ELSE token_sealed END,
    token_digest = CASE WHEN contract_id IS NULL THEN NULL ELSE token_digest END,
    next_check_at = CASE WHEN contract_id IS NULL THEN NULL ELSE @now::timestamptz END, updated_at = @now
WHERE payment_id = @payment_id AND status IN ('pending', 'active');

-- name: SubscriptionContractPaid :exec
UPDATE subscription_contracts SET last_paid_at = greatest(last_paid_at, @paid_at::timestamptz), updated_at = @now
WHERE payment_id = @payment_id;

-- name: SubscriptionContractsClaim :many
-- Takes the contracts that the provider is to be asked about, the longest due first, from a place on.
WITH due AS (
    SELECT c.payment_id, c.next_check_at FROM subscription_contracts c
    WHERE (c.next_check_at, c.payment_id) > (@after::timestamptz, @after_id::uuid) AND c.next_check_at <= @now::timestamptz
    ORDER BY c.next_check_at, c.payment_id LIMIT @batch FOR UPDATE SKIP LOCKED
)
UPDATE subscription_contracts SET next_check_at = @lease_until::timestamptz
FROM due WHERE subscription_contracts.payment_id = due.payment_id
RETURNING sqlc.embed(subscription_contracts), due.next_check_at::timestamptz AS due_at;

-- name: SubscriptionContractGone :exec
-- The provider has ended it, and nothing is kept to charge by.
UPDATE subscription_contracts SET status = 'ended', token_sealed = NULL, token_digest = NULL, next_check_at = NULL, updated_at = @now
WHERE payment_id = @payment_id AND status = 'ending';

-- name: SubscriptionContractAskAgain :exec
UPDATE subscription_contracts SET next_check_at = @at::timestamptz
WHERE payment_id = @payment_id AND status = 'ending';

-- name: SubscriptionTokenLock :exec
-- Whoever decides on a charge of one token waits for those who do so just now: the limits of the schemes hold for all of them together.
SELECT pg_advisory_xact_lock(hashtextextended(encode(@token_digest::bytea, 'hex'), 0));

-- name: SubscriptionChargeInsert :one
-- Decides on a charge: refuses when its token may not be charged now, by what SubscriptionAttemptsOf counts.
WITH counted AS (
    SELECT count(*) FILTER (WHERE c.charged_at > @day_ago) AS of_day, count(*) AS of_month
    FROM subscription_charges c LEFT JOIN payments p ON p.id = c.payment_id
    WHERE c.token_digest = @token_digest AND c.charged_at > @month_ago AND c.payment_id <> @payment_id
        AND (p.status <> 'succeeded' OR (p.id IS NULL AND c.charged_at > @begun_since))
), inserted AS (
    INSERT INTO subscription_charges (payment_id, subscription_id, token_digest, charged_at)
    SELECT @payment_id, @subscription_id, @token_digest, @charged_at FROM counted
    WHERE of_day < @day_cap::bigint AND of_month < @month_cap::bigint
    ON CONFLICT DO NOTHING
)
SELECT CASE WHEN of_day < @day_cap::bigint AND of_month < @month_cap::bigint THEN 1 ELSE refuse_stale() END::bigint FROM counted;

-- name: SubscriptionAttemptsOf :many
-- When a token was charged since a moment without success, by any subscription. What is not settled counts; of what was never begun
-- only what may be begun just now.
SELECT c.charged_at, coalesce(p.status IN ('failed', 'canceled', 'expired'), false)::boolean AS settled
FROM subscription_charges c LEFT JOIN payments p ON p.id = c.payment_id
WHERE c.token_digest = @token_digest AND c.charged_at > @since
    AND (p.status <> 'succeeded' OR (p.id IS NULL AND c.charged_at > @begun_since))
ORDER BY c.charged_at;

-- name: SubscriptionTell :exec
-- One event of a subscription, among its customer's. Of one that is deleted nothing is told that names them.
WITH c AS (
    UPDATE customers SET last_sequence = last_sequence + 1
    WHERE customers.id = @customer_id
    RETURNING customers.id, customers.livemode, customers.last_sequence, customers.deleted_at
)
INSERT INTO customer_events (customer_id, sequence, id, livemode, type, object, correlation_id, created_at)
SELECT c.id, c.last_sequence, @event_id, c.livemode, @event_type,
    CASE WHEN c.deleted_at IS NULL THEN @event_object::jsonb ELSE without_person(@event_object::jsonb) END, @correlation_id, @now
FROM c;

-- name: SubscriptionFreeKey :exec
-- A request that came to nothing may be repeated with its key.
UPDATE subscriptions SET idempotency_principal = NULL, idempotency_key = NULL, idempotency_fingerprint = NULL WHERE id = @id;

-- name: SubscriptionsErase :exec
-- What a deleted customer's subscriptions tell of a person.
UPDATE subscriptions SET
    description = '', metadata = '{}', return_url = '', idempotency_principal = NULL, idempotency_key = NULL,
    idempotency_fingerprint = NULL, correlation_id = '', version = version + 1
WHERE customer_id = @customer_id;

-- name: SubscriptionLinkInsert :exec
INSERT INTO subscription_update_links (token_digest, subscription_id, created_at, expires_at)
VALUES (@token_digest, @subscription_id, @now, @expires_at);

-- name: SubscriptionLinkGet :one
-- A link, and whether the purchase that it began was given up.
SELECT sqlc.embed(l), COALESCE(c.status = 'ended', false)::boolean AS given_up
FROM subscription_update_links AS l LEFT JOIN subscription_contracts AS c ON c.payment_id = l.payment_id
WHERE l.token_digest = @token_digest;

-- name: SubscriptionLinkTake :one
-- Begins a purchase by a link. It can be used again only where that purchase has failed.
WITH taken AS (
    UPDATE subscription_update_links l SET payment_id = @payment_id::uuid, used_at = @now::timestamptz, tries = l.tries + 1
    WHERE l.token_digest = @token_digest AND l.expires_at > @now AND l.tries < @most_tries::smallint
        AND (l.payment_id IS NULL OR l.payment_id = sqlc.narg('failed_payment_id'))
    RETURNING 1
)
SELECT CASE WHEN count(*) = 1 THEN 1 ELSE refuse_stale() END::bigint FROM taken;

-- name: SubscriptionContractByName :one
-- The contract that the provider names, while it is charged by.
SELECT * FROM subscription_contracts WHERE contract_id = @contract_id::text AND status <> 'pending';

-- name: SubscriptionPurchaseReturned :one
-- Whether it was asked for that an order's money goes back, whatever became of it.
SELECT EXISTS (SELECT FROM refunds WHERE order_id = @order_id);
