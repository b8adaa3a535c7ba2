package api_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/money"
	"tillway/internal/orders"
)

// AcceptsRefund takes any amount.
func (g *cards) AcceptsRefund(money.Amount) error { return nil }

// Refund takes every application into review; of amount 666 nothing trustworthy comes back.
func (g *cards) Refund(_ context.Context, a orders.RefundApplication) orders.RefundEvidence {
	if a.Amount.Minor == 666 {
		return orders.RefundEvidence{Source: orders.SourceAnswer, Outcome: orders.RefundOutcomeUnknown}
	}
	return orders.RefundEvidence{
		Source: orders.SourceAnswer, Outcome: orders.RefundOutcomeInReview, ProviderTransactionID: "txn_" + a.MerchantTxnID,
	}
}

// Withdraw takes every application back.
func (g *cards) Withdraw(context.Context, orders.RefundApplication) error { return nil }

// FindRefund knows refunds as withdrawn.
func (g *cards) FindRefund(_ context.Context, q orders.RefundQuery) (orders.RefundEvidence, error) {
	return orders.RefundEvidence{
		Source: orders.SourceQuery, Outcome: orders.RefundOutcomeWithdrawn, Amount: q.Amount,
		ProviderTransactionID: "txn_" + q.MerchantTxnID,
	}, nil
}

func (b *testBundle) refund(t *testing.T, key string, body object) response {
	t.Helper()
	return b.do(t, request{method: "POST", path: "/v1/refunds", key: key, body: body})
}

func TestRefund_IsMadeReadListedAndWithdrawn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	payment := b.pay(t, id, goodCard).str("id")
	read := func(path string) response { return b.do(t, request{method: "GET", path: path}) }
	require.Contains(t, read("/v1/orders/"+id).rels(), "order:refund")
	require.NotContains(t, b.do(t, request{method: "GET", path: "/v1/orders/" + id, as: apikeys.RoleOps}).rels(), "order:refund")

	part := b.refund(t, "k1", object{"payment": payment, "amount": 700, "reason": "requested_by_customer", "metadata": object{"case": "7"}})
	require.Equal(t, http.StatusCreated, part.status, part.body)
	require.Equal(t, "in_review", part.str("status"))
	require.Equal(t, id, part.str("order"))
	require.Equal(t, map[string]any{"href": "/v1/refunds/" + part.str("id") + "/cancel", "method": "POST"},
		part.at("_links").(map[string]any)["refund:cancel"])
	require.Equal(t, part.json, read("/v1/refunds/"+part.str("id")).json)
	require.InDelta(t, 700, read("/v1/orders/"+id).at("amount_refund_pending"), 0)

	rest := b.refund(t, "k2", object{"order": id})
	require.Equal(t, http.StatusCreated, rest.status, rest.body)
	require.InDelta(t, 2000, rest.at("amount"), 0)
	require.Equal(t, "other", rest.str("reason"))
	require.NotContains(t, read("/v1/orders/"+id).rels(), "order:refund", "nothing remains")

	for _, filter := range []string{"order=" + id, "payment=" + payment, "status=in_review", ""} {
		require.Len(t, read("/v1/refunds?"+filter).at("data"), 2, filter)
	}
	require.Empty(t, read("/v1/refunds?status=failed").at("data"))

	withdrawn := b.do(t, request{method: "POST", path: "/v1/refunds/" + part.str("id") + "/cancel"})
	require.Equal(t, http.StatusOK, withdrawn.status, withdrawn.body)
	require.Equal(t, "canceled", withdrawn.str("status"))
	require.NotContains(t, withdrawn.rels(), "refund:cancel")
	updated := b.do(t, request{method: "POST", path: "/v1/refunds/" + part.str("id"), body: object{"metadata": object{"case": nil}}})
	require.Equal(t, map[string]any{}, updated.at("metadata"))

	events := read("/v1/events?order=" + id)
	require.Equal(t, http.StatusOK, events.status)
	require.Equal(t, "refund.canceled", events.at("data").([]any)[0].(map[string]any)["type"])
}

func TestRefund_IsRefusedClearly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	payment := b.pay(t, id, goodCard).str("id")
	for name, test := range map[string]struct {
		body   object
		status int
		code   string
	}{
		"more than was paid":    {object{"payment": payment, "amount": 2701}, 422, "refund_exceeds_remaining"},
		"nothing named":         {object{"amount": 1}, 400, "parameter_missing"},
		"nothing at all":        {object{"payment": payment, "amount": 0}, 400, "parameter_invalid"},
		"no reason of ours":     {object{"payment": payment, "reason": "whim"}, 400, "parameter_invalid"},
		"somebody else's order": {object{"payment": payment, "order": "ord_01kb3v6z3se1q9fkxy4pnf1v7e"}, 400, "parameter_invalid"},
		"no such payment":       {object{"payment": "pay_01kb3v70ccfp0b1vr29h9cbv0k"}, 404, "resource_missing"},
		"a field of nobody":     {object{"payment": payment, "sum": 1}, 400, "unknown_field"},
	} {
		got := b.do(t, request{method: "POST", path: "/v1/refunds", key: rand.Text(), body: test.body, wrong: true})
		require.Equal(t, test.status, got.status, "%s: %s", name, got.body)
		require.Equal(t, test.code, got.str("error.code"), name)
	}
	require.Empty(t, b.do(t, request{method: "GET", path: "/v1/refunds"}).at("data"))

	require.Equal(t, http.StatusCreated, b.refund(t, "first", object{"payment": payment, "amount": 100}).status)
	twin := b.refund(t, "second", object{"payment": payment, "amount": 100})
	require.Equal(t, http.StatusConflict, twin.status)
	require.Equal(t, "possible_duplicate_refund", twin.str("error.code"))
	require.Equal(t, http.StatusCreated, b.refund(t, "third", object{"payment": payment, "amount": 100, "allow_duplicate": true}).status)
}

func TestRefund_RepeatedKeyNeverRefundsTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	b.pay(t, id, goodCard)
	body := object{"order": id, "amount": 666}
	first := b.refund(t, "k", body)
	require.Equal(t, http.StatusAccepted, first.status, first.body)
	require.Equal(t, "unknown", first.str("status"))
	again := b.refund(t, "k", body)
	require.Equal(t, http.StatusAccepted, again.status, again.body)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Equal(t, first.str("id"), again.str("id"))

	require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	flushed := b.refund(t, "k", body)
	require.Equal(t, first.str("id"), flushed.str("id"), "the row decides without Redis")
	require.InDelta(t, 666, b.do(t, request{method: "GET", path: "/v1/orders/" + id}).at("amount_refund_pending"), 0)
	require.Equal(t, http.StatusUnprocessableEntity, b.refund(t, "k", object{"order": id, "amount": 1}).status)
}
