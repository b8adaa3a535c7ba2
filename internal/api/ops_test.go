package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/webhooks"
)

func TestQueryPayment_AsksTheProviderNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	lost := b.pay(t, id, lostCard)
	require.Equal(t, "unknown", lost.str("status"))
	require.NotContains(t, lost.rels(), "payment:query", "not for storefronts")
	payment := b.do(t, request{method: "GET", path: "/v1/payments/" + lost.str("id"), as: apikeys.RoleOps})
	path := payment.str("_links.payment:query.href")
	require.Equal(t, "/v1/ops/payments/"+lost.str("id")+"/query", path)

	silent := b.do(t, request{method: "POST", path: path, as: apikeys.RoleOps})
	require.Equal(t, http.StatusServiceUnavailable, silent.status, silent.body)
	require.Equal(t, "provider_unavailable", silent.str("error.code"))
	require.NotEmpty(t, silent.header.Get("Retry-After"))

	parsed, err := ids.Parse[ids.PaymentEntity](lost.str("id"))
	require.NoError(t, err)
	p, err := b.orders.GetPayment(t.Context(), parsed)
	require.NoError(t, err)
	b.provider.settle(p.MerchantTxnID, orders.OutcomeSucceeded, p.Amount)
	asked := b.do(t, request{method: "POST", path: path, as: apikeys.RoleOps, key: "ask-once"})
	require.Equal(t, http.StatusOK, asked.status, asked.body)
	require.Equal(t, "succeeded", asked.str("status"))
	require.Equal(t, true, asked.at("confirmed"))
	require.Equal(t, "paid", b.do(t, request{method: "GET", path: "/v1/orders/" + id}).str("status"))

	require.Equal(t, http.StatusForbidden, b.do(t, request{method: "POST", path: path}).status)
	missing := "/v1/ops/payments/" + ids.New[ids.PaymentEntity]().String() + "/query"
	require.Equal(t, http.StatusNotFound, b.do(t, request{method: "POST", path: missing, as: apikeys.RoleOps}).status)
}

func TestNotifications_AreListedAndReplayed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dead := webhooks.Notification{
		ID: ids.New[ids.NotificationEntity](), Status: "dead", Reason: "broken", NotifyType: "TXN", TxnType: "SALE",
		Order: ids.New[ids.OrderEntity](), Payment: ids.New[ids.PaymentEntity](), Deliveries: 2, Attempts: 10,
		Body: json.RawMessage(`{"status":"S"}`), CreatedAt: time.Now(), UpdatedAt: time.Now(), AppliedAt: time.Now(), Replayable: true,
	}
	forged := webhooks.Notification{
		ID: ids.New[ids.NotificationEntity](), Status: "quarantined", Deliveries: 1, Body: json.RawMessage(`"{\"cut"`),
	}
	b.inbox.listed = []webhooks.Notification{dead, forged}
	b.inbox.refused = map[ids.Notification]error{
		forged.ID: fault.New(fault.Conflict, "notification_not_replayable", "Not proven."),
	}
	listed := b.do(t, request{
		method: "GET", as: apikeys.RoleOps,
		path: "/v1/ops/notifications?status=dead&notify_type=TXN&transaction_id=1&order=" + dead.Order.String(),
	})
	require.Equal(t, http.StatusOK, listed.status, listed.body)
	require.Equal(t, webhooks.Filter{
		Status: "dead", NotifyType: "TXN", TransactionID: "1", Order: dead.Order,
	}, b.inbox.asked)
	data := listed.at("data").([]any)
	require.Len(t, data, 2)
	first := response{json: data[0].(map[string]any)}
	require.ElementsMatch(t, []string{
		"notification:replay", "notification:order", "notification:payment", "order:timeline",
	}, first.rels())
	require.Equal(t, "S", first.str("body.status"))
	require.Empty(t, response{json: data[1].(map[string]any)}.rels(), "what was never proven is not replayed")

	path := first.str("_links.notification:replay.href")
	require.Equal(t, http.StatusOK, b.do(t, request{method: "POST", path: path, as: apikeys.RoleAdmin}).status)
	refused := b.do(t, request{
		method: "POST", path: "/v1/ops/notifications/" + forged.ID.String() + "/replay", as: apikeys.RoleOps, key: "k",
	})
	require.Equal(t, http.StatusConflict, refused.status, refused.body)
	require.Equal(t, http.StatusForbidden, b.do(t, request{method: "GET", path: "/v1/ops/notifications"}).status)
	require.Equal(t, http.StatusNotFound, b.do(t, request{
		method: "POST", path: "/v1/ops/notifications/ntf_none/replay", as: apikeys.RoleOps, wrong: true,
	}).status)
	unknown := b.do(t, request{method: "GET", path: "/v1/ops/notifications?status=odd", as: apikeys.RoleOps, wrong: true})
	require.Equal(t, "status", unknown.str("error.param"))
}

func TestDiscrepancies_AreListedAndClosedByHand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	lost := b.pay(t, id, lostCard)
	parsed, err := ids.Parse[ids.PaymentEntity](lost.str("id"))
	require.NoError(t, err)
	p, err := b.orders.GetPayment(t.Context(), parsed)
	require.NoError(t, err)
	other := p.Amount
	other.Minor++
	_, err = b.orders.Apply(t.Context(), p.MerchantTxnID, orders.Evidence{
		Source: orders.SourceNotification, Outcome: orders.OutcomeSucceeded, Amount: other,
	}, nil)
	require.NoError(t, err)

	listed := b.do(t, request{
		method: "GET", path: "/v1/ops/discrepancies?status=open&class=amount&order=" + id + "&payment=" + lost.str("id"),
		as: apikeys.RoleOps,
	})
	require.Equal(t, http.StatusOK, listed.status, listed.body)
	require.Len(t, listed.at("data"), 1)
	d := response{json: listed.at("data").([]any)[0].(map[string]any)}
	require.Equal(t, id, d.str("order"))
	require.Nil(t, d.at("resolved_by"))
	require.ElementsMatch(t, []string{"discrepancy:resolve", "discrepancy:order", "order:timeline", "payment:query"}, d.rels())

	path := d.str("_links.discrepancy:resolve.href")
	body := object{"reason": "The portal agrees with us."}
	require.Equal(t, http.StatusForbidden, b.do(t, request{method: "POST", path: path, body: body}).status)
	resolved := b.do(t, request{method: "POST", path: path, body: body, as: apikeys.RoleOps, key: "once"})
	require.Equal(t, http.StatusOK, resolved.status, resolved.body)
	require.Equal(t, "resolved", resolved.str("status"))
	require.Contains(t, resolved.str("resolved_by"), "key_")
	require.NotContains(t, resolved.rels(), "discrepancy:resolve")
	again := b.do(t, request{method: "POST", path: path, body: body, as: apikeys.RoleOps, key: "once"})
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Equal(t, false, b.do(t, request{method: "GET", path: "/v1/orders/" + id}).at("needs_review"))
	events := b.do(t, request{method: "GET", path: "/v1/events?type=reconciliation.discrepancy&order=" + id})
	require.Len(t, events.at("data"), 2)
	told := b.do(t, request{method: "GET", path: "/v1/orders/" + id + "/timeline", as: apikeys.RoleOps})
	require.Contains(t, told.body, "A person closed the discrepancy (amount): The portal agrees with us.")

	conflict := b.do(t, request{method: "POST", path: path, body: object{"reason": "Another."}, as: apikeys.RoleAdmin})
	require.Equal(t, http.StatusConflict, conflict.status, conflict.body)
	missing := b.do(t, request{method: "POST", path: path, body: object{}, as: apikeys.RoleAdmin, wrong: true})
	require.Equal(t, "reason", missing.str("error.param"))
}
