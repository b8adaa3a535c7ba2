package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/api/openapitest"
	"tillway/internal/apikeys"
	"tillway/internal/money"
	"tillway/internal/orders"
)

func TestRoutes_AreTheOperationsOfTheDocument(t *testing.T) {
	t.Parallel()
	served := make([]string, 0, 32)
	for _, r := range api.Routes() {
		served = append(served, r.Method+" "+r.Pattern)
	}
	openapitest.RequireRoutes(t, served)
}

func TestOrder_IsCreatedPaidAndRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, created := b.createOrder(t, object{
		"amount": 5000, "reference": "web-1", "description": "Two mugs", "metadata": object{"cart": "7"},
		"items": []object{{"name": "Mug", "unit_amount": 2500, "quantity": 2, "type": "physical"}},
	})
	require.Equal(t, "application/json", created.header.Get("Content-Type"))
	require.Equal(t, "open", created.str("status"))
	require.Equal(t, "eur", created.str("currency"))
	require.Regexp(t, "^"+id+"_secret_[0-9a-f]{40}$", created.str("client_secret"))
	require.ElementsMatch(t, []string{"self", "order:pay", "order:cancel", "order:payments"}, created.rels())

	paid := b.pay(t, id, goodCard)
	require.Equal(t, http.StatusCreated, paid.status, paid.body)
	require.Equal(t, "succeeded", paid.str("status"))
	require.Equal(t, map[string]any{
		"self":           map[string]any{"href": "/v1/payments/" + paid.str("id")},
		"payment:order":  map[string]any{"href": "/v1/orders/" + id},
		"payment:refund": map[string]any{"href": "/v1/refunds", "method": "POST"},
	}, paid.at("_links"))
	require.NotContains(t, paid.body, goodCard)

	read := b.do(t, request{method: "GET", path: "/v1/orders/" + id, as: apikeys.RoleOps})
	require.Equal(t, "paid", read.str("status"))
	require.InDelta(t, 5000, read.at("amount_paid"), 0)
	require.Equal(t, paid.str("id"), read.str("latest_payment"))
	require.Nil(t, read.at("client_secret"), "only the creating answer has it")
	require.ElementsMatch(t, []string{"self", "order:payments", "order:timeline"}, read.rels(), "ops only read")

	require.Equal(t, paid.str("id"), b.do(t, request{method: "GET", path: "/v1/payments/" + paid.str("id")}).str("id"))
}

func TestOrder_AdvertisesOnlyWhatTheKeyMayDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, created := b.createOrder(t)
	path := "/v1/orders/" + id
	require.ElementsMatch(t, []string{"self", "order:payments", "order:timeline"},
		b.do(t, request{method: "GET", path: path, as: apikeys.RoleOps}).rels(), "ops read")
	require.ElementsMatch(t, []string{"self", "order:pay"},
		b.do(t, request{method: "GET", path: path, secret: created.str("client_secret")}).rels(), "a shopper pays")
	require.ElementsMatch(t, []string{"self", "order:payments", "order:timeline", "order:pay", "order:cancel"},
		b.do(t, request{method: "GET", path: path, as: apikeys.RoleAdmin}).rels())

	canceled := b.do(t, request{method: "POST", path: path + "/cancel"})
	require.Equal(t, http.StatusOK, canceled.status, canceled.body)
	require.Equal(t, "canceled", canceled.str("status"))
	require.ElementsMatch(t, []string{"self", "order:payments"}, canceled.rels())
}

func TestRoot_LeadsToWhatTheKeyMayDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ops := b.do(t, request{method: "GET", path: "/v1", as: apikeys.RoleOps})
	require.Equal(t, http.StatusOK, ops.status)
	require.ElementsMatch(t, []string{
		"self", "describedby", "help", "orders", "order", "order:payments", "order:timeline", "payments", "payment", "refunds",
		"refund", "customers", "customer", "customer:payment_methods", "payment_method", "events", "event", "payment:query", "discrepancies", "discrepancy:resolve",
		"notifications", "notification:replay", "subscriptions:summary", "refund:approve", "refund:reject", "disputes", "dispute", "dispute:evidence",
		"subscriptions", "subscription", "subscription:orders", "subscription:update_link",
	}, ops.rels())
	storefront := b.do(t, request{method: "GET", path: "/v1"})
	require.Equal(t, map[string]any{"href": "/v1/orders/{id}/payments", "method": "POST", "templated": true},
		storefront.at("_links").(map[string]any)["order:pay"])
	require.Equal(t, map[string]any{"href": "/v1/orders", "method": "POST"},
		storefront.at("_links").(map[string]any)["order:create"])
}

func TestUpdate_ChangesDescriptionAndMetadata(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t, object{"description": "old", "metadata": object{"keep": "1", "drop": "2"}})
	payment := b.pay(t, id, goodCard).str("id")
	for _, path := range []string{"/v1/orders/" + id, "/v1/payments/" + payment} {
		b.do(t, request{method: "POST", path: path, body: object{"metadata": object{"keep": "1", "drop": "2"}}})
		updated := b.do(t, request{method: "POST", path: path, body: object{
			"description": "new", "metadata": object{"drop": nil, "add": "3"},
		}})
		require.Equal(t, http.StatusOK, updated.status, updated.body)
		require.Equal(t, "new", updated.str("description"))
		require.Equal(t, map[string]any{"keep": "1", "add": "3"}, updated.at("metadata"))

		unchanged := b.do(t, request{method: "POST", path: path, body: "{}"})
		require.Equal(t, "new", unchanged.str("description"))
		require.Equal(t, map[string]any{"keep": "1", "add": "3"}, unchanged.at("metadata"))

		cleared := b.do(t, request{method: "POST", path: path, body: object{"metadata": nil, "description": ""}})
		require.Nil(t, cleared.at("description"))
		require.Equal(t, map[string]any{}, cleared.at("metadata"))
	}
}

func TestPayment_WaitsForTheShopper(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	p := b.pay(t, id, challengeCard)
	require.Equal(t, http.StatusCreated, p.status, p.body)
	require.Equal(t, "requires_action", p.str("status"))
	require.Equal(t, map[string]any{
		"type":            "redirect_to_url",
		"redirect_to_url": map[string]any{"url": "https://psp.example.com/3ds/1", "return_url": "https://shop.example.com/done?cart=7"},
	}, p.at("next_action"))
	require.Equal(t, map[string]any{"href": "https://psp.example.com/3ds/1"}, p.at("_links").(map[string]any)["payment:redirect"])
	require.Equal(t, "pending", b.do(t, request{method: "GET", path: "/v1/orders/" + id}).str("status"))
}

func TestPayment_IsPaidByTheShoppersOwnSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, created := b.createOrder(t)
	secret := created.str("client_secret")
	paid := b.do(t, request{
		method: "POST", path: "/v1/orders/" + id + "/payments", body: payBody("4761 3441-3614 1390", object{
			"capture_method": "automatic", "save_payment_method": false,
			"three_ds": object{"strategy": "force", "mpi": object{"eci": "05", "cavv": "AAAB", "ds_trans_id": "d-1"}},
			"browser": object{
				"ip": "203.0.113.7", "user_agent": "UA", "accept": "text/html", "language": "de", "java_enabled": false,
				"color_depth": "24", "screen_height": 1080, "screen_width": "1920", "time_zone_offset": "-120", "content_length": 0,
			},
		}), secret: secret, key: "shopper-1",
	})
	require.Equal(t, http.StatusCreated, paid.status, paid.body)
	require.Equal(t, "1390", paid.str("payment_method_details.card.last4"))
	require.Equal(t, []string{"payment:order"}, without(paid.rels(), "self"), "a shopper refunds nothing")
}

func without(names []string, one string) []string {
	kept := []string{}
	for _, name := range names {
		if name != one {
			kept = append(kept, name)
		}
	}
	return kept
}

func TestPayment_UnknownIsNoError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	open := b.pay(t, id, lostCard)
	require.Equal(t, http.StatusAccepted, open.status, open.body)
	require.Equal(t, "unknown", open.str("status"))
	require.Nil(t, open.at("provider_transaction_id"))

	b.provider.settle(open.str("merchant_txn_id"), orders.OutcomeSucceeded, owed(t))
	b.do(t, request{method: "GET", path: "/v1/payments/" + open.str("id") + "/return", as: "none"})
	require.Equal(t, "paid", b.do(t, request{method: "GET", path: "/v1/orders/" + id}).str("status"))
	require.Equal(t, 1, b.provider.saleCount())
}

// owed is the amount of orderBody.
func owed(t *testing.T) money.Amount {
	t.Helper()
	currency, err := money.ParseCurrency("eur")
	require.NoError(t, err)
	return money.New(2700, currency)
}

func TestMethods_HeadIsAnsweredAsGetWithoutABody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, b.server.URL+"/v1/orders", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+b.keys[apikeys.RoleOps])
	answer, err := b.server.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.NotEmpty(t, answer.Header.Get("X-Ratelimit-Remaining"))
}

func TestGet_DoesNotMindWhatItsBodyWouldBe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, value := range map[string]string{
		"Content-Type": "application/vnd.tillway.v2+json", "Content-Encoding": "gzip",
	} {
		got := b.do(t, request{method: "GET", path: "/v1/orders", header: map[string]string{name: value}})
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
}
