package gateway_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
)

// pageOf reads a query's answer; false when it is no page.
func pageOf(raw []byte) (envelope, data said, rows []said, ok bool) {
	envelope = membersOf(raw)
	data = membersOf(envelope["data"])
	var list []json.RawMessage
	if data == nil || json.Unmarshal(data["content"], &list) != nil || list == nil {
		return envelope, data, nil, false
	}
	for _, row := range list {
		rows = append(rows, membersOf(row))
	}
	return envelope, data, rows, true
}

// requireNone says that the answer can only mean that there is no such payment: a first and only page with nothing on it.
func requireNone(t *testing.T, raw []byte) {
	t.Helper()
	envelope, data, rows, ok := pageOf(raw)
	require.True(t, ok, "%s", raw)
	require.Equal(t, "20000", envelope.text("respCode"))
	require.Empty(t, rows)
	for name, most := range map[string]int{"totalElements": 0, "totalPages": 1, "current": 1} {
		if text := data.text(name); text != "" {
			n, err := strconv.Atoi(text)
			require.NoError(t, err)
			require.True(t, n >= 0 && n <= most, "%s says %s", raw, name)
		}
	}
}

// What an answer to a query is taken for: the word of a row of ours or of its intent, and a denial only if it is a page
// without rows. Queries are not signed; what they may move is for package orders.
func FuzzFind_ReadsNothingIntoAnAnswer(f *testing.F) {
	const id = `"merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5","txnType":"SALE","transactionId":"2","txnTime":"2026-03-01 09:00:00"`
	page := func(content, counters string) []byte {
		return []byte(`{"respCode":"20000","respMsg":"Success","data":{"content":` + content + counters + `}}`)
	}
	none := page(`[]`, `,"current":"1","size":"10","totalPages":0,"totalElements":0`)
	for _, list := range [][]byte{
		none, page(`[]`, ``), page(`[]`, `,"totalElements":"3"`), page(`[]`, `,"current":2,"totalPages":1`), page(`[]`, `,"totalElements":-1`),
		page(`null`, ``), page(`"[]"`, ``), page(`{}`, ``), page(`[null]`, ``), page(`[{}]`, ``), []byte(`{"respCode":"20000","data":null}`),
		[]byte(`{"respCode":"12004","data":{"content":[]}}`), []byte(`{"respCode":"20000","data":[]}`), []byte(`<html>`), nil,
		page(`[{"status":"S",`+id+`,"orderAmount":"27.00","orderCurrency":"EUR","paymentMethod":"VISA","cardNumber":"4761344136141390"}]`, ``),
		page(`[{"status":"F",`+id+`,"reason":"{\"respCode\":\"20051\"}"},{"status":"P",`+id+`}]`, ``), page(`[{"status":"N",`+id+`}]`, ``),
		page(`[{"status":"S","merchantTxnId":"pay_2","txnType":"SALE"}]`, `,"totalElements":1`), page(`[{"status":"R",`+id+`}]`, ``),
		page(`[{"status":"S","merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5","txnType":"REFUND"}]`, ``),
		page(`[{"status":"S","merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5","txnType":"AUTH"}]`, ``),
	} {
		f.Add(list, none, false)
		f.Add(list, none, true)
		for _, status := range []string{"S", "A", "N", "O", "R", "I", "?"} {
			f.Add(list, page(`[{"paymentId":"9","lastTransactionId":"2","merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5","paymentStatus":"`+status+`"}]`, ``), true)
		}
		f.Add(none, list, true)
	}
	f.Fuzz(func(t *testing.T, list, intents []byte, intended bool) {
		api := gateway.Transactions
		if intended {
			api = gateway.Intents
		}
		g := canned{"/v1/txn/list": list, "/v1/txn/queryPayments": intents}.before(t, api)
		ours := fuzzSale(t).MerchantTxnID
		ev, err := g.Find(t.Context(), orders.Query{MerchantTxnID: ours, Amount: fuzzSale(t).Amount})
		if err != nil {
			require.Zero(t, ev)
			return
		}
		requireStorable(t, ev)
		require.Equal(t, orders.SourceQuery, ev.Source)
		if ev.Outcome == orders.OutcomeNotFound {
			requireNone(t, list)
			if intended {
				requireNone(t, intents)
			}
			return
		}
		letters, intent := spokenFor(t, ours, list, intents, intended)
		switch ev.Outcome {
		case orders.OutcomeSucceeded:
			require.True(t, slices.Contains(letters, "S") && intent == "" || intent == "S", "%q/%s", letters, intent)
		case orders.OutcomeAuthorized:
			require.True(t, slices.Contains(letters, "S") && intent == "" || intent == "A", "%q/%s", letters, intent)
		case orders.OutcomeDeclined:
			require.Contains(t, letters, "F")
			require.NotContains(t, []string{"S", "A"}, intent)
		case orders.OutcomeClosed:
			require.True(t, slices.Contains(letters, "N") || intent == "N", "%q/%s", letters, intent)
		case orders.OutcomeNeverSent, orders.OutcomeNotFound:
			t.Fatalf("%s, of what was answered", ev.Outcome)
		case orders.OutcomeUnknown, orders.OutcomeProcessing, orders.OutcomeActionRequired:
		}
	})
}

// spokenFor returns the letters of our sales and authorizations that were listed, and our intent's status.
func spokenFor(t *testing.T, ours string, list, intents []byte, intended bool) ([]string, string) {
	t.Helper()
	var letters []string
	envelope, _, rows, ok := pageOf(list)
	require.True(t, ok && envelope.text("respCode") == "20000", "%s", list)
	for _, row := range rows {
		if row.text("merchantTxnId") == ours && (row.text("txnType") == "SALE" || row.text("txnType") == "AUTH") {
			letters = append(letters, row.text("status"))
		}
	}
	if !intended {
		return letters, ""
	}
	envelope, _, rows, ok = pageOf(intents)
	require.True(t, ok && envelope.text("respCode") == "20000", "%s", intents)
	for _, row := range rows {
		if row.text("merchantTxnId") == ours {
			return letters, row.text("paymentStatus")
		}
	}
	return letters, ""
}
