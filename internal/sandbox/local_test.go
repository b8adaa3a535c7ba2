package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// local is a good request for a payment by a local method; edits change it before it is signed.
func (b *testBundle) local(info string, edits ...func(map[string]any)) map[string]any {
	edits = append([]func(map[string]any){
		set("productType", "LPMS"), set("cardInfo", nil), set("risk3dsStrategy", nil), set("lpmsInfo", info), set("orderCurrency", "EUR"),
	}, edits...)
	return b.sale("", "27", edits...)
}

// asks begins a payment and returns its answer and the page on which a person pays it.
func (b *testBundle) asks(t *testing.T, lpmsType string, edits ...func(map[string]any)) (envelope, string) {
	t.Helper()
	e := b.call(t, pathSale, b.local(`{"lpmsType":"`+lpmsType+`"}`, edits...))
	require.Equal(t, []string{codeSuccess, "R"}, []string{e.RespCode, e.status()}, e.RespMsg)
	require.Equal(t, digest(e.Data, unsignedInResponse(), DefaultSecretKey), e.Data["sign"])
	return e, b.url + localPath + DefaultMerchantNo + e.id()
}

// presses answers the page of a local payment and returns where that leads.
func (b *testBundle) presses(t *testing.T, page, action string) string {
	t.Helper()
	return b.click(t, envelope{Data: map[string]any{"redirectUrl": page}}, action)
}

func TestLocal_EachActionTypeHasItsMembers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := func(e envelope) map[string]any {
		members := map[string]any{}
		for _, name := range []string{"actionType", "redirectUrl", "codeForm", "presentContext", "eci"} {
			members[name] = e.Data[name]
		}
		return members
	}
	e, page := b.asks(t, "iDEAL")
	require.Equal(t, map[string]any{"actionType": "RedirectURL", "redirectUrl": page, "codeForm": nil, "presentContext": nil, "eci": nil}, asked(e))

	e, page = b.asks(t, "PromptPay")
	form := signedText(e.Data["codeForm"])
	require.Equal(t, map[string]any{"actionType": "QrCode", "redirectUrl": nil, "codeForm": form, "presentContext": nil, "eci": nil}, asked(e))
	require.JSONEq(t, `{"expireTime":"2026-03-01T10:00:01+08:00","codeDetails":[{"codeValue":"`+page+`","displayType":"TEXT"}]}`, form)

	e, _ = b.asks(t, "Konbini")
	number := e.id()[7:]
	voucher := "Voucher " + number[:4] + " " + number[4:8] + " " + number[8:] +
		"\nPay 27.00 EUR with this number at a till of the sandbox, until 2026-03-01 10:00:01 +08:00."
	require.Equal(t, map[string]any{"actionType": "ShowContext", "redirectUrl": nil, "codeForm": nil, "presentContext": voucher, "eci": nil}, asked(e))
	require.Contains(t, b.browse(t, "/sandbox", nil), "Pay with Konbini", "and the control page leads to the till")
}

func TestLocal_APersonPaysOrDeclines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, method := range []string{"iDEAL", "PromptPay", "Konbini"} {
		for action, status := range map[string]string{"pay": "S", "decline": "F"} {
			t.Run(method+" "+action, func(t *testing.T) {
				t.Parallel()
				e, page := b.asks(t, method, set("merchantTxnOriginalId", method+action))
				_, body := b.get(t, page)
				require.Contains(t, body, "Pay with "+method)
				to := b.presses(t, page, action)
				if method == "iDEAL" {
					back, err := url.Parse(to)
					require.NoError(t, err)
					require.Equal(t, []string{status, e.id()}, []string{back.Query().Get("status"), back.Query().Get("transactionId")})
				} else {
					require.Equal(t, page, to, "who scanned a code did not come from the shop's page")
				}
				require.Equal(t, to, b.presses(t, page, "pay"), "a page that is answered twice changes nothing")
				_, body = b.get(t, page)
				require.Contains(t, body, "This payment "+map[string]string{"S": "is paid", "F": "has failed"}[status])

				eventually(t, func() bool { return len(b.sandbox.Deliveries(e.id())) == 1 }, "one notification")
				books := b.sandbox.Books(BookQuery{MerchantTxnOriginalID: method + action})
				require.Equal(t, []string{status, method}, []string{books.Transactions[0].Status, books.Transactions[0].LpmsType})
				row := b.rows(t, books.Transactions[0].MerchantTxnID)[0].(map[string]any) //nolint:forcetypeassert // the test fails with it
				require.Equal(t, []any{"LPMS", "DIRECT", method, nil, nil},
					[]any{row["productType"], row["subProductType"], row["paymentMethod"], row["cardType"], row["cardNumber"]})
			})
		}
	}
}

func TestLocal_WhatNobodyPaysCloses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e, page := b.asks(t, "PromptPay", set("merchantTxnId", "txn-a"))
	left, leftPage := b.asks(t, "iDEAL")
	require.Contains(t, b.presses(t, leftPage, "leave"), "status=R")
	b.clock.move(30*time.Minute - time.Second)
	quietly(t, func() bool { return len(b.sandbox.Deliveries("")) > 0 }, "not yet")
	b.clock.move(time.Second)
	eventually(t, func() bool {
		return len(b.sandbox.Deliveries(e.id())) == 1 && len(b.sandbox.Deliveries(left.id())) == 1
	}, "both are told")
	booked := b.sandbox.Books(BookQuery{MerchantTxnID: "txn-a"}).Transactions[0]
	require.Equal(t, []string{"N", codeSuccess}, []string{booked.Status, booked.ReasonCode})
	require.Equal(t, page, b.presses(t, page, "pay"))
	_, body := b.get(t, page)
	require.Contains(t, body, "This payment is closed")
	require.Equal(t, "0.00", b.sandbox.Books(BookQuery{}).Totals["EUR"].Charged)
}

func TestLocal_AnAccountAndANumberPayWithoutTheShopper(t *testing.T) {
	t.Parallel()
	b := setup(t)
	debit := b.call(t, pathSale, b.local(`{"lpmsType":"SEPADD","iBan":"DE89370400440532013000"}`, set("merchantTxnId", "debit")))
	require.Equal(t, []any{"P", nil}, []any{debit.Data["status"], debit.Data["actionType"]})
	b.clock.move(settleDelay)
	eventually(t, func() bool { return len(b.sandbox.Deliveries(debit.id())) == 1 }, "it is told")
	require.Equal(t, "S", b.sandbox.Books(BookQuery{MerchantTxnID: "debit"}).Transactions[0].Status)

	paid := b.call(t, pathSale, b.local(`{"lpmsType":"WebMoney","prepaidNumber":"1234567812345678"}`))
	require.Equal(t, "S", paid.status())
	empty := b.call(t, pathSale, b.local(`{"lpmsType":"WebMoney","prepaidNumber":"1234567812340000"}`))
	require.Equal(t, []string{"20051", "F"}, []string{empty.RespCode, empty.status()})

	held := b.sandbox.Books(BookQuery{})
	books, err := json.Marshal(held)
	require.NoError(t, err)
	require.NotContains(t, string(books), "DE8937", "an account does not outlive its request")
	require.NotContains(t, string(books), "12345678")
	require.Equal(t, "54.00", held.Totals["EUR"].Charged)

	b.applies(t, paid.id(), "27.00")
}

func TestLocal_FaultsStrike(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, http.StatusCreated, b.control(t, "POST", "/sandbox/faults", `{"fault":"lose_answer","times":1}`, nil))
	_, _, err := b.raw(t, pathSale, b.local(`{"lpmsType":"iDEAL"}`, set("merchantTxnId", "lost")))
	require.Error(t, err)
	row := b.rows(t, "lost")[0].(map[string]any) //nolint:forcetypeassert // the test fails with it
	require.Equal(t, "R", row["status"], "it was made all the same")
}

func TestLocal_RefusesWhatTheDocumentsDoNotList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		edit func(map[string]any)
		code string
	}{
		"no lpmsInfo":         {set("lpmsInfo", nil), codeRejected},
		"no JSON":             {set("lpmsInfo", "iDEAL"), codeUnreadable},
		"an unknown method":   {set("lpmsInfo", `{"lpmsType":"Beads"}`), codeUnsupported},
		"a long bank":         {set("lpmsInfo", `{"lpmsType":"iDEAL","bankName":"`+strings.Repeat("x", 129)+`"}`), codeRejected},
		"no account":          {set("lpmsInfo", `{"lpmsType":"SEPADD"}`), codeRejected},
		"no prepaid number":   {set("lpmsInfo", `{"lpmsType":"WebMoney"}`), codeRejected},
		"a card as well":      {set("cardInfo", `{}`), codeRejected},
		"a 3DS strategy":      {set("risk3dsStrategy", "INNER"), codeRejected},
		"a hold":              {set("txnType", "AUTH"), codeUnsupported},
		"by token":            {set("subProductType", "TOKEN"), codeUnsupported},
		"no order":            {set("txnOrderMsg", ""), codeRejected},
		"an amount too small": {set("orderAmount", "0"), codeRejected},
	} {
		params := b.local(`{"lpmsType":"iDEAL"}`, set("merchantTxnId", name))
		c.edit(params)
		e := b.call(t, pathSale, params)
		require.Equal(t, c.code, e.RespCode, name+" "+e.RespMsg)
		require.Nil(t, e.Data, name)
	}
	resp, _ := b.get(t, b.url+localPath+"1")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	card := b.charge(t, "4000027891380961", "200")
	resp, _ = b.get(t, b.url+localPath+DefaultMerchantNo+card.id())
	require.Equal(t, http.StatusNotFound, resp.StatusCode, "a card is not paid there")
	_, page := b.asks(t, "iDEAL")
	answer, _, err := b.post(t, strings.TrimPrefix(page, b.url), "application/x-www-form-urlencoded", []byte("action=steal"))
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
}
