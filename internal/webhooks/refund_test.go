package webhooks_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// refunded makes a paid order of EUR 27.00 with a refund of all of it.
func (b *testBundle) refunded(t *testing.T) (orders.Payment, orders.Refund) {
	t.Helper()
	p := b.payment(t)
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").signed(t, secret))
	result, err := b.orders.Refund(t.Context(), orders.RefundRequest{Payment: p.ID, CorrelationID: "test"})
	require.NoError(t, err)
	return p, result.Refund
}

// takes expects the notification to be acknowledged by its own transaction.
func (b *testBundle) takes(t *testing.T, m message) {
	t.Helper()
	got := b.deliver(t, m.signed(t, secret))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, m["transactionId"], got.body)
}

func refundOf(r orders.Refund, status string) message {
	return saleOf(r.MerchantTxnID, status).with("txnType", "REFUND").with("transactionId", "2084000000000000999")
}

func TestReceive_RefundGoesBackToTheShopper(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, r := b.refunded(t)
	news := refundOf(r, "S").with("originTransactionId", "1").with("originMerchantTxnId", "somebody else's")
	b.takes(t, news)
	b.takes(t, news)

	o := b.order(t, p)
	require.Equal(t, orders.StatusRefunded, o.Status)
	require.EqualValues(t, 2700, o.AmountRefunded)
	require.Equal(t, "applied", b.rows(t)[1].Status)
	stored, err := b.orders.GetRefund(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, "2084000000000000999", stored.ProviderTransactionID)
}

func TestReceive_RejectedReviewIsMatchedByItsTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, r := b.refunded(t)
	audit := message{"notifyType": "REFUND_AUDIT", "transactionId": "2084000000000000999", "merchantNo": merchantNo, "status": "F"}
	b.takes(t, audit)
	require.Equal(t, "unmatched", b.rows(t)[1].Status, "ahead of us: no refund of ours is known to be that transaction")

	b.takes(t, refundOf(r, "P")) // now it is
	b.takes(t, audit)
	stored, err := b.orders.GetRefund(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, orders.RefundRejected, stored.Status)
	o := b.order(t, p)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.Zero(t, o.AmountRefundPending, "the reservation is given back")
}

func TestReceive_RefundOfOtherMoneyMovesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, r := b.refunded(t)
	b.takes(t, refundOf(r, "S").with("orderAmount", "2.70"))
	o := b.order(t, p)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.EqualValues(t, 2700, o.AmountRefundPending)
	require.True(t, o.NeedsReview)
	require.Equal(t, []string{"amount " + r.MerchantTxnID}, b.discrepancies(t))
}

func TestReceive_CancellationTakesTheOrderBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	b.acknowledged(t, saleOf(p.MerchantTxnID, "S").signed(t, secret))
	b.takes(t, saleOf(p.MerchantTxnID, "S").with("notifyType", "CANCEL").with("transactionId", "2084000000000000998"))
	o := b.order(t, p)
	require.Equal(t, orders.StatusOpen, o.Status)
	require.Zero(t, o.AmountPaid)
	require.True(t, o.NeedsReview)
	require.Equal(t, []string{"reversal " + p.MerchantTxnID}, b.discrepancies(t))
}
