package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func query(pairs ...string) map[string]any {
	params := map[string]any{"merchantNo": DefaultMerchantNo, "current": "1"}
	for i := 0; i < len(pairs); i += 2 {
		params[pairs[i]] = pairs[i+1]
	}
	return params
}

func TestList_OfAnUnknownTransactionIsAnEmptyPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{pathList, pathPayments} {
		e := b.call(t, path, query("merchantTxnIds", "nobody"))
		require.JSONEq(t, `{"respCode":"20000","respMsg":"Success",
			"data":{"content":[],"current":"1","size":10,"totalPages":0,"totalElements":0}}`, string(e.raw))
	}
}

func TestList_ShowsTheRowOfATransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	params := b.sale("2221008123677736", "20")
	e := b.call(t, pathSale, params)
	row := b.rows(t, signedText(params["merchantTxnId"]))[0]
	require.Equal(t, map[string]any{
		"transactionId": e.id(), "merchantTxnId": params["merchantTxnId"], "txnTime": "2026-03-01 09:30:01",
		"originTransactionId": nil, "productType": "CARD", "subProductType": "DIRECT", "txnType": "SALE", "status": "S",
		"userPaymentStatus": nil, "cardType": "MASTERCARD", "paymentMethod": "MASTERCARD", "orderAmount": "20.00",
		"settleRate": "1", "orderCurrency": "USD", "txnAmount": "20.00", "txnCurrency": "USD",
		"customsDeclarationAmount": nil, "customsDeclarationCurrency": nil, "arn": nil, "appId": DefaultAppID,
		"website": b.shop.URL, "cardBinCountry": "US", "cardNumber": "222100******7736", "walletTypeName": nil,
		"reason": `{"respCode":"20000","respMsg":"Success"}`, "holderName": "Test Buyer", "eci": "00",
		"email": "buyer@example.com", "paymentId": nil,
	}, row)
}

func TestList_PagesOldestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 23 {
		b.charge(t, cardPays, "5")
		b.clock.move(time.Second)
	}
	span := []string{"startTime", "2026-03-01 09:30:01", "endTime", "2026-03-01 09:30:23"}
	var ids []string
	for page := range 4 {
		e := b.call(t, pathList, query(append(span, "current", fmt.Sprint(page+1))...))
		require.InDelta(t, 23, e.Data["totalElements"], 0)
		require.InDelta(t, 3, e.Data["totalPages"], 0)
		require.Equal(t, fmt.Sprint(page+1), e.Data["current"])
		for _, row := range e.Data["content"].([]any) {
			ids = append(ids, row.(map[string]any)["merchantTxnId"].(string))
		}
	}
	require.Len(t, ids, 23)
	require.Equal(t, "txn-1", ids[0])
	require.Equal(t, "txn-23", ids[22])

	first := b.call(t, pathList, query(append(span, "current", "0", "size", "5")...))
	require.Len(t, first.Data["content"], 5)
	require.Equal(t, "1", first.Data["current"])
}

func TestList_NarrowsByTimeIDAndType(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.charge(t, cardPays, "5", set("merchantTxnId", "a"))
	b.clock.move(time.Hour)
	second := b.charge(t, cardPays, "5", set("merchantTxnId", "b"), set("txnType", "AUTH"))
	span := []string{"startTime", "2026-03-01 00:00:00", "endTime", "2026-03-02 00:00:00"}
	cases := []struct {
		name  string
		pairs []string
		found []string
	}{
		{"the first hour", []string{"startTime", "2026-03-01 09:00:00", "endTime", "2026-03-01 09:59:59"}, []string{first.id()}},
		{"the second", []string{"startTime", "2026-03-01 10:30:01", "endTime", "2026-03-01 10:30:01"}, []string{second.id()}},
		{"both ids, in the order of time", []string{"transactionIds", second.id() + "," + first.id()}, []string{first.id(), second.id()}},
		{"both merchant ids", []string{"merchantTxnIds", "b, a"}, []string{first.id(), second.id()}},
		{"one id and the other's merchant id", []string{"merchantTxnIds", "a", "transactionIds", second.id()}, nil},
		{"by type", append(span, "txnTypes", "AUTH,VOID"), []string{second.id()}},
		{"no refunds yet", append(span, "txnTypes", "REFUND"), nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, row := range b.call(t, pathList, query(tc.pairs...)).Data["content"].([]any) {
				found = append(found, row.(map[string]any)["transactionId"].(string))
			}
			require.Equal(t, tc.found, found)
		})
	}
}

func TestList_RefusesQueriesWithoutBounds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cases := map[string][]string{
		"nothing asked":         {},
		"only empty strings":    {"merchantTxnIds", "", "transactionIds", ""},
		"only a beginning":      {"startTime", "2026-03-01 00:00:00"},
		"a day for a time":      {"startTime", "2026-03-01", "endTime", "2026-03-02"},
		"backwards":             {"startTime", "2026-03-02 00:00:00", "endTime", "2026-03-01 00:00:00"},
		"91 days":               {"startTime", "2026-01-01 00:00:00", "endTime", "2026-04-02 00:00:01"},
		"types without a range": {"merchantTxnIds", "a", "txnTypes", "SALE"},
		"no page":               {"merchantTxnIds", "a", "current", ""},
		"a page of 101":         {"merchantTxnIds", "a", "size", "101"},
		"a page that is none":   {"merchantTxnIds", "a", "current", "one"},
	}
	for name, pairs := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := b.call(t, pathList, query(pairs...))
			require.Equal(t, codeRejected, e.RespCode)
			require.Nil(t, e.Data)
		})
	}
}

func TestQueryPayments_FollowsTheIntent(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.PaymentIntents = true })
	cases := map[string]string{cardPays: "S", "4000128449498204": "O", "4000020951595032": "R"}
	for card, want := range cases {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			params := b.sale(card, "5")
			e := b.call(t, pathSale, params)
			page := b.call(t, pathPayments, query("paymentId", signedText(e.Data["paymentId"])))
			require.Equal(t, []any{map[string]any{
				"paymentId": e.Data["paymentId"], "lastTransactionId": e.id(), "paymentStatus": want,
				"merchantTxnId": params["merchantTxnId"], "orderAmount": "5.00", "orderCurrency": "USD",
				"appId": DefaultAppID, "productType": "CARD", "subProductType": "DIRECT",
			}}, page.Data["content"])
			require.NotContains(t, strings.Join(memberNames(t, page.raw), " "), "sign")
		})
	}
}
