package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/ids"
)

func TestTimeline_TellsOperatorsWhatHappenedAndWhatIsNext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	require.Equal(t, http.StatusAccepted, b.pay(t, id, lostCard).status)
	order := b.do(t, request{method: "GET", path: "/v1/orders/" + id, as: apikeys.RoleOps})
	path := order.str("_links.order:timeline.href")
	require.Equal(t, "/v1/orders/"+id+"/timeline", path)

	for _, role := range []apikeys.Role{apikeys.RoleOps, apikeys.RoleAdmin} {
		told := b.do(t, request{method: "GET", path: path, as: role})
		require.Equal(t, http.StatusOK, told.status, told.body)
		require.Equal(t, id, told.str("order"))
		require.Len(t, told.at("data"), 4)
		require.Contains(t, told.body, "No answer came for attempt 1 that could be relied on.")
		require.Contains(t, told.body, "The outcome of attempt 1 is not known. The provider is asked next at ")
	}
}

func TestTimeline_IsReadInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	b.pay(t, id, declinedCard)
	b.pay(t, id, goodCard)
	path, pages, kinds := "/v1/orders/"+id+"/timeline?limit=2", 0, []string{}
	for path != "" {
		told := b.do(t, request{method: "GET", path: path, as: apikeys.RoleOps})
		require.Equal(t, http.StatusOK, told.status, told.body)
		for _, entry := range told.at("data").([]any) {
			kinds = append(kinds, entry.(map[string]any)["kind"].(string))
		}
		require.Equal(t, told.str("_links.next.href") != "", told.at("has_more"))
		path = told.str("_links.next.href")
		pages++
	}
	require.Equal(t, 3, pages)
	require.Equal(t, []string{
		"order.created", "payment.processing", "answer", "payment.failed", "payment.processing", "answer",
		"payment.succeeded", "order.paid",
	}, kinds)
}

func TestTimeline_Refuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, created := b.createOrder(t)
	other, _ := b.createOrder(t)
	foreign := b.do(t, request{method: "GET", path: "/v1/events?order=" + other})
	path := "/v1/orders/" + id + "/timeline"
	missing := ids.New[ids.OrderEntity]().String()
	for name, c := range map[string]struct {
		request
		status int
		param  string
	}{
		"storefront keys":     {request{path: path, as: apikeys.RoleStorefront}, http.StatusForbidden, ""},
		"client secrets":      {request{path: path, secret: created.str("client_secret")}, http.StatusForbidden, ""},
		"orders that are not": {request{path: "/v1/orders/" + missing + "/timeline", as: apikeys.RoleOps}, http.StatusNotFound, ""},
		"too many at once":    {request{path: path + "?limit=101", as: apikeys.RoleOps, wrong: true}, http.StatusBadRequest, "limit"},
		"reading backwards": {
			request{path: path + "?ending_before=x", as: apikeys.RoleOps, wrong: true}, http.StatusBadRequest, "ending_before",
		},
		"cursors that are no ids": {
			request{path: path + "?starting_after=x", as: apikeys.RoleOps}, http.StatusBadRequest, "starting_after",
		},
		"another order's events": {
			request{
				path: path + "?starting_after=" + foreign.at("data").([]any)[0].(map[string]any)["id"].(string),
				as:   apikeys.RoleOps,
			}, http.StatusBadRequest, "starting_after",
		},
	} {
		c.method = "GET"
		got := b.do(t, c.request)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
		require.Equal(t, c.param, got.str("error.param"), name)
	}
}
