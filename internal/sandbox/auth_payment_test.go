package sandbox

import (
	"encoding/json"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ends is a good capture or void; edits change it before it is signed.
func (b *testBundle) ends(txnType, authID string, edits ...func(map[string]any)) map[string]any {
	params := map[string]any{
		"merchantNo": DefaultMerchantNo, "merchantTxnId": "end-" + strconv.FormatInt(b.ids.Add(1), 10),
		"originTransactionId": authID, "txnType": txnType,
	}
	for _, edit := range edits {
		edit(params)
	}
	return params
}

// ended captures or voids what is there to be, and returns the id of that.
func (b *testBundle) ended(t *testing.T, txnType, authID string, edits ...func(map[string]any)) string {
	t.Helper()
	e := b.call(t, pathAuth, b.ends(txnType, authID, edits...))
	require.Equal(t, []string{codeSuccess, "S"}, []string{e.RespCode, e.status()}, e.RespMsg)
	require.NotEqual(t, authID, e.id())
	return e.id()
}

// authorized is an authorization whose notification has arrived.
func (b *testBundle) authorized(t *testing.T, amount string, edits ...func(map[string]any)) string {
	t.Helper()
	return b.paid(t, amount, append(edits, set("txnType", "AUTH"))...)
}

// intentOf is the paymentStatus that queryPayments shows of a transaction.
func (b *testBundle) intentOf(t *testing.T, id string) any {
	t.Helper()
	content, _ := b.call(t, pathPayments, query("transactionIds", id)).Data["content"].([]any)
	require.Len(t, content, 1)
	row, _ := content[0].(map[string]any)
	return row["paymentStatus"]
}

func withIntents(c *Config) { c.Sim.PaymentIntents = true }

func TestAuthPayment_IsATransactionOfItsOwn(t *testing.T) {
	t.Parallel()
	cases := []struct{ txnType, intent, charged string }{{"CAPTURE", "S", "20.00"}, {"VOID", "N", "0.00"}}
	for _, tc := range cases {
		t.Run(tc.txnType, func(t *testing.T) {
			t.Parallel()
			b := setup(t, withIntents)
			auth := b.authorized(t, "20", set("merchantTxnOriginalId", "order-1"))
			require.Equal(t, "A", b.intentOf(t, auth))
			require.Equal(t, "20.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Authorized)
			b.clock.move(time.Minute)

			e := b.call(t, pathAuth, b.ends(tc.txnType, auth, set("merchantTxnId", "end-1")))
			require.Equal(t, codeSuccess, e.RespCode, e.RespMsg)
			require.Equal(t, []any{"S", tc.intent, "20.00", "USD", "2026-03-01 09:31:01", nil}, []any{
				e.Data["status"], e.Data["paymentStatus"], e.Data["orderAmount"], e.Data["orderCurrency"], e.Data["txnTime"], e.Data["eci"],
			})
			require.Equal(t, digest(e.Data, unsignedInResponse(), DefaultSecretKey), e.Data["sign"])
			require.Len(t, memberNames(t, e.raw), len(memberNames(t, b.charge(t, cardPays, "1").raw)), "the shape of doTransaction")

			n := b.nth(t, e.id(), 1)
			want := digest(n.fields, unsignedInNotification(), DefaultSecretKey)
			require.Equal(t, "v1="+want, n.header.Get("X-RH-Signature"))
			require.Equal(t, map[string]any{
				"notifyType": "TXN", "transactionId": e.id(), "originTransactionId": auth, "txnType": tc.txnType,
				"merchantNo": DefaultMerchantNo, "merchantTxnId": "end-1", "originMerchantTxnId": "txn-1",
				"responseTime": "2026-03-01 09:31:01", "txnTimeZone": "+08:00", "orderAmount": "20.00", "orderCurrency": "USD",
				"status": "S", "cardBinCountry": "US", "reason": `{"respCode":"20000","respMsg":"Success"}`,
				"paymentId": e.Data["paymentId"], "paymentStatus": tc.intent, "channelRequestId": DefaultMerchantNo + e.id(),
				"paymentMethod": "VISA", "sign": want,
			}, n.fields)

			books := b.sandbox.Books(BookQuery{MerchantTxnOriginalID: "order-1"})
			require.Equal(t, []BookedOrder{{"order-1", 1, 1, tc.charged, 0, "0.00", "0.00", "USD"}}, books.Orders)
			require.Equal(t, Total{1, 1, tc.charged, "0.00", 0, "0.00"}, books.Totals["USD"])
			require.Equal(t, map[string]int{"txn-1": 1, "end-1": 1}, books.Calls)
			require.Len(t, books.Transactions, 2)
			require.Equal(t, []string{"AUTH", "", "S", tc.intent}, bookedFacts(books.Transactions[0]))
			require.Equal(t, []string{tc.txnType, auth, "S", tc.intent}, bookedFacts(books.Transactions[1]))
			short := b.sandbox.Summary(BookQuery{MerchantTxnOriginalID: "order-1"})
			require.Equal(t, books.Orders, short.Orders)
			require.Equal(t, books.Totals, short.Totals)
			require.Empty(t, short.Violations)
		})
	}
}

func bookedFacts(t BookedTransaction) []string {
	return []string{t.TxnType, t.OriginTransactionID, t.Status, t.PaymentStatus}
}

func TestAuthPayment_IsShownByQueries(t *testing.T) {
	t.Parallel()
	b := setup(t, withIntents)
	auth := b.authorized(t, "20")
	id := b.ended(t, "CAPTURE", auth, set("merchantTxnId", "cap-1"))
	row, _ := b.rows(t, "cap-1")[0].(map[string]any)
	require.Equal(t, []any{id, "cap-1", auth, "CAPTURE", "S", "20.00", "USD"}, []any{
		row["transactionId"], row["merchantTxnId"], row["originTransactionId"], row["txnType"], row["status"],
		row["orderAmount"], row["orderCurrency"],
	})
	origin, _ := b.rows(t, "txn-1")[0].(map[string]any)
	require.Equal(t, []any{"AUTH", "S", nil}, []any{origin["txnType"], origin["status"], origin["originTransactionId"]})
	require.Equal(t, row["paymentId"], origin["paymentId"])

	shown := func(pairs ...string) (found []any) {
		content, _ := b.call(t, pathPayments, query(pairs...)).Data["content"].([]any)
		for _, entry := range content {
			row, _ := entry.(map[string]any)
			found = append(found, []any{row["lastTransactionId"], row["merchantTxnId"], row["paymentStatus"]})
		}
		return found
	}
	both := []any{[]any{auth, "txn-1", "S"}, []any{id, "cap-1", "S"}}
	require.Equal(t, both, shown("paymentId", signedText(row["paymentId"])))
	require.Equal(t, both[1:], shown("merchantTxnIds", "cap-1"))
	require.Equal(t, both[1:], shown("txnTypes", "CAPTURE,VOID", "startTime", "2026-03-01 09:00:00", "endTime", "2026-03-01 10:00:00"))
}

func TestAuthPayment_RefusesWhatTheDocumentsForbid(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.AuthPaymentCode = "12010" })
	sale, auth := b.paid(t, "20"), b.authorized(t, "20")
	declined := b.charge(t, "4000000000000002", "20", set("txnType", "AUTH")).id()
	open := b.charge(t, "4000020951595032", "20", set("txnType", "AUTH")).id()
	captured, voided := b.authorized(t, "20"), b.authorized(t, "20")
	capture, void := b.ended(t, "CAPTURE", captured), b.ended(t, "VOID", voided)
	cases := map[string]struct {
		params map[string]any
		code   string
	}{
		"no type":                {b.ends("", auth), codeRejected},
		"another type":           {b.ends("SALE", auth), codeUnsupported},
		"no id of its own":       {b.ends("CAPTURE", auth, set("merchantTxnId", nil)), codeRejected},
		"an id that is too long": {b.ends("CAPTURE", auth, set("merchantTxnId", string(make([]byte, 65)))), codeRejected},
		"the authorization's id": {b.ends("CAPTURE", auth, set("merchantTxnId", "txn-2")), codeRejected},
		"no original":            {b.ends("CAPTURE", ""), codeRejected},
		"an unknown original":    {b.ends("CAPTURE", "1000000000000000001"), codeBadID},
		"a sale":                 {b.ends("CAPTURE", sale), "12010"},
		"a declined one":         {b.ends("VOID", declined), "12010"},
		"an unfinished one":      {b.ends("CAPTURE", open), "12010"},
		"a capture":              {b.ends("VOID", capture), "12010"},
		"a void":                 {b.ends("VOID", void), "12010"},
		"captured: capture":      {b.ends("CAPTURE", captured), "12010"},
		"captured: void":         {b.ends("VOID", captured), "12010"},
		"voided: capture":        {b.ends("CAPTURE", voided), "12010"},
		"voided: void":           {b.ends("VOID", voided), "12010"},
		"a part":                 {b.ends("CAPTURE", auth, set("orderAmount", "5")), "12010"},
		"a part voided":          {b.ends("VOID", auth, set("orderAmount", "5")), codeRejected},
		"a number":               {b.ends("CAPTURE", auth, set("merchantTxnId", 5)), codeUnreadable},
		"a wrong signature":      {b.ends("CAPTURE", auth, set("sign", "0000")), codeUnreadable},
	}
	for name, tc := range cases {
		a := b.ask(t, pathAuth, tc.params)
		require.Equal(t, tc.code, a.RespCode, "%s: %s", name, a.RespMsg)
		require.Equal(t, "null", string(a.Data), name)
		require.NotEmpty(t, a.RespMsg, name)
	}
	require.Equal(t, "the authorization has been captured", b.ask(t, pathAuth, b.ends("VOID", captured)).RespMsg)
	for name, id := range map[string]string{"an authorization": auth, "a captured one": captured, "a void": void} {
		require.Equal(t, codeRejected, b.ask(t, pathRefund, b.refund(id, "5")).RespCode, name)
	}
	b.ended(t, "CAPTURE", auth)
}

func TestAuthPayment_CapturesAPartWhereThatIsOn(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.PartialCapture = true })
	auth := b.authorized(t, "20")
	for _, amount := range []string{"20.01", "0", "-1", "1.001"} {
		require.Equal(t, codeRejected, b.ask(t, pathAuth, b.ends("CAPTURE", auth, set("orderAmount", amount))).RespCode, amount)
	}
	e := b.call(t, pathAuth, b.ends("CAPTURE", auth, set("orderAmount", "7.5")))
	require.Equal(t, []any{"S", "7.50"}, []any{e.Data["status"], e.Data["orderAmount"]})
	require.Equal(t, Total{1, 1, "7.50", "0.00", 0, "0.00"}, b.sandbox.Books(BookQuery{}).Totals["USD"], "the rest is released")
	require.Equal(t, codeRejected, b.ask(t, pathAuth, b.ends("CAPTURE", auth, set("orderAmount", "1"))).RespCode)
	require.Equal(t, codeRejected, b.ask(t, pathRefund, b.refund(e.id(), "7.51")).RespCode)
	b.ended(t, "CAPTURE", b.authorized(t, "20"), set("orderAmount", "20.00"))
}

func TestAuthPayment_ItsCaptureCanBeRefunded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	auth := b.authorized(t, "20", set("merchantTxnOriginalId", "order-1"))
	capture := b.ended(t, "CAPTURE", auth, set("merchantTxnId", "cap-1"))
	id := b.applies(t, capture, "15")
	require.Equal(t, codeRejected, b.ask(t, pathRefund, b.refund(capture, "5.01")).RespCode)
	b.becomes(t, id, "S", refundDelay)
	n := b.nth(t, id, 1).fields
	require.Equal(t, []any{capture, "cap-1"}, []any{n["originTransactionId"], n["originMerchantTxnId"]})
	books := b.sandbox.Books(BookQuery{MerchantTxnOriginalID: "order-1"})
	require.Equal(t, []BookedOrder{{"order-1", 1, 1, "20.00", 1, "15.00", "0.00", "USD"}}, books.Orders)
	require.Len(t, books.Transactions, 3)
	require.Empty(t, b.sandbox.Summary(BookQuery{}).Violations)
}

func TestAuthPayment_OfManyAtOnceOneEndsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	auth := b.authorized(t, "20")
	codes := make(chan string, 40)
	var callers sync.WaitGroup
	for i := range cap(codes) {
		callers.Go(func() { codes <- b.ask(t, pathAuth, b.ends([]string{"CAPTURE", "VOID"}[i%2], auth)).RespCode })
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
	require.Len(t, b.sandbox.Books(BookQuery{}).Transactions, 2)
}

func TestAuthPayment_RepeatedIDIsRefusedOrAnsweredAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	auth := b.authorized(t, "20")
	b.ended(t, "CAPTURE", auth, set("merchantTxnId", "cap-1"))
	a := b.ask(t, pathAuth, b.ends("CAPTURE", auth, set("merchantTxnId", "cap-1")))
	require.Equal(t, []string{codeRejected, "Duplicate merchantTxnId"}, []string{a.RespCode, a.RespMsg})
	require.Equal(t, 2, b.sandbox.Books(BookQuery{}).Calls["cap-1"])

	b = setup(t, func(c *Config) { c.Sim.Duplicate = DuplicateReplayed })
	auth = b.authorized(t, "20")
	first := b.ended(t, "CAPTURE", auth, set("merchantTxnId", "cap-1"))
	require.Equal(t, first, b.ended(t, "CAPTURE", auth, set("merchantTxnId", "cap-1")))
}

func TestAuthPayment_ZeroDecimalCurrency(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.PartialCapture = true })
	auth := b.authorized(t, "1500", set("orderCurrency", "JPY"))
	require.Equal(t, codeRejected, b.ask(t, pathAuth, b.ends("CAPTURE", auth, set("orderAmount", "5.00"))).RespCode)
	var data struct{ OrderAmount string }
	require.NoError(t, json.Unmarshal(b.ask(t, pathAuth, b.ends("CAPTURE", auth, set("orderAmount", "900"))).Data, &data))
	require.Equal(t, "900", data.OrderAmount)
	require.Equal(t, "900", b.sandbox.Books(BookQuery{}).Totals["JPY"].Charged)
}
