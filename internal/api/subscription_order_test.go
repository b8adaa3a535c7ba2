package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

func TestOrder_OfASubscriptionIsNobodyElsesToPay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	subscription := ids.New[ids.SubscriptionEntity]()
	created, err := b.orders.Create(t.Context(), orders.CreateOrder{
		Subscription: subscription, Amount: 999, Currency: "usd", CorrelationID: "c-1",
		Billing: &details.Contact{Email: "buyer@example.com", Address: &details.Address{Country: "DE"}},
	})
	require.NoError(t, err)
	path := "/v1/orders/" + created.Order.ID.String()
	for who, got := range map[string]response{
		"admin":   b.do(t, request{method: "GET", path: path, as: apikeys.RoleAdmin}),
		"shopper": b.do(t, request{method: "GET", path: path, secret: created.ClientSecret}),
	} {
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, subscription.String(), got.str("subscription"), who)
		require.NotContains(t, got.rels(), "order:pay", who)
		require.NotContains(t, got.rels(), "order:cancel", who)
	}
	refused := "The order is charged by its subscription " + subscription.String() + "."
	for name, req := range map[string]request{
		"storefront": {method: "POST", path: path + "/payments", body: payBody(goodCard), key: "k1"},
		"shopper":    {method: "POST", path: path + "/payments", body: payBody(goodCard), key: "k2", secret: created.ClientSecret},
	} {
		got := b.do(t, req)
		require.Equal(t, http.StatusConflict, got.status, name)
		require.JSONEq(t, errorJSON(invalid, "order_not_payable", refused, ""), got.body, name)
	}
	canceled := b.do(t, request{method: "POST", path: path + "/cancel"})
	require.Equal(t, http.StatusConflict, canceled.status)
	require.JSONEq(t, errorJSON(invalid, "order_not_cancelable",
		"The order is charged by its subscription, and canceled by nothing else.", ""), canceled.body)
	require.Zero(t, b.provider.saleCount())
	require.Equal(t, "open", b.do(t, request{method: "GET", path: path}).str("status"))

	timeline := b.do(t, request{method: "GET", path: path + "/timeline", as: apikeys.RoleOps})
	require.Contains(t, timeline.body, "The order is charged, or canceled, by its subscription until")
	require.NotContains(t, timeline.body, "can be paid")

	// What is left to a person is theirs to waive.
	require.NoError(t, b.orders.Review(t.Context(), created.Order.ID, orders.ClassPeriodMissed))
	left := b.do(t, request{method: "GET", path: path})
	require.Contains(t, left.rels(), "order:cancel")
	require.NotContains(t, left.rels(), "order:pay")
	timeline = b.do(t, request{method: "GET", path: path + "/timeline", as: apikeys.RoleOps})
	require.Contains(t, timeline.body, "A person may cancel the order until")
	for range 2 {
		waived := b.do(t, request{method: "POST", path: path + "/cancel", key: "waive"})
		require.Equal(t, []any{http.StatusOK, "canceled"}, []any{waived.status, waived.at("status")}, waived.body)
		require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	}
}
