package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// refund is a good application; edits change it before it is signed.
func (b *testBundle) refund(originID, amount string, edits ...func(map[string]any)) map[string]any {
	params := map[string]any{
		"merchantNo": DefaultMerchantNo, "refundType": "0", "merchantTxnId": "refund-" + strconv.FormatInt(b.ids.Add(1), 10),
		"originTransactionId": originID, "refundAmount": amount,
	}
	for _, edit := range edits {
		edit(params)
	}
	return params
}

// answer is an envelope whose data may be anything.
type answer struct {
	RespCode string          `json:"respCode"`
	RespMsg  string          `json:"respMsg"`
	Data     json.RawMessage `json:"data"`
}

func (b *testBundle) ask(t *testing.T, path string, params map[string]any) answer {
	t.Helper()
	resp, body, err := b.raw(t, path, params)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	var a answer
	require.NoError(t, json.Unmarshal(body, &a), string(body))
	return a
}

// applies applies for a refund that is accepted and returns its id.
func (b *testBundle) applies(t *testing.T, originID, amount string, edits ...func(map[string]any)) string {
	t.Helper()
	a := b.ask(t, pathRefund, b.refund(originID, amount, edits...))
	require.Equal(t, codeSuccess, a.RespCode, a.RespMsg)
	var id string
	require.NoError(t, json.Unmarshal(a.Data, &id), "data is the bare id: %s", a.Data)
	require.Len(t, id, 19)
	return id
}

// paid is a successful sale whose notification has arrived.
func (b *testBundle) paid(t *testing.T, amount string, edits ...func(map[string]any)) string {
	t.Helper()
	before := len(b.shop.notifications())
	e := b.charge(t, cardPays, amount, edits...)
	require.Equal(t, "S", e.status())
	eventually(t, func() bool { return len(b.shop.notifications()) > before }, "notified of the sale")
	return e.id()
}

func (b *testBundle) statusOf(id string) string {
	t, _ := b.sandbox.ledger.get(id)
	return string(t.status)
}

// becomes waits for a status. With steps the clock moves by them until it is there.
func (b *testBundle) becomes(t *testing.T, id, status string, steps ...time.Duration) {
	t.Helper()
	eventually(t, func() bool {
		for _, step := range steps {
			b.clock.move(step)
		}
		return b.statusOf(id) == status
	}, "status "+status)
}

// nth waits for the nth notification about a transaction, while the provider's clock goes on, and returns it.
func (b *testBundle) nth(t *testing.T, id string, n int) received {
	t.Helper()
	var found []received
	eventually(t, func() bool {
		b.clock.move(10 * time.Millisecond)
		found = nil
		for _, got := range b.shop.notifications() {
			if got.fields["transactionId"] == id {
				found = append(found, got)
			}
		}
		return len(found) >= n
	}, "notification "+strconv.Itoa(n)+" of "+id)
	return found[n-1]
}

func TestRefund_IsReviewedProcessedAndNotified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20", set("merchantTxnOriginalId", "order-1"))
	id := b.applies(t, sale, "12.50", set("merchantTxnId", "re-1"))
	require.Equal(t, "I", b.statusOf(id))
	b.clock.move(refundDelay)
	b.becomes(t, id, "P")
	b.clock.move(refundDelay)
	b.becomes(t, id, "S")

	n := b.nth(t, id, 1)
	want := digest(n.fields, unsignedInNotification(), DefaultSecretKey)
	require.Equal(t, "v1="+want, n.header.Get("X-RH-Signature"))
	require.Equal(t, map[string]any{
		"notifyType": "TXN", "transactionId": id, "originTransactionId": sale, "txnType": "REFUND", "merchantNo": DefaultMerchantNo,
		"merchantTxnId": "re-1", "originMerchantTxnId": "txn-1", "responseTime": "2026-03-01 09:30:03", "txnTimeZone": "+08:00",
		"orderAmount": "12.50", "orderCurrency": "USD", "txnAmount": "12.50", "txnCurrency": "USD", "settleRate": "1", "status": "S",
		"reason": `{"respCode":"20000","respMsg":"Success"}`, "paymentMethod": "VISA", "sign": want,
	}, n.fields)

	books := b.sandbox.Books(BookQuery{MerchantTxnOriginalID: "order-1"})
	require.Equal(t, []BookedOrder{{"order-1", 1, 1, "20.00", 1, "12.50", "0.00", "USD"}}, books.Orders)
	require.Equal(t, Total{1, 1, "20.00", "0.00", 1, "12.50"}, books.Totals["USD"])
	require.Equal(t, map[string]int{"txn-1": 1, "re-1": 1}, books.Calls)
	require.Equal(t, []string{"REFUND", sale}, []string{books.Transactions[1].TxnType, books.Transactions[1].OriginTransactionID})
}

func TestRefund_IsARowOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	id := b.applies(t, sale, "5", set("merchantTxnId", "re-1"))
	rows := b.rows(t, "re-1")
	require.Len(t, rows, 1)
	row, _ := rows[0].(map[string]any)
	require.Equal(t, []any{id, "re-1", sale, "REFUND", "I", "5.00", "USD"}, []any{
		row["transactionId"], row["merchantTxnId"], row["originTransactionId"], row["txnType"], row["status"],
		row["orderAmount"], row["orderCurrency"],
	})
	ofType := func(types string) []any {
		e := b.call(t, pathList, map[string]any{
			"merchantNo": DefaultMerchantNo, "txnTypes": types, "current": "1",
			"startTime": "2026-03-01 09:00:00", "endTime": "2026-03-01 10:00:00",
		})
		content, _ := e.Data["content"].([]any)
		return content
	}
	require.Len(t, ofType("REFUND"), 1)
	require.Len(t, ofType("SALE"), 1)
	require.Len(t, ofType("SALE,REFUND"), 2)

	intents := b.call(t, pathPayments, query("merchantTxnIds", "re-1"))
	require.Empty(t, intents.Data["content"], "a refund is no payment intent")
}

func TestRefund_RowsMayLackTheMerchantsID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	_, err := b.sandbox.Arm(Fault{Name: "refund_row_without_id"})
	require.NoError(t, err)
	id := b.applies(t, sale, "5", set("merchantTxnId", "re-1"))
	require.Empty(t, b.rows(t, "re-1"))
	e := b.call(t, pathList, query("transactionIds", id))
	content, _ := e.Data["content"].([]any)
	require.Len(t, content, 1)
	row, _ := content[0].(map[string]any)
	require.Nil(t, row["merchantTxnId"])
	require.Equal(t, sale, row["originTransactionId"])
}

func TestRefund_RefusesWhatTheDocumentsForbid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	declined := b.charge(t, "4000000000000002", "20").id()
	open := b.charge(t, "4000020951595032", "20").id()
	authorized := b.charge(t, cardPays, "20", set("txnType", "AUTH")).id()
	refund := b.applies(t, sale, "5")
	cases := map[string]map[string]any{
		"no type":                   b.refund(sale, "5", set("refundType", nil)),
		"another type":              b.refund(sale, "5", set("refundType", "2")),
		"no id of its own":          b.refund(sale, "5", set("merchantTxnId", "")),
		"the id of a sale":          b.refund(sale, "5", set("merchantTxnId", "txn-1")),
		"an id that is too long":    b.refund(sale, "5", set("merchantTxnId", string(make([]byte, 65)))),
		"no original":               b.refund("", "5"),
		"an unknown original":       b.refund("1000000000000000001", "5"),
		"a declined original":       b.refund(declined, "5"),
		"an unfinished original":    b.refund(open, "5"),
		"an authorization":          b.refund(authorized, "5"),
		"a refund as original":      b.refund(refund, "5"),
		"nothing":                   b.refund(sale, "0"),
		"less than nothing":         b.refund(sale, "-5"),
		"a fraction of a cent":      b.refund(sale, "5.001"),
		"a number":                  b.refund(sale, "5", set("refundAmount", 5)),
		"more than is left":         b.refund(sale, "15.01"),
		"withdrawing a sale":        b.refund(sale, "5", set("refundType", "1")),
		"withdrawing no refund":     b.refund("1000000000000000001", "5", set("refundType", "1")),
		"withdrawing with no sum":   b.refund(refund, "", set("refundType", "1")),
		"withdrawing by a used id":  b.refund(refund, "5", set("refundType", "1"), set("merchantTxnId", "txn-1")),
		"a signature that is wrong": b.refund(sale, "5", set("sign", "0000")),
	}
	for name, params := range cases {
		a := b.ask(t, pathRefund, params)
		require.NotEqual(t, codeSuccess, a.RespCode, name)
		require.Equal(t, "null", string(a.Data), name)
		require.NotEmpty(t, a.RespMsg, name)
	}
	require.Equal(t, codeRejected, b.ask(t, pathRefund, b.refund(sale, "15.01")).RespCode)
	require.Equal(t, "I", b.statusOf(refund))
	require.Len(t, b.sandbox.ledger.refunds(), 1)
	b.applies(t, sale, "15")
}

func TestRefund_WhatFailsGivesItsAmountBack(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.HoldRefunds = true })
	sale := b.paid(t, "20")
	end := map[string]func(id string){
		"rejected": func(id string) { b.control(t, http.MethodPost, "/sandbox/refunds/"+id+"/reject", "", nil) },
		"failed":   func(id string) { b.control(t, http.MethodPost, "/sandbox/refunds/"+id+"/fail", "", nil) },
		"withdrawn": func(id string) {
			a := b.ask(t, pathRefund, b.refund(id, "20", set("refundType", "1")))
			require.Equal(t, []string{codeSuccess, "null"}, []string{a.RespCode, string(a.Data)})
		},
	}
	for name, ends := range end {
		id := b.applies(t, sale, "20")
		require.NotEqual(t, codeSuccess, b.ask(t, pathRefund, b.refund(sale, "0.01")).RespCode, name)
		ends(id)
	}
	require.Len(t, b.sandbox.ledger.refunds(), 3)
	require.Equal(t, "0.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Refunded)
	b.applies(t, sale, "20")
}

func TestRefund_ReviewedByAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	var mode struct{ Mode string }
	require.Equal(t, http.StatusOK, b.control(t, http.MethodPost, "/sandbox/refund_review", `{"mode":"hold"}`, &mode))
	approved, rejected, failed := b.applies(t, sale, "1"), b.applies(t, sale, "2"), b.applies(t, sale, "3")
	waiting := b.applies(t, sale, "4")
	b.clock.move(time.Hour)
	quietly(t, func() bool { return b.statusOf(approved) != "I" }, "nobody has decided")

	decide := func(id, what string) int {
		return b.control(t, http.MethodPost, "/sandbox/refunds/"+id+"/"+what, "", nil)
	}
	require.Equal(t, http.StatusOK, decide(approved, "approve"))
	require.Equal(t, http.StatusOK, decide(rejected, "reject"))
	require.Equal(t, http.StatusOK, decide(failed, "fail"))
	require.Equal(t, http.StatusConflict, decide(rejected, "approve"))
	require.Equal(t, http.StatusNotFound, decide(sale, "approve"))
	b.clock.move(refundDelay)
	b.becomes(t, approved, "S")
	require.Equal(t, "S", b.nth(t, approved, 1).fields["status"])

	audit := b.nth(t, rejected, 1).fields
	require.Equal(t, map[string]any{
		"notifyType": "REFUND_AUDIT", "transactionId": rejected, "merchantNo": DefaultMerchantNo, "status": "F",
		"sign": digest(audit, unsignedInNotification(), DefaultSecretKey),
	}, audit)
	bank := b.nth(t, failed, 1).fields
	require.Equal(t, []any{"TXN", "REFUND", "F"}, []any{bank["notifyType"], bank["txnType"], bank["status"]})
	require.NotContains(t, bank, "txnAmount")

	var listed struct {
		Mode    string
		Refunds []BookedTransaction
	}
	b.control(t, http.MethodGet, "/sandbox/refunds?status=I", "", &listed)
	require.Equal(t, "hold", listed.Mode)
	require.Len(t, listed.Refunds, 1)
	require.Equal(t, waiting, listed.Refunds[0].TransactionID)

	b.control(t, http.MethodPost, "/sandbox/refund_review", `{"mode":"auto"}`, &mode)
	b.becomes(t, waiting, "S", refundDelay)
	require.Equal(t, http.StatusBadRequest, b.control(t, http.MethodPost, "/sandbox/refund_review", `{"mode":"later"}`, nil))
}

func TestRefund_CanBeWithdrawnOnlyWhileItWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	id := b.applies(t, sale, "5", set("merchantTxnId", "re-1"))
	withdraw := func() string {
		return b.ask(t, pathRefund, b.refund(id, "5", set("refundType", "1"), set("merchantTxnId", "re-1"))).RespCode
	}
	require.Equal(t, codeSuccess, withdraw())
	require.Equal(t, "N", b.statusOf(id))
	require.Equal(t, codeRejected, withdraw())
	b.clock.move(time.Hour)
	quietly(t, func() bool { return len(b.sandbox.Deliveries(id)) > 0 }, "no notification tells of it")
	require.Equal(t, 1, b.sandbox.Books(BookQuery{}).Calls["re-1"], "a withdrawal is no second application")

	id = b.applies(t, sale, "5", set("merchantTxnId", "re-2"))
	b.becomes(t, id, "S", refundDelay)
	require.Equal(t, codeRejected, withdraw())
	require.Equal(t, "S", b.statusOf(id))
}

func TestRefund_ParallelApplicationsNeverExceedTheOriginal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "100", set("merchantTxnOriginalId", "order-1"))
	codes := make(chan string, 50)
	var callers sync.WaitGroup
	for range cap(codes) {
		callers.Go(func() { codes <- b.ask(t, pathRefund, b.refund(sale, "60")).RespCode })
	}
	callers.Wait()
	close(codes)
	accepted := 0
	for code := range codes {
		if code == codeSuccess {
			accepted++
		}
	}
	require.Equal(t, 1, accepted)
	require.Equal(t, "60.00", b.sandbox.Books(BookQuery{}).Orders[0].RefundPending)
}

func TestRefund_RepeatedIDIsRefusedOrAnsweredAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	b.applies(t, sale, "5", set("merchantTxnId", "re-1"))
	require.Equal(t, codeRejected, b.ask(t, pathRefund, b.refund(sale, "5", set("merchantTxnId", "re-1"))).RespCode)
	require.Equal(t, 2, b.sandbox.Books(BookQuery{}).Calls["re-1"])

	b = setup(t, func(c *Config) { c.Sim.Duplicate = DuplicateReplayed })
	sale = b.paid(t, "20")
	first := b.applies(t, sale, "5", set("merchantTxnId", "re-1"))
	require.Equal(t, first, b.applies(t, sale, "5", set("merchantTxnId", "re-1")))
	require.Len(t, b.sandbox.ledger.refunds(), 1)
}

func TestRefund_ZeroDecimalCurrency(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "1500", set("orderCurrency", "JPY"))
	require.Equal(t, codeRejected, b.ask(t, pathRefund, b.refund(sale, "5.00")).RespCode)
	b.becomes(t, b.applies(t, sale, "1500"), "S", refundDelay)
	require.Equal(t, "1500", b.sandbox.Books(BookQuery{}).Totals["JPY"].Refunded)
}
