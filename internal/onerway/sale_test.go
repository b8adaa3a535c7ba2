package onerway_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

var update = flag.Bool("update", false, "rewrite golden files")

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got+"\n"), 0o600))
	}
	require.Equal(t, strings.TrimSuffix(fixture(t, name), "\n"), got)
}

func TestDoTransaction_SendsExactlyTheSignedBytes(t *testing.T) {
	t.Parallel()
	variants := map[string]func(*onerway.SaleRequest){
		"sale_request.json": func(*onerway.SaleRequest) {},
		"auth_external_request.json": func(r *onerway.SaleRequest) {
			r.TxnType, r.Risk3DSStrategy = onerway.TxnAuth, onerway.Risk3DSExternal
			r.MPI = &onerway.MPIInfo{ECI: "05", CAVV: onerway.Conceal("AAABBB=="), DSTransID: "ds-1"}
		},
		"token_request.json": func(r *onerway.SaleRequest) {
			r.SubProductType, r.Card = onerway.SubProductToken, nil
			r.Token = &onerway.TokenInfo{TokenID: onerway.Conceal("tok-1")}
			r.MerchantCustID = "cus_1"
		},
	}
	for golden, change := range variants {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			url, requests := serve(t, http.StatusOK, fixture(t, "sale_succeeded.json"))
			request := testSale()
			change(&request)
			_, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), request)
			require.NoError(t, err)
			require.Len(t, requests(), 1)
			sent := requests()[0]
			require.Equal(t, "POST", sent.Method)
			require.Equal(t, "/v1/txn/doTransaction", sent.Path)
			require.Equal(t, []string{"application/json"}, sent.Header["Content-Type"])
			require.NotContains(t, sent.Header, "Idempotency-Key")
			require.NotContains(t, sent.Header, "Accept-Encoding")
			requireGolden(t, golden, sent.Body)

			fields, err := onerway.ParseFields([]byte(sent.Body))
			require.NoError(t, err)
			require.Equal(t,
				onerway.Sign(fields, onerway.ExcludedFromRequest, testConfig("").SecretKey), fields["sign"])
		})
	}
}

func TestDoTransaction_ReadsRecordedAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		outcome onerway.Status
		check   func(t *testing.T, response onerway.SaleResponse)
	}{
		"sale_succeeded.json": {onerway.StatusSucceeded, func(t *testing.T, response onerway.SaleResponse) {
			t.Helper()
			require.Equal(t, "5.00", response.OrderAmount)
			require.Equal(t, "USD", response.OrderCurrency)
		}},
		"auth_succeeded.json": {onerway.StatusSucceeded, func(t *testing.T, response onerway.SaleResponse) {
			t.Helper()
			require.Equal(t, "00", response.ECI)
		}},
		"sale_requires_action.json": {onerway.StatusRequiresAction, func(t *testing.T, response onerway.SaleResponse) {
			t.Helper()
			require.Equal(t, "RedirectURL", response.ActionType)
			require.True(t, strings.HasPrefix(response.RedirectURL, "https://sandbox-gw-dmz.onerway.com/3dsSecure/"))
		}},
		"sale_failed.json": {onerway.StatusFailed, func(t *testing.T, response onerway.SaleResponse) {
			t.Helper()
			require.Equal(t, "generic_decline", response.Decline().DeclineCode)
			require.Equal(t, "Unknown decline", response.RespMsg)
		}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, http.StatusOK, fixture(t, name))
			response, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testSale())
			require.NoError(t, err)
			require.Equal(t, test.outcome, response.Outcome())
			require.Equal(t, onerway.RuleStandard, response.Rule)
			require.Regexp(t, `^[0-9]{19}$`, response.TransactionID)
			require.Regexp(t, `^[0-9a-f]{64}$`, response.BodyDigest)
			test.check(t, response)
		})
	}
}

// signedAnswer is an answer whose data is signed with the test key.
func signedAnswer(t *testing.T, code string, data map[string]string) string {
	t.Helper()
	data["sign"] = onerway.Sign(onerway.Fields(data), onerway.ExcludedFromResponse, testConfig("").SecretKey)
	body, err := json.Marshal(map[string]any{"respCode": code, "respMsg": "text", "data": data})
	require.NoError(t, err)
	return string(body)
}

func TestSaleResponse_OutcomeNeedsCodeAndStatusToAgree(t *testing.T) {
	t.Parallel()
	const page = "https://3ds.example.com/"
	cases := []struct {
		code, status, redirect string
		want                   onerway.Status
	}{
		{"20000", "S", "", onerway.StatusSucceeded},
		{"20000", "F", "", onerway.StatusFailed},
		{"20051", "F", "", onerway.StatusFailed},
		{"99999", "F", "", onerway.StatusFailed},
		{"99999", "S", "", onerway.StatusUnknown},
		{"11001", "P", "", onerway.StatusUnknown},
		{"20000", "P", "", onerway.StatusProcessing},
		{"20000", "R", page, onerway.StatusRequiresAction},
		{"20000", "R", "", onerway.StatusUnknown},
		{"20000", "N", "", onerway.StatusClosed},
		{"20000", "U", "", onerway.StatusAwaitingPayment},
		{"20000", "s", "", onerway.StatusUnknown},
		{"20000", "", "", onerway.StatusUnknown},
	}
	for _, test := range cases {
		t.Run(test.code+" "+test.status+" "+test.redirect, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, http.StatusOK, signedAnswer(t, test.code, map[string]string{
				"transactionId": "1", "status": test.status, "redirectUrl": test.redirect,
			}))
			response, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testSale())
			require.NoError(t, err)
			require.Equal(t, test.want, response.Outcome())
		})
	}
}

func TestDoTransaction_DoubtsAnAnswerToSomethingElse(t *testing.T) {
	t.Parallel()
	cases := map[string]map[string]string{
		"another payment":   {"transactionId": "1", "status": "S", "merchantTxnId": "pay-2"},
		"another merchant":  {"transactionId": "1", "status": "S", "merchantNo": "800210"},
		"no transaction id": {"status": "S"},
		"an odd id":         {"transactionId": "1e18", "status": "S"},
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, http.StatusOK, signedAnswer(t, "20000", data))
			_, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testSale())
			failed := requireClean(t, err)
			require.Equal(t, onerway.Unknown, failed.Class)
			require.Equal(t, onerway.ReasonMismatch, failed.Reason)
		})
	}
}

func TestDoTransaction_KeepsAnEchoedCardOutOfTheEvidence(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, http.StatusOK, signedAnswer(t, "20000", map[string]string{
		"transactionId": "1", "status": "F", "echo": "card " + testPAN,
	}))
	response, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testSale())
	require.NoError(t, err)
	require.Equal(t, "[withheld]", response.Fields["echo"])
	require.NotContains(t, response.Fields.Redacted(), testPAN)
}

func TestDoTransaction_RefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*onerway.SaleRequest){
		"no reference":           func(r *onerway.SaleRequest) { r.MerchantTxnID = "" },
		"a long reference":       func(r *onerway.SaleRequest) { r.MerchantTxnID = strings.Repeat("x", 65) },
		"three decimals":         func(r *onerway.SaleRequest) { r.OrderAmount = "1.000" },
		"a negative amount":      func(r *onerway.SaleRequest) { r.OrderAmount = "-1" },
		"a lower-case currency":  func(r *onerway.SaleRequest) { r.OrderCurrency = "eur" },
		"nothing to pay with":    func(r *onerway.SaleRequest) { r.Card = nil },
		"card and token":         func(r *onerway.SaleRequest) { r.Token = &onerway.TokenInfo{TokenID: onerway.Conceal("t")} },
		"a card as token":        func(r *onerway.SaleRequest) { r.SubProductType = onerway.SubProductToken },
		"a capture":              func(r *onerway.SaleRequest) { r.TxnType = "CAPTURE" },
		"external 3DS, no proof": func(r *onerway.SaleRequest) { r.Risk3DSStrategy = onerway.Risk3DSExternal },
		"3DS proof, not asked":   func(r *onerway.SaleRequest) { r.MPI = &onerway.MPIInfo{} },
		"no products":            func(r *onerway.SaleRequest) { r.Order.Products = nil },
		"long products":          func(r *onerway.SaleRequest) { r.Order.Products[0].Name = strings.Repeat("x", 1000) },
		"no billing":             func(r *onerway.SaleRequest) { r.Billing = nil },
		"no email":               func(r *onerway.SaleRequest) { r.Shipping = &onerway.Address{Country: "US"} },
		"no notify address":      func(r *onerway.SaleRequest) { r.Order.NotifyURL = "" },
		"text that is not UTF-8": func(r *onerway.SaleRequest) { r.MerchantTxnOriginalID = "\xff" },
	}
	url, requests := serve(t, http.StatusOK, "")
	t.Run("cases", func(t *testing.T) {
		t.Parallel()
		for name, change := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				request := testSale()
				change(&request)
				_, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), request)
				failed := requireClean(t, err)
				require.Equal(t, onerway.NeverSent, failed.Class)
				require.Equal(t, onerway.ReasonInvalidRequest, failed.Reason)
				require.Empty(t, requests())
			})
		}
	})
}

func TestSecrets_ShowInNoFormOfPrinting(t *testing.T) {
	t.Parallel()
	request := testSale()
	request.Card.CVV = onerway.Conceal("cvv-secret-1")
	request.Token = &onerway.TokenInfo{TokenID: onerway.Conceal("tok-secret-1")}
	request.MPI = &onerway.MPIInfo{CAVV: onerway.Conceal("cavv-secret-1")}
	request.LPMS = &onerway.LPMSInfo{IBAN: onerway.Conceal(testIBAN), PrepaidNumber: onerway.Conceal(testPrepaid)}
	config := testConfig("https://acq.example.com")
	client := newClient(t, config)
	fields := onerway.Fields{"cardInfo": testPAN, "tokenId": "tok-secret-1"}

	var out bytes.Buffer
	values := []any{
		request, &request, request.Card, *request.Card, request.Card.CVV, request.Token, request.MPI,
		request.LPMS, *request.LPMS, config, client, *client, client.Secrets(), fields,
		map[string]any{"nested": []any{*request.Card, fields}},
	}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
			_, _ = fmt.Fprintf(&out, verb+"\n", value)
		}
		if config, isConfig := value.(onerway.Config); isConfig {
			value = config.SecretKey // the whole has functions, which JSON does not take
		}
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		out.Write(encoded)
		slog.New(slog.NewJSONHandler(&out, nil)).InfoContext(t.Context(), "value", slog.Any("value", value))
		slog.New(slog.NewTextHandler(&out, nil)).InfoContext(t.Context(), "value", slog.Any("value", value))
	}
	text := strings.ToLower(out.String())
	for _, secret := range []string{
		testPAN, "cvv-secret-1", testHolder, "tok-secret-1", "cavv-secret-1", testIBAN, testPrepaid,
		config.SecretKey.Reveal(), config.PreviousSecretKey.Reveal(),
	} {
		// Not NotContains: it would print a text of several pages.
		require.Zero(t, strings.Count(text, strings.ToLower(secret)), secret)
		require.Zero(t, strings.Count(text, fmt.Sprintf("%x", secret)), secret)
	}
}
