package onerway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

const testAuthID = "1815983598810308608"

func testCapture() onerway.AuthPaymentRequest {
	return onerway.AuthPaymentRequest{MerchantTxnID: "cap-1", OriginTransactionID: testAuthID, TxnType: onerway.TxnCapture}
}

func TestAuthPayment_SendsExactlyTheSignedBytes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*onerway.AuthPaymentRequest)
		body   string // without its sign
	}{
		"capture": {
			func(*onerway.AuthPaymentRequest) {},
			`{"merchantNo":"800209","merchantTxnId":"cap-1","originTransactionId":"1815983598810308608",%s"txnType":"CAPTURE"}`,
		},
		"void": {
			func(r *onerway.AuthPaymentRequest) { r.TxnType = onerway.TxnVoid },
			`{"merchantNo":"800209","merchantTxnId":"cap-1","originTransactionId":"1815983598810308608",%s"txnType":"VOID"}`,
		},
		"part": {
			func(r *onerway.AuthPaymentRequest) { r.OrderAmount = "7.50" },
			`{"merchantNo":"800209","merchantTxnId":"cap-1","orderAmount":"7.50","originTransactionId":"1815983598810308608",%s"txnType":"CAPTURE"}`,
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := serve(t, http.StatusOK, fixture(t, "sale_succeeded.json"))
			config := testConfig(url)
			config.SecretKey, config.PreviousSecretKey = config.PreviousSecretKey, config.SecretKey
			request := testCapture()
			test.change(&request)
			response, err := newClient(t, config).AuthPayment(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, onerway.StatusSucceeded, response.Outcome())
			require.NotEqual(t, testAuthID, response.TransactionID)
			require.Len(t, requests(), 1)
			sent := requests()[0]
			require.Equal(t, []string{"POST", "/v1/txn/authPayment"}, []string{sent.Method, sent.Path})
			require.Equal(t, []string{"application/json"}, sent.Header["Content-Type"])
			require.NotContains(t, sent.Header, "Idempotency-Key")

			fields, err := onerway.ParseFields([]byte(sent.Body))
			require.NoError(t, err)
			require.Equal(t, strings.Replace(test.body, "%s", `"sign":"`+fields["sign"]+`",`, 1), sent.Body)
			require.Equal(t, onerway.Sign(fields, onerway.ExcludedFromRequest, config.SecretKey), fields["sign"])
			if name == "capture" { // req-capture of vectors.json
				require.Equal(t, "363229f09e038679185da09631df5fc063747635e88d9996cb1d9c07d36f7760", fields["sign"])
			}
		})
	}
}

func TestAuthPayment_OutcomeIsWhatTheSignedStatusSays(t *testing.T) {
	t.Parallel()
	cases := []struct {
		code, status string
		want         onerway.Status
	}{
		{"20000", "S", onerway.StatusSucceeded},
		{"20000", "F", onerway.StatusFailed},
		{"70002", "F", onerway.StatusFailed},
		{"20000", "P", onerway.StatusProcessing},
		{"70002", "S", onerway.StatusUnknown},
		{"20000", "X", onerway.StatusUnknown},
	}
	for _, test := range cases {
		t.Run(test.code+" "+test.status, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, http.StatusOK, signedAnswer(t, test.code, map[string]string{
				"transactionId": "1", "status": test.status, "orderAmount": "27.00", "paymentStatus": "A",
			}))
			response, err := newClient(t, testConfig(url)).AuthPayment(t.Context(), testCapture())
			require.NoError(t, err)
			require.Equal(t, test.want, response.Outcome())
			require.Equal(t, []string{"27.00", "A"}, []string{response.OrderAmount, response.PaymentStatus})
		})
	}
}

func TestAuthPayment_FailuresHaveTheirClass(t *testing.T) {
	t.Parallel()
	answer := func(code string, data map[string]string) string { return signedAnswer(t, code, data) }
	cases := map[string]struct {
		status int
		body   string
		class  onerway.Class
		reason onerway.Reason
	}{
		"refused":            {200, `{"respCode":"40000","respMsg":"captured already","data":null}`, onerway.Refused, onerway.ReasonCode},
		"unknown original":   {200, `{"respCode":"12007","respMsg":"transaction id incorrect"}`, onerway.Refused, onerway.ReasonCode},
		"a repeated id":      {200, `{"respCode":"40000","respMsg":"Duplicate merchantTxnId","data":null}`, onerway.Unknown, onerway.ReasonCode},
		"no data":            {200, `{"respCode":"20000","respMsg":"Success","data":null}`, onerway.Unknown, onerway.ReasonCode},
		"declined, no data":  {200, `{"respCode":"70002","data":null}`, onerway.Unknown, onerway.ReasonCode},
		"an id for data":     {200, `{"respCode":"20000","data":"1"}`, onerway.Unknown, onerway.ReasonUnreadable},
		"bad gateway":        {502, "<html>", onerway.Unknown, onerway.ReasonHTTPStatus},
		"half an answer":     {200, `{"respCode":"20000"`, onerway.Unknown, onerway.ReasonUnreadable},
		"unsigned":           {200, `{"respCode":"20000","data":{"transactionId":"1","status":"S"}}`, onerway.Unknown, onerway.ReasonBadSignature},
		"another's":          {200, answer("20000", map[string]string{"transactionId": "1", "status": "S", "merchantTxnId": "cap-2"}), onerway.Unknown, onerway.ReasonMismatch},
		"the authorization":  {200, fixture(t, "auth_succeeded.json"), onerway.Unknown, onerway.ReasonMismatch},
		"success without id": {200, answer("20000", map[string]string{"status": "S"}), onerway.Unknown, onerway.ReasonMismatch},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := serve(t, test.status, test.body)
			_, err := newClient(t, testConfig(url)).AuthPayment(t.Context(), testCapture())
			failed := requireClean(t, err)
			require.Equal(t, test.class, failed.Class)
			require.Equal(t, test.reason, failed.Reason)
			require.Equal(t, "authPayment", failed.Op)
			require.Len(t, requests(), 1, "sent again")
		})
	}
}

func TestAuthPayment_RefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*onerway.AuthPaymentRequest){
		"no reference":           func(r *onerway.AuthPaymentRequest) { r.MerchantTxnID = "" },
		"a long reference":       func(r *onerway.AuthPaymentRequest) { r.MerchantTxnID = strings.Repeat("x", 65) },
		"text that is not UTF-8": func(r *onerway.AuthPaymentRequest) { r.MerchantTxnID = "\xff" },
		"no original":            func(r *onerway.AuthPaymentRequest) { r.OriginTransactionID = "" },
		"an odd original":        func(r *onerway.AuthPaymentRequest) { r.OriginTransactionID = "1e18" },
		"no type":                func(r *onerway.AuthPaymentRequest) { r.TxnType = "" },
		"a sale":                 func(r *onerway.AuthPaymentRequest) { r.TxnType = onerway.TxnSale },
		"a void of a part":       func(r *onerway.AuthPaymentRequest) { r.TxnType, r.OrderAmount = onerway.TxnVoid, "1.00" },
		"three decimals":         func(r *onerway.AuthPaymentRequest) { r.OrderAmount = "1.000" },
		"a negative amount":      func(r *onerway.AuthPaymentRequest) { r.OrderAmount = "-1" },
	}
	url, requests := serve(t, http.StatusOK, "")
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := testCapture()
			change(&request)
			_, err := newClient(t, testConfig(url)).AuthPayment(t.Context(), request)
			failed := requireClean(t, err)
			require.Equal(t, onerway.NeverSent, failed.Class)
			require.Equal(t, onerway.ReasonInvalidRequest, failed.Reason)
			require.Empty(t, requests())
		})
	}
}

func TestAuthPayment_CarriesAFaultAndMindsTheCircuit(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusBadGateway, "")
	config := testConfig(url)
	config.Breaker.Failures = 1
	client := newClient(t, config)
	ctx := onerway.WithSandboxFault(t.Context(), "capture_fails")
	_, err := client.AuthPayment(ctx, testCapture())
	require.Equal(t, onerway.Unknown, requireClean(t, err).Class)
	require.Equal(t, []string{"capture_fails"}, requests()[0].Header["X-Sandbox-Fault"])

	_, err = client.AuthPayment(ctx, testCapture())
	failed := requireClean(t, err)
	require.Equal(t, onerway.NeverSent, failed.Class)
	require.Equal(t, onerway.ReasonCircuitOpen, failed.Reason)
	require.Len(t, requests(), 1)
}
