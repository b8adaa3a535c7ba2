package sandbox

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (b *testBundle) cancels(t *testing.T, id string) answer {
	t.Helper()
	return b.ask(t, pathCancel, map[string]any{"merchantNo": DefaultMerchantNo, "originTransactionId": id})
}

// stuck is a sale that stays in processing for an hour, and what would come of it.
func (b *testBundle) stuck(t *testing.T, fault Fault, edits ...func(map[string]any)) string {
	t.Helper()
	_, err := b.sandbox.Arm(fault)
	require.NoError(t, err)
	e := b.charge(t, cardPays, "20", edits...)
	require.Equal(t, "P", e.status())
	return e.id()
}

func TestCancel_RefundsWhatReallySucceeded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.stuck(t, Fault{Name: "processing", DelayMS: 3_600_000}, set("merchantTxnOriginalId", "order-1"))
	require.Equal(t, codeRejected, b.cancels(t, id).RespCode, "too early")
	b.clock.move(cancelFrom)
	for range 2 {
		a := b.cancels(t, id)
		require.Equal(t, codeSuccess, a.RespCode, a.RespMsg)
		require.JSONEq(t, `{"transactionId":"`+id+`","status":"I"}`, string(a.Data))
	}
	b.clock.move(refundDelay)
	n := b.nth(t, id, 1).fields
	require.Equal(t, map[string]any{
		"notifyType": "CANCEL", "transactionId": id, "txnType": "SALE", "merchantNo": DefaultMerchantNo, "merchantTxnId": "txn-1",
		"txnTime": "2026-03-01 09:30:01", "orderAmount": "20.00", "orderCurrency": "USD", "status": "S",
		"reason": `{"respCode":"20000","respMsg":"Success"}`, "sign": digest(n, unsignedInNotification(), DefaultSecretKey),
	}, n)
	require.Equal(t, "S", b.statusOf(id))
	require.Equal(t, []BookedOrder{{"order-1", 1, 1, "20.00", 1, "20.00", "0.00", "USD"}}, b.sandbox.Books(BookQuery{}).Orders)
	b.clock.move(time.Hour)
	quietly(t, func() bool { return len(b.shop.notifications()) > 1 }, "nothing else is notified")
}

func TestCancel_LeavesWhatReallyFailed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.stuck(t, Fault{Name: "force", Status: "P"}, set("merchantTxnOriginalId", "order-1"))
	b.clock.move(cancelUntil)
	require.Equal(t, codeSuccess, b.cancels(t, id).RespCode)
	b.clock.move(refundDelay)
	n := b.nth(t, id, 1).fields
	require.Equal(t, []any{"CANCEL", "S"}, []any{n["notifyType"], n["status"]})
	require.Equal(t, "F", b.statusOf(id))
	require.Equal(t, []BookedOrder{{"order-1", 1, 0, "0.00", 0, "0.00", "0.00", "USD"}}, b.sandbox.Books(BookQuery{}).Orders)
}

func TestCancel_CanFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.stuck(t, Fault{Name: "processing", DelayMS: 600_000})
	b.clock.move(cancelFrom)
	_, err := b.sandbox.Arm(Fault{Name: "cancel_fails"})
	require.NoError(t, err)
	require.Equal(t, codeSuccess, b.cancels(t, id).RespCode)
	b.clock.move(refundDelay)
	n := b.nth(t, id, 1).fields
	require.Equal(t, []any{"CANCEL", "F"}, []any{n["notifyType"], n["status"]})
	require.Equal(t, "P", b.statusOf(id))
	b.clock.move(cancelFrom)
	require.Equal(t, "TXN", b.nth(t, id, 2).fields["notifyType"], "the payment goes on")
}

func TestCancel_RefusesWhatIsNotStuck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	late := b.stuck(t, Fault{Name: "force", Status: "P"})
	done := b.charge(t, cardPays, "5").id()
	b.clock.move(cancelUntil + time.Second)
	for name, id := range map[string]string{"too late": late, "done": done, "unknown": "1", "none": ""} {
		a := b.cancels(t, id)
		require.Equal(t, codeRejected, a.RespCode, name)
		require.Equal(t, "null", string(a.Data), name)
	}
}

func TestReverse_TakesASuccessfulSaleBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.paid(t, "20", set("merchantTxnOriginalId", "order-1"))
	reverse := func(id string) int {
		return b.control(t, http.MethodPost, "/sandbox/transactions/"+id+"/reverse", "", nil)
	}
	require.Equal(t, http.StatusOK, reverse(id))
	n := b.nth(t, id, 2).fields
	require.Equal(t, []any{"CANCEL", "S", "20.00"}, []any{n["notifyType"], n["status"], n["orderAmount"]})
	row, _ := b.rows(t, "txn-1")[0].(map[string]any)
	require.Equal(t, "N", row["status"])
	require.JSONEq(t, `{"respCode":"40000","respMsg":"Reversed by the provider"}`, signedText(row["reason"]))
	require.Equal(t, "0.00", b.sandbox.Books(BookQuery{}).Orders[0].Charged)
	require.Equal(t, http.StatusConflict, reverse(id))
	require.Equal(t, http.StatusNotFound, reverse("1"))
	require.Equal(t, codeRejected, b.ask(t, pathRefund, b.refund(id, "5")).RespCode)
	require.Equal(t, "S", b.charge(t, cardPays, "20", set("merchantTxnOriginalId", "order-1")).status(), "the order can be paid again")

	refunded := b.paid(t, "20")
	b.applies(t, refunded, "1")
	require.Equal(t, http.StatusConflict, reverse(refunded), "its money is on its way back already")
}
