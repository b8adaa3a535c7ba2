package api_test

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// club is a subscription as a shop asks for it.
func (b *testBundle) club(t *testing.T, card string, changes ...object) object {
	t.Helper()
	body := object{
		"customer": b.createCustomer(t, object{"billing_details": payer()}).str("id"), "amount": 1500, "currency": "EUR",
		"interval": "month", "description": "Coffee club", "return_url": "https://shop.example.com/club",
		"payment_method": payBody(card)["payment_method"],
	}
	return orderless(body, changes...)
}

func (b *testBundle) begin(t *testing.T, body object, key string) response {
	t.Helper()
	return b.do(t, request{method: "POST", path: "/v1/subscriptions", body: body, key: key})
}

// subscribed is a subscription that is active.
func (b *testBundle) subscribed(t *testing.T, changes ...object) (path string, made response) {
	t.Helper()
	made = b.begin(t, b.club(t, goodCard, changes...), rand.Text())
	require.Equal(t, http.StatusCreated, made.status, made.body)
	return "/v1/subscriptions/" + made.str("id"), made
}

// goOn does what a worker does about a subscription.
func (b *testBundle) goOn(t *testing.T, id string) {
	t.Helper()
	sub, err := ids.Parse[ids.SubscriptionEntity](id)
	require.NoError(t, err)
	require.NoError(t, b.subs.Advance(t.Context(), sub))
}

func TestSubscription_BeginsWithAPaidPeriod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := b.club(t, goodCard, object{
		"interval": "week", "interval_count": 2, "time_zone": "Europe/Berlin", "metadata": object{"a": "1"}, "ends_at": 4102444800,
		"dunning": object{"retry_days": []int{}, "end": "cancel"}, "three_ds": object{"strategy": "skip"}, "collection": "self_managed",
		"browser": object{"ip": "203.0.113.7", "user_agent": "UA"}, "trial_days": 0,
	})
	made := b.begin(t, body, "k")
	require.Equal(t, http.StatusCreated, made.status, made.body)
	for path, want := range map[string]any{
		"object": "subscription", "customer": body["customer"], "status": "active", "collection": "self_managed", "amount": 1500.0,
		"currency": "eur", "interval": "week", "interval_count": 2.0, "time_zone": "Europe/Berlin", "description": "Coffee club",
		"trial_end": nil, "ends_at": 4102444800.0, "cancel_at_period_end": false, "canceled_at": nil, "ended_at": nil, "paused_at": nil,
		"dunning.attempt": 0.0, "dunning.next_retry_at": nil, "dunning.last_failure": nil,
		"dunning.policy":      object{"retry_days": []any{}, "give_up_days": 14.0, "end": "cancel", "day_cap": 10.0, "month_cap": 18.0},
		"payment_method.type": "card", "payment_method.card.last4": "1390", "payment_method.card.brand": "visa",
		"metadata.a": "1", "next_action": nil, "next_charge_at": made.at("current_period_end"),
	} {
		require.Equal(t, want, made.at(path), path)
	}
	require.ElementsMatch(t, []string{
		"self", "subscription:update", "subscription:orders", "subscription:customer", "subscription:cancel", "subscription:pause",
		"subscription:update_link",
	}, made.rels())
	require.NotContains(t, made.body, goodCard)

	path := "/v1/subscriptions/" + made.str("id")
	require.Equal(t, made.json, b.do(t, request{method: "GET", path: path}).json)
	listed := b.do(t, request{method: "GET", path: path + "/orders?status=paid"})
	require.Equal(t, []string{made.str("latest_order")}, idsOf(listed))
	require.Equal(t, path+"/orders", listed.str("url"))
	order := b.do(t, request{method: "GET", path: "/v1/orders/" + made.str("latest_order")})
	require.Equal(t, []any{"paid", made.str("id"), made.str("latest_payment")}, []any{order.at("status"), order.at("subscription"), order.at("latest_payment")})
	require.Empty(t, idsOf(b.do(t, request{method: "GET", path: path + "/orders?status=open"})))

	events := b.do(t, request{method: "GET", path: "/v1/events?customer=" + made.str("customer")})
	require.Len(t, events.at("data"), 2, events.body)
}

func TestSubscription_IsBegunOncePerKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := b.club(t, goodCard)
	made := b.begin(t, body, "k")
	for range 2 {
		again := b.begin(t, body, "k")
		require.Equal(t, []any{made.status, "true", made.json}, []any{again.status, again.header.Get("Idempotent-Replayed"), again.json})
		require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	}
	require.Equal(t, 1, b.provider.saleCount())
	b.begin(t, b.club(t, goodCard, object{"amount": 1}), "k").refused(t, http.StatusUnprocessableEntity, "idempotency_error", "idempotency_key_reused",
		"This Idempotency-Key was already used for a different request. Use a new key for a new request.", "")

	// What became of it later is no business of the key's.
	id := made.str("id")
	b.do(t, request{method: "POST", path: "/v1/subscriptions/" + id + "/cancel"})
	require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	again := b.begin(t, body, "k")
	require.Equal(t, []any{http.StatusCreated, id, "canceled"}, []any{again.status, again.at("id"), again.at("status")})
}

func TestSubscription_WaitsForItsShopper(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := b.club(t, challengeCard)
	made := b.begin(t, body, "k")
	require.Equal(t, http.StatusCreated, made.status, made.body)
	require.Equal(t, "incomplete", made.str("status"))
	require.Equal(t, "https://psp.example.com/3ds/1", made.str("next_action.redirect_to_url.url"))
	require.Equal(t, "https://shop.example.com/club", made.str("next_action.redirect_to_url.return_url"))
	require.ElementsMatch(t, []string{"self", "subscription:update", "subscription:orders", "subscription:customer", "payment:redirect"}, made.rels())
	path := "/v1/subscriptions/" + made.str("id")
	require.Equal(t, made.json, b.do(t, request{method: "GET", path: path}).json)

	payment := b.do(t, request{method: "GET", path: "/v1/payments/" + made.str("latest_payment")})
	p := b.paymentOf(t, payment.str("id"))
	b.provider.settle(p.MerchantTxnID, orders.OutcomeSucceeded, p.Amount)
	b.do(t, request{method: "GET", path: "/v1/payments/" + payment.str("id") + "/return", as: "none"})
	b.goOn(t, made.str("id"))
	begun := b.do(t, request{method: "GET", path: path})
	require.Equal(t, []any{"active", nil}, []any{begun.at("status"), begun.at("next_action")})
	require.NotContains(t, begun.rels(), "payment:redirect")
}

func (b *testBundle) paymentOf(t *testing.T, id string) orders.Payment {
	t.Helper()
	parsed, err := ids.Parse[ids.PaymentEntity](id)
	require.NoError(t, err)
	p, err := b.orders.GetPayment(t.Context(), parsed)
	require.NoError(t, err)
	return p
}

func TestSubscription_ExpiresWhenItsCardIsDeclined(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := b.club(t, declinedCard)
	for i := range 3 {
		declined := b.begin(t, body, "k")
		require.Equal(t, http.StatusPaymentRequired, declined.status, declined.body)
		require.Equal(t, i > 0, declined.header.Get("Idempotent-Replayed") == "true")
		requireError(t, declined, "card_error", "insufficient_funds", "The card has insufficient funds.", b, declined.str("error.payment.id"))
		if i == 1 {
			require.NoError(t, b.redis.FlushDB(t.Context()).Err())
		}
	}
	require.Equal(t, 1, b.provider.saleCount())
	listed := b.do(t, request{method: "GET", path: "/v1/subscriptions?customer=" + body["customer"].(string)}) //nolint:forcetypeassert // made above
	data, _ := listed.at("data").([]any)
	require.Len(t, data, 1)
	expired, _ := data[0].(map[string]any)
	require.Equal(t, "expired", expired["status"])
	require.NotContains(t, expired, "latest_payment")
	shown := b.do(t, request{method: "GET", path: "/v1/subscriptions/" + expired["id"].(string)}) //nolint:forcetypeassert // as above
	require.Equal(t, "insufficient_funds", shown.str("dunning.last_failure.code"))
	require.ElementsMatch(t, []string{"self", "subscription:update", "subscription:orders", "subscription:customer"}, shown.rels())
}

func TestSubscription_OpenOutcomeIsToldWhenItIsKnown(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[orders.Outcome]int{
		orders.OutcomeSucceeded: http.StatusCreated, orders.OutcomeDeclined: http.StatusPaymentRequired,
	} {
		b := setup(t)
		body := b.club(t, lostCard)
		open := b.begin(t, body, "k")
		require.Equal(t, []any{http.StatusAccepted, "incomplete", nil}, []any{open.status, open.at("status"), open.at("next_action")}, open.body)
		again := b.begin(t, body, "k")
		require.Equal(t, []any{http.StatusAccepted, "true", open.at("id")}, []any{again.status, again.header.Get("Idempotent-Replayed"), again.at("id")})
		p := b.paymentOf(t, open.str("latest_payment"))
		b.provider.settle(p.MerchantTxnID, outcome, p.Amount)
		_, err := b.orders.Settle(t.Context(), p.ID, time.Second)
		require.NoError(t, err)
		require.Equal(t, want, b.begin(t, body, "k").status)
		require.Equal(t, 1, b.provider.saleCount())
	}
}

func TestSubscription_PaidWhileNoContractIsKnown_CanBeCanceled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.begin(t, b.club(t, lostCard), "k")
	path := "/v1/subscriptions/" + open.str("id")
	require.NotContains(t, open.rels(), "subscription:cancel")
	_, err := b.pool.Exec(t.Context(), "UPDATE subscription_contracts SET contract_id = NULL, token_sealed = NULL, token_digest = NULL") // not told yet
	require.NoError(t, err)
	p := b.paymentOf(t, open.str("latest_payment"))
	b.provider.settle(p.MerchantTxnID, orders.OutcomeSucceeded, p.Amount)
	_, err = b.orders.Settle(t.Context(), p.ID, time.Second)
	require.NoError(t, err)
	waits := b.do(t, request{method: "GET", path: path})
	require.Equal(t, "incomplete", waits.str("status"))
	require.Contains(t, waits.rels(), "subscription:cancel")
	canceled := b.do(t, request{method: "POST", path: path + "/cancel"})
	require.Equal(t, []any{http.StatusOK, "canceled"}, []any{canceled.status, canceled.at("status")}, canceled.body)
	require.NotContains(t, canceled.rels(), "subscription:cancel")
}

func TestSubscription_ThatWasNeverBegunChargedNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := b.club(t, declinedCard)
	b.begin(t, body, "k")
	_, err := b.pool.Exec(t.Context(), "UPDATE subscriptions SET latest_order_id = gen_random_uuid()") // as if its request had died
	require.NoError(t, err)
	require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	b.begin(t, body, "k").refused(t, http.StatusPaymentRequired, "card_error", "processing_error",
		"The subscription was not begun, and nothing was charged. Begin it again with a new Idempotency-Key.", "")
}

func TestSubscription_TrialVerifiesTheCardAndGivesItsMoneyBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, made := b.subscribed(t, object{"trial_days": 14})
	require.Equal(t, "trialing", made.str("status"))
	require.Equal(t, made.at("trial_end"), made.at("next_charge_at"))
	require.InDelta(t, 100, b.do(t, request{method: "GET", path: "/v1/orders/" + made.str("latest_order")}).at("amount"), 0)
}

func TestSubscription_IsUpdated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, made := b.subscribed(t, object{"metadata": object{"keep": "1", "drop": "2"}})
	post := func(path string, body any) response {
		r := b.do(t, request{method: "POST", path: path, body: body})
		require.Equal(t, http.StatusOK, r.status, r.body)
		return r
	}
	updated := post(path, object{
		"amount": 1900, "interval_count": 2, "ends_at": 4102444800, "description": "Tea club", "metadata": object{"drop": nil},
		"dunning": object{"give_up_days": 20},
	})
	require.Equal(t, []any{1900.0, "month", 2.0, 4102444800.0, "Tea club", object{"keep": "1"}, 20.0, made.at("current_period_end")}, []any{
		updated.at("amount"), updated.at("interval"), updated.at("interval_count"), updated.at("ends_at"), updated.at("description"),
		updated.at("metadata"), updated.at("dunning.policy.give_up_days"), updated.at("next_charge_at"),
	})
	cleared := post(path, object{"ends_at": nil, "dunning": nil, "description": nil, "metadata": nil})
	require.Equal(t, []any{nil, nil, nil, object{}, 1900.0}, []any{
		cleared.at("ends_at"), cleared.at("dunning.policy"), cleared.at("description"), cleared.at("metadata"), cleared.at("amount"),
	})
	require.Equal(t, cleared.at("amount"), post(path, "{}").at("amount"))

	ending := post(path+"/cancel", object{"at_period_end": true})
	require.Equal(t, []any{"active", true}, []any{ending.at("status"), ending.at("cancel_at_period_end")})
	require.Equal(t, false, post(path, object{"cancel_at_period_end": false}).at("cancel_at_period_end"))
}

func TestSubscription_IsPausedResumedAndCanceled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, made := b.subscribed(t)
	always := []string{"self", "subscription:update", "subscription:orders", "subscription:customer"}
	for _, step := range []struct {
		command, status string
		rels            []string
	}{
		{"pause", "paused", []string{"subscription:cancel", "subscription:resume", "subscription:update_link"}},
		{"pause", "paused", []string{"subscription:cancel", "subscription:resume", "subscription:update_link"}},
		{"resume", "active", []string{"subscription:cancel", "subscription:pause", "subscription:update_link"}},
		{"cancel", "canceled", nil},
		{"cancel", "canceled", nil},
	} {
		done := b.do(t, request{method: "POST", path: path + "/" + step.command})
		require.Equal(t, http.StatusOK, done.status, done.body)
		require.Equal(t, step.status, done.str("status"), step.command)
		require.ElementsMatch(t, append(step.rels, always...), done.rels(), step.command)
		require.Equal(t, step.status == "paused", done.at("paused_at") != nil)
		require.Equal(t, made.at("latest_payment"), done.at("latest_payment"))
		if step.status != "active" {
			require.Nil(t, done.at("next_charge_at"))
		}
	}
	require.Equal(t, 1, b.provider.saleCount())
	ops := b.do(t, request{method: "GET", path: path, as: apikeys.RoleOps})
	require.ElementsMatch(t, []string{"self", "subscription:orders", "subscription:customer"}, ops.rels())
}

func TestSubscriptions_AreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, first := b.subscribed(t)
	path, second := b.subscribed(t, object{"customer": first.str("customer")})
	_, other := b.subscribed(t)
	b.do(t, request{method: "POST", path: path + "/pause"})
	for query, want := range map[string][]string{
		"":                                   {other.str("id"), second.str("id"), first.str("id")},
		"?customer=" + first.str("customer"): {second.str("id"), first.str("id")},
		"?status=paused":                     {second.str("id")},
		"?status=unpaid":                     {},
		"?limit=1&starting_after=" + other.str("id"): {second.str("id")},
		"?created[gte]=4102444800":                   {},
	} {
		require.Equal(t, want, idsOf(b.do(t, request{method: "GET", path: "/v1/subscriptions" + query, as: apikeys.RoleOps})), query)
	}
}
