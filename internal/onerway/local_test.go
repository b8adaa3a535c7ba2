package onerway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

const (
	testIBAN    = "DE89370400440532013000"
	testPrepaid = "ABCD-1234-EFGH-5678"
)

// testLocal is a sale by a local payment method.
func testLocal() onerway.SaleRequest {
	request := testSale()
	request.Card, request.Risk3DSStrategy = nil, ""
	request.LPMS = &onerway.LPMSInfo{Type: "SEPADD", BankName: "Bank <1>", IBAN: onerway.Conceal(testIBAN)}
	return request
}

func TestLocal_SendsExactlyTheSignedBytes(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, fixture(t, "sale_succeeded.json"))
	_, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testLocal())
	require.NoError(t, err)
	require.Equal(t, "/v1/txn/doTransaction", requests()[0].Path)
	requireGolden(t, "local_request.json", requests()[0].Body)

	prepaid := testLocal()
	prepaid.LPMS = &onerway.LPMSInfo{Type: "WebMoney", PrepaidNumber: onerway.Conceal(testPrepaid)}
	sent := sentFields(t, prepaid)
	require.JSONEq(t, `{"lpmsType":"WebMoney","prepaidNumber":"ABCD-1234-EFGH-5678"}`, sent["lpmsInfo"])
	require.Equal(t, []string{"LPMS", "DIRECT", "SALE"}, []string{sent["productType"], sent["subProductType"], sent["txnType"]})
	for _, absent := range []string{"cardInfo", "tokenInfo", "risk3dsStrategy", "mpiInfo"} {
		require.NotContains(t, sent, absent)
	}
}

func TestLocal_RefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, "")
	for name, change := range map[string]func(*onerway.SaleRequest){
		"no method":             func(r *onerway.SaleRequest) { r.LPMS.Type = "" },
		"a long method":         func(r *onerway.SaleRequest) { r.LPMS.Type = strings.Repeat("x", 65) },
		"a long bank":           func(r *onerway.SaleRequest) { r.LPMS.BankName = strings.Repeat("x", 129) },
		"a long IBAN":           func(r *onerway.SaleRequest) { r.LPMS.IBAN = onerway.Conceal(strings.Repeat("x", 65)) },
		"a long prepaid number": func(r *onerway.SaleRequest) { r.LPMS.PrepaidNumber = onerway.Conceal(strings.Repeat("x", 65)) },
		"a card as well":        func(r *onerway.SaleRequest) { r.Card = testSale().Card },
		"a token as well":       func(r *onerway.SaleRequest) { r.Token = &onerway.TokenInfo{TokenID: onerway.Conceal("t")} },
		"a hold":                func(r *onerway.SaleRequest) { r.TxnType = onerway.TxnAuth },
		"by token":              func(r *onerway.SaleRequest) { r.SubProductType = onerway.SubProductToken },
		"a 3DS strategy":        func(r *onerway.SaleRequest) { r.Risk3DSStrategy = onerway.Risk3DSDefault },
		"a subscription":        func(r *onerway.SaleRequest) { r.SubProductType = onerway.SubProductSubscribe },
	} {
		request := testLocal()
		change(&request)
		_, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), request)
		failed := requireClean(t, err)
		require.Equal(t, onerway.ReasonInvalidRequest, failed.Reason, name)
		require.NotContains(t, failed.Error(), testIBAN, name)
	}
	require.Empty(t, requests())
}

// code is a codeForm with these members.
func code(t *testing.T, form map[string]any) string {
	t.Helper()
	text, err := json.Marshal(form)
	require.NoError(t, err)
	return string(text)
}

func details(list ...map[string]any) []map[string]any { return list }

func TestLocal_ReadsWhatTheShopperIsAskedToDo(t *testing.T) {
	t.Parallel()
	text := details(map[string]any{"codeValue": "00020101", "displayType": "TEXT"})
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	const page, image = "https://bank.example.com/pay", "https://bank.example.com/code.png"
	for name, test := range map[string]struct {
		data map[string]string
		want onerway.Action
		bad  bool
	}{
		"a page":                  {data: map[string]string{"actionType": "RedirectURL", "redirectUrl": page}, want: onerway.Action{RedirectURL: page}},
		"a page, as of old":       {data: map[string]string{"redirectUrl": page}, want: onerway.Action{RedirectURL: page}},
		"a page that is missing":  {data: map[string]string{"actionType": "RedirectURL", "presentContext": "pay"}, bad: true},
		"nothing":                 {data: map[string]string{}, bad: true},
		"an action of the future": {data: map[string]string{"actionType": "ScanFace", "redirectUrl": page}, bad: true},
		"an action in lower case": {data: map[string]string{"actionType": "qrcode", "codeForm": code(t, map[string]any{"codeDetails": text})}, bad: true},
		"a code": {
			data: map[string]string{"actionType": "QrCode", "codeForm": code(t, map[string]any{"expireTime": "2026-03-01T10:00:00+08:00", "codeDetails": text})},
			want: onerway.Action{Code: "00020101", ExpiresAt: at},
		},
		"a code without an end": {
			data: map[string]string{"actionType": "QrCode", "redirectUrl": page, "codeForm": code(t, map[string]any{"expireTime": nil, "codeDetails": text})},
			want: onerway.Action{Code: "00020101"},
		},
		"a code with pictures": {
			data: map[string]string{"actionType": "QrCode", "codeForm": code(t, map[string]any{"expireTime": "2026-03-01T10:00:00+0800", "codeDetails": details(
				map[string]any{"codeValue": image, "displayType": "BIGIMAGE"}, map[string]any{"codeValue": image + "?s", "displayType": "SMALLIMAGE"},
				map[string]any{"codeValue": "00020101"}, map[string]any{"codeValue": "x", "displayType": "HOLOGRAM"})})},
			want: onerway.Action{Code: "00020101", CodeImageURL: image, ExpiresAt: at},
		},
		"no code":                    {data: map[string]string{"actionType": "QrCode", "redirectUrl": page}, bad: true},
		"a code that is no object":   {data: map[string]string{"actionType": "QrCode", "codeForm": "00020101"}, bad: true},
		"a code without details":     {data: map[string]string{"actionType": "QrCode", "codeForm": `{"expireTime":"2026-03-01T10:00:00+08:00"}`}, bad: true},
		"details that are no list":   {data: map[string]string{"actionType": "QrCode", "codeForm": `{"codeDetails":{"codeValue":"1"}}`}, bad: true},
		"an empty list":              {data: map[string]string{"actionType": "QrCode", "codeForm": `{"codeDetails":[]}`}, bad: true},
		"a detail that is no object": {data: map[string]string{"actionType": "QrCode", "codeForm": `{"codeDetails":["00020101"]}`}, bad: true},
		"a detail of other members":  {data: map[string]string{"actionType": "QrCode", "codeForm": `{"codeDetails":[{"value":"00020101"}]}`}, bad: true},
		"a detail that says it twice": {
			data: map[string]string{"actionType": "QrCode", "codeForm": `{"codeDetails":[{"codeValue":"1","codeValue":"2"}]}`}, bad: true,
		},
		"an end without a zone": {data: map[string]string{"actionType": "QrCode", "codeForm": code(t, map[string]any{"expireTime": "2026-03-01 10:00:00", "codeDetails": text})}, bad: true},
		"a code too long": {
			data: map[string]string{"actionType": "QrCode", "codeForm": code(t, map[string]any{"codeDetails": details(map[string]any{"codeValue": strings.Repeat("1", 4297)})})}, bad: true,
		},
		"a text":           {data: map[string]string{"actionType": "ShowContext", "presentContext": "Voucher 12\nPay at the till"}, want: onerway.Action{Text: "Voucher 12\nPay at the till"}},
		"no text":          {data: map[string]string{"actionType": "ShowContext", "redirectUrl": page}, bad: true},
		"a text too long":  {data: map[string]string{"actionType": "ShowContext", "presentContext": strings.Repeat("x", 4097)}, bad: true},
		"an echoed number": {data: map[string]string{"actionType": "ShowContext", "presentContext": "from " + testIBAN}, bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.data["transactionId"], test.data["status"] = "1", "R"
			url, _ := serve(t, http.StatusOK, signedAnswer(t, "20000", test.data))
			response, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testLocal())
			require.NoError(t, err)
			action, possible := response.Action()
			require.Equal(t, !test.bad, possible)
			if test.bad {
				require.Equal(t, onerway.StatusUnknown, response.Outcome())
				return
			}
			require.Equal(t, onerway.StatusRequiresAction, response.Outcome())
			action.ExpiresAt = action.ExpiresAt.UTC()
			require.Equal(t, test.want, action)
		})
	}
}

// Whether the code and the text are signed nobody could see (§3.3): an answer that is good without them is taken, and says so.
func TestLocal_TakesAnActionThatIsNotSigned(t *testing.T) {
	t.Parallel()
	data := map[string]string{"transactionId": "1", "status": "R", "actionType": "ShowContext"}
	data["sign"] = onerway.Sign(onerway.Fields(data), onerway.ExcludedFromResponse, testConfig("").SecretKey)
	data["presentContext"] = "Voucher 12"
	body, err := json.Marshal(map[string]any{"respCode": "20000", "respMsg": "", "data": data})
	require.NoError(t, err)
	url, _ := serve(t, http.StatusOK, string(body))
	response, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testLocal())
	require.NoError(t, err)
	require.Equal(t, onerway.RuleLenient, response.Rule)
	require.Equal(t, onerway.StatusRequiresAction, response.Outcome())

	data["redirectUrl"] = "https://evil.example.com"
	body, err = json.Marshal(map[string]any{"respCode": "20000", "respMsg": "", "data": data})
	require.NoError(t, err)
	url, _ = serve(t, http.StatusOK, string(body))
	_, err = newClient(t, testConfig(url)).DoTransaction(t.Context(), testLocal())
	require.Equal(t, onerway.ReasonBadSignature, requireClean(t, err).Reason, "an address is signed under either rule")
}

func TestLocal_KeepsAccountAndCodesOutOfTheEvidence(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, http.StatusOK, signedAnswer(t, "20000", map[string]string{
		"transactionId": "1", "status": "R", "actionType": "ShowContext", "presentContext": "Voucher 12", "codeForm": "{}", "echo": "of " + testIBAN,
	}))
	response, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testLocal())
	require.NoError(t, err)
	kept := response.Fields.Redacted()
	require.Equal(t, []string{"[withheld]", "[redacted]", "[redacted]"}, []string{kept["echo"], kept["presentContext"], kept["codeForm"]})

	refusal := `{"respCode":"40000","respMsg":"no account ` + testIBAN + `","data":null}`
	url, _ = serve(t, http.StatusOK, refusal)
	_, err = newClient(t, testConfig(url)).DoTransaction(t.Context(), testLocal())
	require.Equal(t, "[withheld]", requireClean(t, err).RespMsg)
}
