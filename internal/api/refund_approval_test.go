package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/orders"
)

func setupApprovals(t *testing.T) *testBundle {
	t.Helper()
	return setupConfigured(t, nil, func(c *orders.Config) { c.ApprovalAbove = orders.ApprovalThresholds{"EUR": 1000} })
}

func (b *testBundle) decide(t *testing.T, as apikeys.Role, id, decision, key string) response {
	t.Helper()
	return b.do(t, request{
		method: "POST", path: "/v1/refunds/" + id + "/" + decision, as: as, key: key,
		header: map[string]string{"X-Correlation-Id": "c-1"},
	})
}

func TestRefund_IsSentWhenASecondKeyApproves(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	order, _ := b.createOrder(t)
	b.pay(t, order, goodCard)
	asked := b.refund(t, "k1", object{"order": order})
	require.Equal(t, http.StatusCreated, asked.status, asked.body)
	id := asked.str("id")
	require.Equal(t, "pending", asked.str("status"))
	require.Equal(t, map[string]any{"status": "required", "decided_by": nil, "decided_at": nil}, asked.at("approval"))
	require.NotContains(t, asked.rels(), "refund:approve", "a storefront decides nothing")
	require.Contains(t, asked.rels(), "refund:cancel")
	again := b.refund(t, "k1", object{"order": order})
	require.Equal(t, asked.json, again.json, "it is not in flight")
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))

	read := func(as apikeys.Role, path string) response {
		return b.do(t, request{method: "GET", path: path, as: as})
	}
	seen := read(apikeys.RoleOps, "/v1/refunds/"+id)
	require.Equal(t, map[string]any{"href": "/v1/refunds/" + id + "/approve", "method": "POST"}, seen.at("_links").(map[string]any)["refund:approve"])
	require.Equal(t, map[string]any{"href": "/v1/refunds/" + id + "/reject", "method": "POST"}, seen.at("_links").(map[string]any)["refund:reject"])
	require.Len(t, read(apikeys.RoleOps, "/v1/refunds?approval=required").at("data"), 1)
	require.Empty(t, read(apikeys.RoleOps, "/v1/refunds?approval=approved").at("data"))

	approved := b.decide(t, apikeys.RoleOps, id, "approve", "k")
	require.Equal(t, http.StatusOK, approved.status, approved.body)
	require.Equal(t, "in_review", approved.str("status"))
	require.Equal(t, "approved", approved.str("approval.status"))
	require.NotEqual(t, approved.str("created_by"), approved.str("approval.decided_by"))
	require.NotContains(t, approved.rels(), "refund:approve")
	replayed := b.decide(t, apikeys.RoleOps, id, "approve", "k")
	require.Equal(t, approved.json, replayed.json)
	require.Equal(t, "true", replayed.header.Get("Idempotent-Replayed"))
	require.Equal(t, http.StatusOK, b.decide(t, apikeys.RoleOps, id, "approve", "").status, "the same decision again")

	story := read(apikeys.RoleOps, "/v1/orders/"+order+"/timeline")
	require.Contains(t, story.body, "was approved by "+approved.str("approval.decided_by"))
}

func TestRefund_DecisionsAreRefusedClearly(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	order, _ := b.createOrder(t)
	b.pay(t, order, goodCard)
	asked := b.do(t, request{method: "POST", path: "/v1/refunds", as: apikeys.RoleAdmin, key: "k", body: object{"order": order}})
	require.Equal(t, http.StatusCreated, asked.status, asked.body)
	require.NotContains(t, asked.rels(), "refund:approve", "who asked decides nothing")
	id := asked.str("id")
	refused := func(got response, status int, code, message string) {
		t.Helper()
		require.Equal(t, status, got.status, got.body)
		require.JSONEq(t, errorJSON(invalid, code, message, ""), got.body)
	}
	for _, decision := range []string{"approve", "reject"} {
		refused(b.decide(t, apikeys.RoleAdmin, id, decision, ""), 403, "forbidden", "The key that asked for a refund cannot decide on it. Use another key.")
		refused(b.decide(t, apikeys.RoleStorefront, id, decision, ""), 403, "forbidden", "The role of this key, storefront, may not do this.")
		missing := "re_01kb3v7g5rfa3s0n2w8h6d4c1b"
		refused(b.decide(t, apikeys.RoleOps, missing, decision, ""), 404, "resource_missing", `No such refund: "`+missing+`".`)
	}
	require.Equal(t, asked.json, b.do(t, request{method: "GET", path: "/v1/refunds/" + id, as: apikeys.RoleAdmin}).json, "nothing changed")

	rejected := b.decide(t, apikeys.RoleOps, id, "reject", "")
	require.Equal(t, http.StatusOK, rejected.status, rejected.body)
	require.Equal(t, "rejected", rejected.str("status"))
	require.Equal(t, "refund_not_approved", rejected.str("failure.code"))
	require.InDelta(t, 0, b.do(t, request{method: "GET", path: "/v1/orders/" + order}).at("amount_refund_pending"), 0)
	refused(b.decide(t, apikeys.RoleOps, id, "approve", ""), 409, "refund_not_awaiting_approval", "The refund was rejected by another decision already.")

	small := b.refund(t, "small", object{"order": order, "amount": 500}).str("id")
	refused(b.decide(t, apikeys.RoleOps, small, "approve", ""), 409, "refund_not_awaiting_approval", "The refund needs no approval.")
	withdrawn := b.refund(t, "withdrawn", object{"order": order, "amount": 600}).str("id")
	require.Equal(t, "canceled", b.do(t, request{method: "POST", path: "/v1/refunds/" + withdrawn + "/cancel"}).str("status"))
	refused(b.decide(t, apikeys.RoleOps, withdrawn, "approve", ""), 409, "refund_not_awaiting_approval", "The refund is canceled and waits for no approval.")
}
