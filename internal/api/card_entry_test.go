package api_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

var hostedBody = object{"payment_method": object{"type": "hosted"}}

func TestHosted_SendsTheShopperToTheProvidersPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, created := b.createOrder(t)
	key := rand.Text()
	pay := request{method: "POST", path: "/v1/orders/" + id + "/payments", body: hostedBody, key: key, secret: created.str("client_secret")}

	paid := b.do(t, pay)
	require.Equal(t, http.StatusCreated, paid.status, paid.body)
	require.Equal(t, "requires_action", paid.str("status"))
	require.Equal(t, "https://psp.example.com/checkout?key=1", paid.str("next_action.redirect_to_url.url"))
	require.Equal(t, "https://shop.example.com/done?cart=7", paid.str("next_action.redirect_to_url.return_url"))
	require.Equal(t, map[string]any{"type": "hosted", "card": nil}, paid.at("payment_method_details"))
	require.Contains(t, paid.rels(), "payment:redirect")
	require.Equal(t, paid.str("id"), b.do(t, pay).str("id"), "the same request again opens no second session")

	second := b.do(t, request{method: "POST", path: "/v1/orders/" + id + "/payments", body: hostedBody, key: rand.Text()})
	require.Equal(t, http.StatusConflict, second.status)
	requireError(t, second, invalid, "payment_in_progress",
		"Payment "+paid.str("id")+" of this order is requires_action. Wait for its outcome or continue it.", b, paid.str("id"))
	require.Equal(t, 1, b.provider.saleCount())

	order, err := ids.Parse[ids.OrderEntity](id)
	require.NoError(t, err)
	o, err := b.orders.Get(t.Context(), order)
	require.NoError(t, err)
	b.provider.settle(paid.str("merchant_txn_id"), orders.OutcomeSucceeded, o.Amount)
	returned := b.do(t, request{method: "GET", path: "/v1/payments/" + paid.str("id") + "/return", as: "none"})
	require.Equal(t, http.StatusSeeOther, returned.status)
	require.Contains(t, returned.header.Get("Location"), "status=succeeded")
	require.Equal(t, "paid", b.do(t, request{method: "GET", path: "/v1/orders/" + id}).str("status"))
}

func TestCardEntry_HostedOnlyTakesNoCard(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *api.Deps) { d.CardEntry = api.CardEntryHostedOnly })
	id, created := b.createOrder(t)
	payments := "/v1/orders/" + id + "/payments"
	records := func() []string { // of idempotency; the order's creation has one
		kept, err := b.redis.Keys(t.Context(), "*idem*").Result()
		require.NoError(t, err)
		return kept
	}
	require.Len(t, records(), 1)
	refusal := errorJSON(invalid, "payment_method_not_allowed", "This installation takes no card data (CARD_ENTRY=hosted_only). "+
		"Pay with payment_method.type hosted: the shopper types the card on the provider's own page.", "payment_method.card")
	for name, body := range map[string]object{
		"card":           payBody(goodCard),
		"bad-card":       payBody("4761"),
		"hosted-card":    payBody(goodCard, object{"payment_method": object{"type": "hosted", "card": payBody(goodCard)["payment_method"].(object)["card"]}}), //nolint:forcetypeassert // made above
		"no-card-but-so": {"payment_method": object{"type": "card"}},
	} {
		for _, secret := range []string{"", created.str("client_secret")} {
			answer := b.do(t, request{method: "POST", path: payments, body: body, key: "key-" + name, secret: secret})
			require.Equal(t, http.StatusUnprocessableEntity, answer.status, name)
			require.JSONEq(t, refusal, answer.body, name)
		}
	}
	kept := b.do(t, request{
		method: "POST", path: "/v1/payment_methods", key: "keep",
		body: object{"type": "card", "card": payBody(goodCard)["payment_method"].(object)["card"]}, //nolint:forcetypeassert // made above
	})
	require.Equal(t, http.StatusUnprocessableEntity, kept.status)
	require.JSONEq(t, strings.Replace(refusal, "payment_method.card", "card", 1), kept.body)
	require.Zero(t, b.provider.saleCount())
	require.NotContains(t, b.logs.String(), goodCard)
	require.Len(t, records(), 1, "nothing of these requests is kept, not even their fingerprints")
	rows := 0
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT count(*) FROM payments").Scan(&rows))
	require.Zero(t, rows)

	hosted := b.do(t, request{method: "POST", path: payments, body: hostedBody, key: "key-card"})
	require.Equal(t, http.StatusCreated, hosted.status, "the key is free")
	require.Empty(t, hosted.header.Get("Idempotent-Replayed"))
}
