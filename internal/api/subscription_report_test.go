package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
)

const summaryPath = "/v1/ops/subscriptions/summary"

func TestSubscriptionSummary_ReadsWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ask := func(query string) response {
		return b.do(t, request{method: "GET", path: summaryPath + query, as: apikeys.RoleOps})
	}
	now := time.Now().UTC()
	empty := ask("")
	require.Equal(t, http.StatusOK, empty.status, empty.body)
	require.Empty(t, empty.at("currencies"))
	from, to, asOf := number(t, empty, "from"), number(t, empty, "to"), number(t, empty, "as_of")
	require.Equal(t, int64(30*24*3600), to-from, "the last 30 days")
	require.InDelta(t, now.Unix(), to, 60)
	require.InDelta(t, to, asOf, 60)

	customer := b.do(t, request{method: "POST", path: "/v1/customers", body: object{"name": "Ada"}, key: "c"})
	require.Equal(t, http.StatusCreated, customer.status, customer.body)
	_, err := b.pool.Exec(t.Context(), `INSERT INTO subscriptions (id, livemode, customer_id, collection, amount, currency, interval_unit,
		interval_count, time_zone, card_brand, card_last4, card_exp_month, card_exp_year, anchor_at, correlation_id, created_at, updated_at)
		SELECT gen_random_uuid(), false, id, 'self_managed', 10001, 'EUR', 'year', 1, 'UTC', 'visa', '4242', 12, 2039, $1, 'c', $1, $1
		FROM customers, generate_series(1, 3)`, now.Add(-10*24*time.Hour))
	require.NoError(t, err)
	for _, move := range []string{
		"status = 'active', updated_at = $1", "status = 'past_due', failing_since = $1, updated_at = $1",
	} {
		_, err := b.pool.Exec(t.Context(), "UPDATE subscriptions SET version = version + 1, "+move, now.Add(-5*24*time.Hour))
		require.NoError(t, err)
	}
	_, err = b.pool.Exec(t.Context(), `UPDATE subscriptions SET version = version + 1, status = 'canceled', ended_at = $1, updated_at = $1
		WHERE id = (SELECT id FROM subscriptions LIMIT 1)`, now.Add(-24*time.Hour))
	require.NoError(t, err)

	since, until := now.Add(-2*24*time.Hour).Unix(), now.Unix()
	told := ask(fmt.Sprintf("?from=%d&to=%d", since, until))
	require.Equal(t, http.StatusOK, told.status, told.body)
	require.JSONEq(t, fmt.Sprintf(`{
		"object": "subscription_summary", "livemode": false, "from": %d, "to": %d, "as_of": %d,
		"currencies": [{
			"currency": "eur", "mrr": 1667,
			"subscriptions": {"incomplete": 0, "trialing": 0, "active": 0, "past_due": 2, "unpaid": 0, "paused": 0, "canceled": 1, "expired": 0},
			"at_start": 3, "new": 0, "churned": {"total": 1, "canceled": 0, "expired": 0, "dunning": 1}, "churn_rate": 0.3333,
			"collected_revenue": 0, "recovered_revenue": 0,
			"dunning": {"entered": 0, "recovered": {"total": 0, "by_retry": [], "by_new_card": 0}, "unpaid": 0, "canceled": 0,
				"expired": 0, "paused": 0, "open": 0}
		}],
		"_links": {"self": {"href": "/v1/ops/subscriptions/summary"}}
	}`, since, until, number(t, told, "as_of")), told.body)
	dunned := ask("")
	require.Contains(t, dunned.body, `"entered":3`)
	require.Contains(t, dunned.body, `"open":2`)
	require.Contains(t, dunned.body, `"churn_rate":null`, "there were none 30 days ago")
}

func number(t *testing.T, r response, path string) int64 {
	t.Helper()
	n, ok := r.at(path).(float64) //nolint:forbidigo // what encoding/json makes of a number
	require.True(t, ok, "%s of %s", path, r.body)
	return int64(n)
}

func TestSubscriptionSummary_RefusesWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		query                string
		as                   apikeys.Role
		status               int
		code, message, param string
	}{
		"a storefront": {"", apikeys.RoleStorefront, 403, "forbidden", "The role of this key, storefront, may not do this.", ""},
		"backwards":    {"?from=20&to=10", apikeys.RoleOps, 400, "parameter_invalid", "from must be before to.", "from"},
		"no time":      {"?from=20&to=20", apikeys.RoleAdmin, 400, "parameter_invalid", "from must be before to.", "from"},
		"too long":     {"?from=0&to=31622401", apikeys.RoleOps, 400, "parameter_invalid", "from must be at most 366 days before to.", "from"},
		"a date":       {"?from=2026-01-01", apikeys.RoleOps, 400, "parameter_invalid", "from must be an integer.", "from"},
		"before time":  {"?to=-1", apikeys.RoleOps, 400, "parameter_invalid", "to must be a time in unix seconds.", "to"},
		"twice":        {"?to=1&to=2", apikeys.RoleOps, 400, "parameter_invalid", "to is given more than once.", "to"},
		"an interval":  {"?interval=day", apikeys.RoleOps, 400, "unknown_field", "interval is not a parameter of this request.", "interval"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, request{method: "GET", path: summaryPath + c.query, as: c.as, wrong: true})
			require.Equal(t, c.status, got.status, got.body)
			require.JSONEq(t, errorJSON(invalid, c.code, c.message, c.param), got.body)
		})
	}
	require.Equal(t, http.StatusOK, b.do(t, request{method: "GET", path: summaryPath + "?to=0", as: apikeys.RoleOps}).status)
}
