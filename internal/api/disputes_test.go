package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
)

// disputed makes a paid order of 27.00 EUR whose shopper's bank has taken some of it back.
func (b *testBundle) disputed(t *testing.T, minor int64) (order, payment string, d orders.Dispute) {
	t.Helper()
	order, _ = b.createOrder(t)
	paid := b.pay(t, order, goodCard)
	eur, err := money.ParseCurrency("eur")
	require.NoError(t, err)
	d, _, err = b.orders.ApplyDispute(t.Context(), orders.DisputeEvidence{
		Source: orders.SourceQuery, Outcome: orders.DisputeOutcome(orders.PhaseRaised), ProviderDisputeID: "case-" + order,
		Origin: paid.str("provider_transaction_id"), Amount: money.New(minor, eur), Reason: "Fraud", ReasonCode: "10.4",
		ARN: "24011346121000000000001", ProviderStatus: "NEW", RaisedAt: time.Unix(1795352380, 0), EvidenceDueBy: time.Unix(1796561980, 0),
	}, nil)
	require.NoError(t, err)
	return order, paid.str("id"), d
}

func TestDispute_IsReadAndListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order, payment, d := b.disputed(t, 1500)
	read := func(path string) response { return b.do(t, request{method: "GET", path: path, as: apikeys.RoleOps}) }
	got := read("/v1/disputes/" + d.ID.String())
	require.Equal(t, http.StatusOK, got.status, got.body)
	for name, want := range map[string]any{
		"id": d.ID.String(), "object": "dispute", "order": order, "payment": payment, "currency": "eur", "status": "open",
		"stage": "chargeback", "reason": "Fraud", "reason_code": "10.4", "arn": "24011346121000000000001", "closed": nil,
		"provider_dispute_id": "case-" + order, "provider_status": "NEW", "livemode": false,
	} {
		require.Equal(t, want, got.at(name), name)
	}
	require.InDelta(t, 1500, got.at("amount"), 0)
	require.InDelta(t, 1795352380, got.at("opened"), 0)
	require.InDelta(t, 1796561980, got.at("evidence_due_by"), 0)
	require.ElementsMatch(t, []string{"self", "dispute:evidence", "dispute:order", "dispute:payment", "order:timeline"}, got.rels())

	b.disputed(t, 2700)
	for filter, found := range map[string]int{
		"": 2, "status=open": 2, "status=won": 0, "order=" + order: 1, "payment=" + payment: 1, "created[gt]=9999999999": 0, "limit=1": 1,
	} {
		require.Len(t, read("/v1/disputes?"+filter).at("data"), found, filter)
	}
	first := read("/v1/disputes?limit=1")
	require.Equal(t, true, first.at("has_more"))
	next := read(first.at("_links").(map[string]any)["next"].(map[string]any)["href"].(string))
	require.Equal(t, got.json, next.at("data").([]any)[0])

	owed := read("/v1/orders/" + order)
	require.InDelta(t, 1500, owed.at("amount_disputed"), 0)
	require.Equal(t, true, owed.at("needs_review"))
	require.Equal(t, "paid", owed.str("status"))
	require.Len(t, read("/v1/events?type=dispute.opened&order="+order).at("data"), 1)
	require.Len(t, read("/v1/ops/discrepancies?class=dispute&order="+order).at("data"), 1)
}

func TestDispute_WhatIsDisputedCannotBeRefunded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order, payment, _ := b.disputed(t, 2000)
	refused := b.do(t, request{
		method: "POST", path: "/v1/refunds", key: "k", wrong: true, body: object{"payment": payment, "amount": 701},
	})
	require.Equal(t, http.StatusUnprocessableEntity, refused.status)
	require.JSONEq(t, errorJSON(invalid, "refund_exceeds_remaining",
		"Of this payment 7.00 EUR can be refunded; its status is succeeded.", "amount"), refused.body)
	require.Contains(t, b.do(t, request{method: "GET", path: "/v1/orders/" + order}).rels(), "order:refund")
	require.Equal(t, http.StatusCreated, b.refund(t, "k2", object{"payment": payment, "amount": 700}).status)
	require.NotContains(t, b.do(t, request{method: "GET", path: "/v1/orders/" + order}).rels(), "order:refund", "the bank has the rest")
}

func TestDispute_RefusalsReadWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nobodys := ids.New[ids.DisputeEntity]().String()
	for name, c := range map[string]struct {
		path, kind, code, message, param string
		as                               apikeys.Role
		status                           int
	}{
		"of a storefront":        {"/v1/disputes", invalid, "forbidden", "The role of this key, storefront, may not do this.", "", apikeys.RoleStorefront, 403},
		"one of a storefront":    {"/v1/disputes/" + nobodys, invalid, "forbidden", "The role of this key, storefront, may not do this.", "", apikeys.RoleStorefront, 403},
		"nobody's":               {"/v1/disputes/" + nobodys, invalid, "resource_missing", "No such dispute: \"" + nobodys + "\".", "", apikeys.RoleOps, 404},
		"no id":                  {"/v1/disputes/dp_1", invalid, "resource_missing", "No such dispute: \"dp_1\".", "", apikeys.RoleOps, 404},
		"a status of nowhere":    {"/v1/disputes?status=lost_for_good", invalid, "parameter_invalid", "status must be one of warning, open, under_review, won, lost, accepted, withdrawn.", "status", apikeys.RoleOps, 400},
		"a payment for an order": {"/v1/disputes?order=pay_1", invalid, "parameter_invalid", "order is not a valid identifier of its kind.", "order", apikeys.RoleOps, 400},
		"an unknown filter":      {"/v1/disputes?stage=chargeback", invalid, "unknown_field", "stage is not a parameter of this request.", "stage", apikeys.RoleOps, 400},
		"an unknown cursor":      {"/v1/disputes?starting_after=" + nobodys, invalid, "parameter_invalid", "starting_after is not the id of a listed resource.", "starting_after", apikeys.RoleOps, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, request{method: "GET", path: c.path, as: c.as, wrong: true, header: map[string]string{"X-Correlation-Id": "c-1"}})
			require.Equal(t, c.status, got.status, got.body)
			require.JSONEq(t, errorJSON(c.kind, c.code, c.message, c.param), got.body)
		})
	}
}
