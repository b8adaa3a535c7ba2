package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// refund is as much of the resource as the tests look at.
type refund struct {
	ID, Status, Origin    string
	Amount                int64
	ProviderTransactionID string `json:"provider_transaction_id"`
}

func (c *client) refundsOf(order string) []refund {
	c.world.t.Helper()
	return get[page[refund]](c, "/v1/refunds?order="+order).Data
}

// refundInPortal makes a refund as the merchant's people can in the provider's portal.
func (p *provider) refundInPortal(transactionID string, order object) sandbox.BookedTransaction {
	p.t.Helper()
	var made sandbox.BookedTransaction
	p.control(http.MethodPost, "/sandbox/transactions/"+transactionID+"/refund", order, &made)
	return made
}

func TestPortal_ARefundIsLearnedOfByItsNotification(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := w.paid()
	made := w.provider.refundInPortal(p.ProviderTransactionID, object{"amount": "7.00"})
	w.service.awaitOrder(o.ID, "partially_refunded")
	found := w.service.refundsOf(o.ID)
	require.Len(t, found, 1)
	require.Equal(t, refund{found[0].ID, "succeeded", "portal", 700, made.TransactionID}, found[0])
	require.EqualValues(t, 700, w.service.order(o.ID).AmountRefunded)
	require.Equal(t, "refund_exceeds_remaining", into[refusal](t, w.service.send(call{
		method: http.MethodPost, path: "/v1/refunds", key: "k", body: object{"order": o.ID, "amount": 2001},
	}).requireStatus(t, http.StatusUnprocessableEntity)).Error.Code)
}

func TestPortal_ARefundIsFoundWithoutAnyNotification(t *testing.T) {
	t.Parallel()
	w := start(t, with("IMPORT_INTERVAL", "1s"))
	o, p := w.paid()
	w.provider.refundInPortal(p.ProviderTransactionID, object{"silent": true})
	refunded := w.service.awaitOrder(o.ID, "refunded")
	require.EqualValues(t, 2700, refunded.AmountRefunded)
	require.False(t, refunded.NeedsReview)
	require.Equal(t, "27.00", w.provider.books(o.ID).Orders[0].Refunded)
	require.Len(t, w.service.refundsOf(o.ID), 1)
	require.Equal(t, 1, count(w.service.history(o.ID), "refund.created"))
}

func TestPortal_OneInReviewIsReservedAndThenSettled(t *testing.T) {
	t.Parallel()
	w := start(t, with("IMPORT_INTERVAL", "1s"))
	o, p := w.paid()
	made := w.provider.refundInPortal(p.ProviderTransactionID, object{"amount": "7.00", "status": "I"})
	w.service.awaiting(func() string { return "nothing is reserved" }, func() bool {
		return w.service.order(o.ID).AmountRefundPending == 700
	})
	w.provider.control(http.MethodPost, "/sandbox/refunds/"+made.TransactionID+"/approve", nil, nil)
	w.service.awaitOrder(o.ID, "partially_refunded")
	require.Len(t, w.service.refundsOf(o.ID), 1)
}

func TestPortal_IsNeverConfusedWithALostAnswerOfOurs(t *testing.T) {
	t.Parallel()
	w := start(t, with("IMPORT_INTERVAL", "1s"), with("RESOLVE_SCHEDULE", soon))
	o, p := w.paid()
	for _, fault := range []string{"lose_answer", "refund_row_without_id", "no_notification"} {
		w.provider.arm(sandbox.Fault{Name: fault, Times: 1, Match: sandbox.Match{Path: "/v1/txn/onlineRefund"}})
	}
	ours := into[refund](t, w.service.send(call{
		method: http.MethodPost, path: "/v1/refunds", key: "k", body: object{"order": o.ID, "amount": 700},
	}).requireStatus(t, http.StatusAccepted))
	portal := w.provider.refundInPortal(p.ProviderTransactionID, object{"amount": "5.00", "silent": true})
	w.service.awaiting(func() string { return "not both are known" }, func() bool {
		return w.service.order(o.ID).AmountRefunded == 1200
	})
	found := w.service.refundsOf(o.ID)
	require.Len(t, found, 2)
	for _, r := range found {
		require.Equal(t, r.ID == ours.ID, r.Origin == "api")
		require.Equal(t, r.Origin == "portal", r.ProviderTransactionID == portal.TransactionID)
	}
	require.Equal(t, "12.00", w.provider.books(o.ID).Orders[0].Refunded)
}
