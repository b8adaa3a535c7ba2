package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLists_PageFilterAndLinkOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := make([]string, 0, 5)
	for i := range 5 {
		id, _ := b.createOrder(t, object{"reference": fmt.Sprintf("r %d&", i), "amount": 100 * (i + 1)})
		made = append([]string{id}, made...) // newest first
	}
	first := b.do(t, request{method: "GET", path: "/v1/orders?limit=2&currency=EUR"})
	require.Equal(t, http.StatusOK, first.status, first.body)
	require.Equal(t, "list", first.str("object"))
	require.Equal(t, "/v1/orders", first.str("url"))
	require.Equal(t, true, first.at("has_more"))
	require.Equal(t, made[:2], idsOf(first))

	var walked []string
	for path := "/v1/orders?limit=2&currency=EUR"; path != ""; {
		got := b.do(t, request{method: "GET", path: path})
		walked = append(walked, idsOf(got)...)
		next, _ := got.at("_links").(map[string]any)["next"].(map[string]any)
		path, _ = next["href"].(string)
	}
	require.Equal(t, made, walked)

	back := b.do(t, request{method: "GET", path: "/v1/orders?limit=2&ending_before=" + made[4]})
	require.Equal(t, made[2:4], idsOf(back))
	require.Equal(t, map[string]any{"href": "/v1/orders?ending_before=" + made[2] + "&limit=2"}, back.at("_links").(map[string]any)["prev"])

	for query, want := range map[string][]string{
		"reference=r+3%26":                                  {made[1]},
		"amount[gte]=200&amount[lte]=300":                   {made[2], made[3]},
		"email=BUYER@example.com&limit=1":                   {made[0]},
		"status=paid":                                       {},
		fmt.Sprintf("created[gt]=%d", time.Now().Unix()+60): {},
		"created[lte]=4102444800&limit=100":                 made,
	} {
		require.Equal(t, want, idsOf(b.do(t, request{method: "GET", path: "/v1/orders?" + query})), query)
	}
	require.Equal(t, "[]", mustJSON(t, b.do(t, request{method: "GET", path: "/v1/orders?status=paid"}).at("data")), "never null")

	// A link says what was understood, in its one canonical way, and nothing else: it leads to the same page wherever it is followed.
	for query, self := range map[string]string{
		"limit=007&currency=EUR":                  "currency=eur&limit=7",
		"email=BUYER%40Example.com":               "email=buyer%40example.com",
		"reference=r%201%26":                      "reference=r+1%26",
		"amount[lte]=0300&created%5Bgte%5D=-0":    "amount%5Blte%5D=300&created%5Bgte%5D=0",
		"reference=<script>'\"%22%23&status=paid": "reference=%3Cscript%3E%27%22%22%23&status=paid",
		"limit=2&starting_after=" + made[0]:       "limit=2&starting_after=" + made[0],
		"":                                        "",
	} {
		path := strings.TrimSuffix("/v1/orders?"+self, "?")
		got := b.do(t, request{method: "GET", path: "/v1/orders?" + query})
		require.Equal(t, map[string]any{"href": path}, got.at("_links").(map[string]any)["self"], query)
		require.Equal(t, idsOf(got), idsOf(b.do(t, request{method: "GET", path: path})), query)
	}

	long := strings.Repeat("😀", 255)
	emoji, _ := b.createOrder(t, object{"reference": long})
	require.Equal(t, []string{emoji}, idsOf(b.do(t, request{method: "GET", path: "/v1/orders?reference=" + url.QueryEscape(long)})),
		"the longest reference finds its order")

	payment := b.pay(t, made[0], goodCard)
	nested := b.do(t, request{method: "GET", path: "/v1/orders/" + made[0] + "/payments"})
	require.Equal(t, "/v1/orders/"+made[0]+"/payments", nested.str("url"))
	for _, query := range []string{
		"order=" + made[0], "status=succeeded", "merchant_txn_id=" + payment.str("merchant_txn_id"),
		"provider_transaction_id=" + payment.str("provider_transaction_id"),
	} {
		require.Equal(t, idsOf(nested), idsOf(b.do(t, request{method: "GET", path: "/v1/payments?" + query})), query)
	}
}

func idsOf(list response) []string {
	found := []string{}
	data, _ := list.at("data").([]any)
	for _, one := range data {
		resource, _ := one.(map[string]any)
		id, _ := resource["id"].(string)
		found = append(found, id)
	}
	return found
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

func TestEvents_TellTheStoryOfAnOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	b.pay(t, id, goodCard)
	list := b.do(t, request{method: "GET", path: "/v1/events?limit=100&order=" + id})
	data, _ := list.at("data").([]any)
	require.NotEmpty(t, data)
	for i, one := range data {
		event, _ := one.(map[string]any)
		require.InDelta(t, len(data)-i, event["sequence"], 0, "without gaps, newest first")
	}
	oldest, _ := data[len(data)-1].(map[string]any)
	require.Equal(t, "order.created", oldest["type"])
	eventID, _ := oldest["id"].(string)
	one := b.do(t, request{method: "GET", path: "/v1/events/" + eventID})
	require.Equal(t, oldest, one.json)
	require.Equal(t, map[string]any{"href": "/v1/orders/" + id}, one.at("_links").(map[string]any)["event:order"])
	require.Len(t, idsOf(b.do(t, request{method: "GET", path: "/v1/events?type=order.paid&order=" + id})), 1)
	require.Equal(t, http.StatusNotFound, b.do(t, request{method: "GET", path: "/v1/events/evt_1", wrong: true}).status)
}

func TestMediaTypes_AreAcceptedAndProduced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const v1 = "application/vnd.tillway.v1+json"
	created := b.do(t, request{method: "POST", path: "/v1/orders", body: orderBody(), key: "k", header: map[string]string{
		"Content-Type": v1, "Accept": v1,
	}})
	require.Equal(t, http.StatusCreated, created.status, created.body)
	require.Equal(t, v1, created.header.Get("Content-Type"))
	missing := b.do(t, request{method: "GET", path: "/v1/orders/x", header: map[string]string{"Accept": v1}, wrong: true})
	require.Equal(t, v1, missing.header.Get("Content-Type"))
	bare := b.do(t, request{method: "POST", path: "/v1/orders", body: orderBody(), key: "k2", header: map[string]string{"Content-Type": ""}, wrong: true})
	require.Equal(t, http.StatusCreated, bare.status, "no media type is the current version")
}

func TestCorrelationID_IsTheCallersOrOurs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for sent, kept := range map[string]bool{"shop-42 / a": true, "über": false, strings.Repeat("x", 129): false, goodCard: false, "": false} {
		got := b.do(t, request{method: "GET", path: "/v1/orders", header: map[string]string{"X-Correlation-Id": sent}, wrong: true})
		if kept {
			require.Equal(t, sent, got.header.Get("X-Correlation-Id"))
			continue
		}
		require.Regexp(t, "^req_[a-z2-7]{26}$", got.header.Get("X-Correlation-Id"))
	}
}

func TestProcess_AnswersWithoutAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, contentType := range map[string]string{
		"/healthz": "application/json", "/readyz": "application/json", "/openapi.yaml": "application/yaml", "/docs": "text/html",
	} {
		got := b.do(t, request{method: "GET", path: path, as: "none"})
		require.Equal(t, http.StatusOK, got.status, path)
		require.Contains(t, got.header.Get("Content-Type"), contentType)
		require.NotEmpty(t, got.header.Get("X-Ratelimit-Limit"))
	}
	note := b.do(t, request{method: "POST", path: "/v1/webhooks/onerway", as: "none", body: `{"transactionId":"1"}`})
	require.Equal(t, http.StatusOK, note.status)
	require.JSONEq(t, `{"transactionId":"1"}`, note.body, "handed on as it came")
	huge := b.do(t, request{method: "POST", path: "/v1/webhooks/onerway", as: "none", body: `"` + strings.Repeat("x", 300<<10) + `"`, wrong: true})
	require.Equal(t, http.StatusRequestEntityTooLarge, huge.status)
}

func TestLogs_TellTheRequestAndNeverTheCard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, created := b.createOrder(t)
	paid := b.pay(t, id, declinedCard)
	b.do(t, request{method: "POST", path: "/v1/orders/" + id + "/payments", key: "bad", wrong: true, body: payBody(declinedCard, object{declinedCard: 1})})
	require.Eventually(t, func() bool { return strings.Count(b.logs.String(), `"route":"/v1/orders/{id}/payments"`) == 2 }, 5*time.Second, time.Millisecond)

	logs := b.logs.String()
	require.NotContains(t, logs, declinedCard)
	require.NotContains(t, logs, created.str("client_secret"))
	for line := range strings.Lines(logs) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		if entry["outcome"] != "declined" {
			continue
		}
		require.InDelta(t, http.StatusPaymentRequired, entry["status"], 0)
		require.Equal(t, id, entry["order"])
		require.Equal(t, paid.str("error.payment.id"), entry["payment"])
		require.Equal(t, "insufficient_funds", entry["code"])
		require.Equal(t, "c-1", entry["correlation_id"])
	}
	require.NotContains(t, mustJSON(t, paid.json), declinedCard)
}

// Whatever is sent, it is refused or done, never a 500: bodies that are nearly right, with one thing spoiled.
func TestEverything_ThatACallerSendsIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	spoilt := rapid.OneOf(
		rapid.Just[any](nil), rapid.Just[any](true), rapid.Just[any]([]any{nil}), rapid.Just[any](object{"a": object{}}),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }), rapid.Just[any](1.5), rapid.Just[any](1e300),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.SampledFrom([]any{"", "\x00", "\u202e", strings.Repeat("é", 3000), "NaN", "-1", "1e9", "ord_", id, []any{}, object{}}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		order := orderBody(object{
			"reference": "r", "description": "d", "items": []object{{"name": "a", "unit_amount": 2700, "quantity": 1}},
			"metadata": object{"a": "b"}, "expires_in": 3600, "late_payment": "review",
			"shipping_details": object{"first_name": "A", "address": object{"city": "B"}},
		})
		pay := payBody(declinedCard, object{
			"three_ds": object{"strategy": "auto", "mpi": object{"eci": "05", "cavv": "c", "xid": "x"}},
			"browser":  object{"ip": "::1", "color_depth": 24}, "metadata": object{"a": "b"}, "return_url": "https://shop.example.com/",
		})
		target := rapid.SampledFrom([]struct {
			path string
			body object
		}{
			{"/v1/orders", order},
			{"/v1/orders/" + id + "/payments", pay},
			{"/v1/orders/" + id, object{"description": "d", "metadata": object{"a": "b", "c": nil}}},
			{"/v1/orders/" + id + "/cancel", object{"a": 1}},
		}).Draw(rt, "target")
		spoil(rt, target.body, spoilt)
		got, err := b.try(t.Context(), request{
			method: "POST", path: target.path, body: target.body, key: rapid.StringMatching(`[a-z]{1,20}`).Draw(rt, "key"), wrong: true,
		})
		require.NoError(rt, err)
		require.Less(rt, got.status, 500, "%s %s", mustJSON(t, target.body), got.body)

		name := rapid.SampledFrom([]string{"limit", "starting_after", "reference", "created[gte]", "amount[lte]", "status", "email", "x"}).Draw(rt, "name")
		query := rapid.SampledFrom([]string{"%00", "%ff", "-1", "0", "a", "+1", "1e3", "99999999999999999999", "%F0%9F%92%B3", id, "'--"}).Draw(rt, "value")
		got, err = b.try(t.Context(), request{method: "GET", path: "/v1/orders?" + name + "=" + query, wrong: true})
		require.NoError(rt, err)
		require.Less(rt, got.status, 500, got.body)
	})
	require.NotContains(t, b.logs.String(), declinedCard)
}

// spoil replaces, removes or adds one member somewhere in the body.
func spoil(rt *rapid.T, body object, spoilt *rapid.Generator[any]) {
	names := make([]string, 0, len(body))
	for name := range body {
		names = append(names, name)
	}
	slices.Sort(names)
	name := rapid.SampledFrom(names).Draw(rt, "member")
	if inner, ok := body[name].(object); ok && len(inner) > 0 && rapid.Bool().Draw(rt, "deeper") {
		spoil(rt, inner, spoilt)
		return
	}
	if rapid.Bool().Draw(rt, "add") {
		name = rapid.String().Draw(rt, "name")
	}
	body[name] = spoilt.Draw(rt, "value")
}
