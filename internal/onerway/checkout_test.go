package onerway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func testCheckout() onerway.CheckoutRequest {
	sale := testSale()
	return onerway.CheckoutRequest{
		MerchantTxnID: sale.MerchantTxnID, MerchantTxnOriginalID: sale.MerchantTxnOriginalID,
		ProductType: onerway.ProductAll, TxnType: onerway.TxnSale, OrderAmount: sale.OrderAmount, OrderCurrency: sale.OrderCurrency,
		Billing: sale.Billing, Shipping: sale.Shipping, Order: sale.Order,
	}
}

func TestCheckout_SendsExactlyTheSignedBytes(t *testing.T) {
	t.Parallel()
	variants := map[string]func(*onerway.CheckoutRequest){
		"checkout_request.json": func(*onerway.CheckoutRequest) {},
		"checkout_auth_request.json": func(r *onerway.CheckoutRequest) {
			r.ProductType, r.TxnType, r.MerchantCustID = onerway.ProductCard, onerway.TxnAuth, "cus_1"
		},
	}
	for golden, change := range variants {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			url, requests := serve(t, http.StatusOK, fixture(t, "checkout_opened.json"))
			request := testCheckout()
			request.MerchantTxnID = "1720680372000"
			change(&request)
			_, err := newClient(t, testConfig(url)).Checkout(t.Context(), request)
			require.NoError(t, err)
			require.Len(t, requests(), 1)
			sent := requests()[0]
			require.Equal(t, []string{"POST", "/txn/payment"}, []string{sent.Method, sent.Path})
			require.Equal(t, []string{"application/json"}, sent.Header["Content-Type"])
			require.NotContains(t, sent.Header, "Idempotency-Key")
			requireGolden(t, golden, sent.Body)

			fields, err := onerway.ParseFields([]byte(sent.Body))
			require.NoError(t, err)
			require.Equal(t, onerway.Sign(fields, onerway.ExcludedFromRequest, testConfig("").SecretKey), fields["sign"])
			for _, absent := range []string{"cardInfo", "tokenInfo", "risk3dsStrategy", "paymentMode", "osType"} {
				require.NotContains(t, fields, absent, "§8.2 does not list it")
			}
		})
	}
}

func TestCheckout_ReadsRecordedAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ reference, page string }{
		"checkout_opened.json": {
			"1720680372000", "https://sandbox-checkout.onerway.com/aggregate?key=5c450e93737c4db0ad3c3c9e71f963da",
		},
		"checkout_opened_2025.json": {
			"268b51e4-cbef-4a39-856b-dcc18f3f6805",
			"https://sandbox-checkout.onerway.com/checkout?key=c716f87fbf4c473f93948c618c507126&checkoutDetail=",
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, http.StatusOK, fixture(t, name))
			request := testCheckout()
			request.MerchantTxnID = test.reference
			response, err := newClient(t, testConfig(url)).Checkout(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, onerway.StatusAwaitingPayment, response.Outcome())
			require.Equal(t, onerway.RuleStandard, response.Rule)
			require.Regexp(t, `^[0-9]{19}$`, response.TransactionID)
			require.True(t, strings.HasPrefix(response.RedirectURL, test.page))
		})
	}
}

func TestCheckout_AnswerAboutAnotherReferenceProvesNothing(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, http.StatusOK, fixture(t, "checkout_opened.json"))
	_, err := newClient(t, testConfig(url)).Checkout(t.Context(), testCheckout())
	require.Equal(t, onerway.Unknown, onerway.ClassOf(err))
}

func TestCheckout_RefusesWhatTheContractForbidsBeforeSending(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, fixture(t, "checkout_opened.json"))
	client := newClient(t, testConfig(url))
	for name, change := range map[string]func(*onerway.CheckoutRequest){
		"no reference":     func(r *onerway.CheckoutRequest) { r.MerchantTxnID = "" },
		"other product":    func(r *onerway.CheckoutRequest) { r.ProductType = "LPMS" },
		"a capture":        func(r *onerway.CheckoutRequest) { r.TxnType = onerway.TxnCapture },
		"no currency":      func(r *onerway.CheckoutRequest) { r.OrderCurrency = "eur" },
		"no address":       func(r *onerway.CheckoutRequest) { r.Billing = nil },
		"no lines":         func(r *onerway.CheckoutRequest) { r.Order.Products = nil },
		"a long return":    func(r *onerway.CheckoutRequest) { r.Order.ReturnURL = "https://" + strings.Repeat("a", 256) },
		"no notifications": func(r *onerway.CheckoutRequest) { r.Order.NotifyURL = "" },
	} {
		request := testCheckout()
		change(&request)
		_, err := client.Checkout(t.Context(), request)
		require.Equal(t, onerway.NeverSent, onerway.ClassOf(err), name)
	}
	require.Empty(t, requests())
}
