package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// raised has a transaction charged back, or warns of it.
func (b *testBundle) raised(t *testing.T, id, what, body string) BookedChargeback {
	t.Helper()
	var c BookedChargeback
	require.Equal(t, http.StatusOK, b.control(t, http.MethodPost, "/sandbox/transactions/"+id+"/"+what, body, &c))
	return c
}

// moved gives a chargeback its next status and returns the code that the control answers.
func (b *testBundle) moved(t *testing.T, id, status string) int {
	t.Helper()
	return b.control(t, http.MethodPost, "/sandbox/chargebacks/"+id+"/move", `{"status":"`+status+`"}`, nil)
}

// disputed asks /v1/chargeback/list.
func (b *testBundle) disputed(t *testing.T, selection map[string]any) envelope {
	t.Helper()
	params := map[string]any{"merchantNo": DefaultMerchantNo, "current": "1"}
	maps.Copy(params, selection)
	return b.call(t, pathDisputes, params)
}

func TestChargeback_IsListedAndNotified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	reference := b.sandbox.Books(BookQuery{}).Transactions[0].MerchantTxnID
	c := b.raised(t, sale, "chargeback", `{"amount":"12.50","code":"13.1","reason":"Merchandise not received"}`)
	require.Equal(t, []any{"NEW", "12.50", "USD", true}, []any{c.Status, c.Amount, c.Currency, c.Holds})

	eventually(t, func() bool { return len(b.shop.notifications()) == 2 }, "notified of the chargeback")
	n := b.shop.notifications()[1]
	want := digest(n.fields, unsignedInNotification(), DefaultSecretKey)
	require.Equal(t, "v1="+want, n.header.Get("X-RH-Signature"))
	require.Equal(t, want, n.fields["sign"])
	delete(n.fields, "sign")
	arn := n.fields["chargebackArn"]
	require.Len(t, arn, 23)
	require.Equal(t, map[string]any{
		"notifyType": "CHARGEBACK", "merchantNo": DefaultMerchantNo, "transactionId": c.ChargebackID, "originTransactionId": sale,
		"originMerchantTxnId": reference, "importTime": "2026-03-01 09:30:01", "chargebackDate": "2026-03-01",
		"chargebackAmount": "12.50", "chargebackCurrency": "USD", "chargebackStatus": "NEW", "chargebackArn": arn,
		"chargebackCode": "13.1", "chargebackReason": "Merchandise not received", "appealDueTime": "2026-03-15 09:30:01",
	}, n.fields)

	for name, selection := range map[string]map[string]any{
		"by its id":       {"chargebackIds": c.ChargebackID},
		"by the payment":  {"originTransactionIds": sale},
		"by our own id":   {"merchantTxnIds": reference},
		"by its own time": {"importTimeStart": "2026-03-01 09:30:01", "importTimeEnd": "2026-03-01 09:30:01"},
	} {
		answer := b.disputed(t, selection)
		require.Equal(t, codeSuccess, answer.RespCode, name)
		rows, _ := answer.Data["content"].([]any)
		require.Len(t, rows, 1, name)
		row, _ := rows[0].(map[string]any)
		require.Equal(t, []any{c.ChargebackID, sale, reference, "12.50", "USD", "NEW", "20.00"}, []any{
			row["chargebackId"], row["originTransactionId"], row["merchantTxnId"], row["chargebackAmount"],
			row["chargebackCurrency"], row["chargebackStatus"], row["txnAmount"],
		}, name)
		require.NotContains(t, row, "sign")
	}
	require.Equal(t, codeRejected, b.disputed(t, nil).RespCode, "nothing is selected")
	books := b.sandbox.Books(BookQuery{})
	require.Equal(t, map[string]string{"USD": "12.50"}, books.ChargedBack)
	require.Len(t, books.Chargebacks, 1)
}

func TestChargeback_MovesAsTheContractSays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.raised(t, b.paid(t, "20"), "chargeback", "")
	for _, step := range []struct {
		to    string
		code  int
		holds bool
	}{
		{"FAS", http.StatusConflict, true},
		{"FA", http.StatusOK, true},
		{"NEW", http.StatusConflict, true},
		{"FAS", http.StatusOK, false},
		{"SA", http.StatusOK, true},
		{"SAF", http.StatusOK, true},
		{"REVOKE", http.StatusConflict, true},
	} {
		require.Equal(t, step.code, b.moved(t, c.ChargebackID, step.to), step.to)
		require.Equal(t, step.holds, b.sandbox.Books(BookQuery{}).Chargebacks[0].Holds, step.to)
	}
	require.Equal(t, http.StatusNotFound, b.moved(t, "17", "FA"))
	eventually(t, func() bool { return len(b.shop.notifications()) == 1+1+4 }, "each step was notified, and no other")

	deleted := b.raised(t, b.paid(t, "5"), "chargeback", "")
	require.Equal(t, http.StatusOK, b.moved(t, deleted.ChargebackID, "DELETE"))
	rows, _ := b.disputed(t, map[string]any{"chargebackIds": deleted.ChargebackID}).Data["content"].([]any)
	require.Empty(t, rows, "what was deleted is told in notifications only")
}

func TestChargeback_ComesTenAPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	var ids []string
	for range 12 {
		ids = append(ids, b.raised(t, sale, "chargeback", `{"amount":"1","silent":true}`).ChargebackID)
	}
	var listed []string
	for _, page := range []string{"1", "2", "3"} {
		answer := b.disputed(t, map[string]any{"originTransactionIds": sale, "current": page})
		require.Contains(t, string(answer.raw), `"size":10,"totalPages":2,"totalElements":12`)
		rows, _ := answer.Data["content"].([]any)
		for _, row := range rows {
			fields, _ := row.(map[string]any)
			listed = append(listed, signedText(fields["chargebackId"]))
		}
	}
	require.Equal(t, ids, listed)
	quietly(t, func() bool { return len(b.shop.notifications()) > 1 }, "silent ones are not notified")
}

func TestChargeback_APreDisputeWarnsAndTakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.raised(t, b.paid(t, "20"), "pre_dispute", "")
	require.Equal(t, []any{true, false, "PRE_DISPUTE"}, []any{c.PreDispute, c.Holds, c.Status})
	eventually(t, func() bool { return len(b.shop.notifications()) == 2 }, "notified")
	n := b.shop.notifications()[1].fields
	require.Equal(t, []any{"PRE_DISPUTE", c.ChargebackID, "+08:00", "20.00"},
		[]any{n["notifyType"], n["transactionId"], n["timeZone"], n["orderAmount"]})
	rows, _ := b.disputed(t, map[string]any{"chargebackIds": c.ChargebackID}).Data["content"].([]any)
	require.Empty(t, rows)
	require.Empty(t, b.sandbox.Books(BookQuery{}).ChargedBack)
}

func TestChargeback_IsRefusedOfWhatTookNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	declined := b.charge(t, "4021937195658141", "20").id()
	require.Equal(t, http.StatusConflict, b.control(t, http.MethodPost, "/sandbox/transactions/"+declined+"/chargeback", "", nil))
	require.Equal(t, http.StatusNotFound, b.control(t, http.MethodPost, "/sandbox/transactions/17/chargeback", "", nil))
	sale := b.paid(t, "20")
	require.Equal(t, http.StatusConflict,
		b.control(t, http.MethodPost, "/sandbox/transactions/"+sale+"/chargeback", `{"amount":"0"}`, nil))
	require.Equal(t, http.StatusBadRequest,
		b.control(t, http.MethodPost, "/sandbox/transactions/"+sale+"/chargeback", `{"amounts":"1"}`, nil))
}

func TestChargeback_IsDeliveredAgainUntilItIsAcknowledged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	b.shop.mu.Lock()
	b.shop.answer = func(id string, nth int) (int, string) {
		if nth < 4 {
			return http.StatusInternalServerError, ""
		}
		return http.StatusOK, id
	}
	b.shop.mu.Unlock()
	c := b.raised(t, sale, "chargeback", "")
	for nth := 2; nth <= 4; nth++ {
		eventually(t, func() bool { return len(b.shop.notifications()) == nth }, "delivered")
		eventually(t, func() bool { return nth == 4 || b.sandbox.agenda.size() == 1 }, "to be delivered again")
		b.clock.move(30 * time.Minute)
	}
	eventually(t, func() bool { return len(b.sandbox.Deliveries(c.ChargebackID)) == 3 }, "all three kept")
	require.Equal(t, b.shop.notifications()[1].body, b.shop.notifications()[3].body)
	var d Delivery
	require.Equal(t, http.StatusOK, b.control(t, http.MethodPost, "/sandbox/chargebacks/"+c.ChargebackID+"/redeliver", "", &d))
	require.True(t, d.Acknowledged)
}

func TestChargeback_AForgedHintNamesAnotherPaymentUnderAGoodSignature(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale, other := b.paid(t, "20"), b.paid(t, "30")
	c := b.raised(t, sale, "chargeback", `{"hint_transaction_id":"`+other+`"}`)
	eventually(t, func() bool { return len(b.shop.notifications()) == 3 }, "notified")
	n := b.shop.notifications()[2].fields
	require.Equal(t, other, n["originTransactionId"])
	require.Equal(t, digest(n, unsignedInNotification(), DefaultSecretKey), n["sign"])
	rows, _ := b.disputed(t, map[string]any{"chargebackIds": c.ChargebackID}).Data["content"].([]any)
	row, _ := rows[0].(map[string]any)
	require.Equal(t, sale, row["originTransactionId"], "the query knows better")
}

func TestPortal_ARefundHasNoReferenceOfTheMerchants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	var made BookedTransaction
	require.Equal(t, http.StatusOK,
		b.control(t, http.MethodPost, "/sandbox/transactions/"+sale+"/refund", `{"amount":"5.00"}`, &made))
	require.Equal(t, []string{"S", "", "5.00", sale}, []string{made.Status, made.MerchantTxnID, made.OrderAmount, made.OriginTransactionID})
	eventually(t, func() bool { return len(b.shop.notifications()) == 2 }, "notified")
	require.Equal(t, "REFUND", b.shop.notifications()[1].fields["txnType"])
	require.Equal(t, http.StatusConflict,
		b.control(t, http.MethodPost, "/sandbox/transactions/"+sale+"/refund", `{"amount":"15.01"}`, nil), "more than is left")
	require.Equal(t, http.StatusOK,
		b.control(t, http.MethodPost, "/sandbox/transactions/"+sale+"/refund", `{"status":"I","silent":true}`, &made))
	require.Equal(t, []string{"I", "15.00"}, []string{made.Status, made.OrderAmount})
	rows := b.call(t, pathList, map[string]any{
		"merchantNo": DefaultMerchantNo, "txnTypes": "REFUND", "current": "1",
		"startTime": "2026-03-01 00:00:00", "endTime": "2026-03-02 00:00:00",
	}).Data["content"]
	encoded, err := json.Marshal(rows)
	require.NoError(t, err)
	require.Contains(t, string(encoded), `"merchantTxnId":null`)
	require.Equal(t, http.StatusNotFound, b.control(t, http.MethodPost, "/sandbox/transactions/17/refund", "", nil))
	require.Equal(t, http.StatusBadRequest,
		b.control(t, http.MethodPost, "/sandbox/transactions/"+sale+"/refund", `{"status":"F"}`, nil))
}

func TestChargeback_APersonClicksThroughIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	page := b.browse(t, "/sandbox", nil)
	for _, deed := range []string{"chargeback", "pre_dispute", "refund"} {
		require.Contains(t, page, `action="/sandbox/transactions/`+sale+"/"+deed+`"`)
	}
	page = b.browse(t, "/sandbox/transactions/"+sale+"/chargeback", url.Values{})
	id := b.sandbox.Books(BookQuery{}).Chargebacks[0].ChargebackID
	require.Contains(t, page, `action="/sandbox/chargebacks/`+id+`/move"`)
	page = b.browse(t, "/sandbox/chargebacks/"+id+"/move", url.Values{"status": {"FA"}})
	require.Contains(t, page, `value="FAS"`)
	b.browse(t, "/sandbox/transactions/"+sale+"/pre_dispute", url.Values{})
	page = b.browse(t, "/sandbox/transactions/"+sale+"/refund", url.Values{})
	require.Contains(t, page, "PRE_DISPUTE")
	require.Equal(t, "20.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Refunded)
}
