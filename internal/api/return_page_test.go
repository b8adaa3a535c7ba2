package api_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

func sign(text string) string {
	mac := hmac.New(sha256.New, []byte(returnSecret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func (b *testBundle) challenge(t *testing.T, changes ...object) (order, payment, merchantTxnID string) {
	t.Helper()
	order, _ = b.createOrder(t, changes...)
	p := b.pay(t, order, challengeCard)
	require.Equal(t, http.StatusCreated, p.status, p.body)
	return order, p.str("id"), p.str("merchant_txn_id")
}

func TestReturnPage_SendsTheShopperBackSigned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order, payment, txn := b.challenge(t, object{"return_url": "https://shop.example.com/done?cart=7&status=forged&lang=d%20e#top"})
	b.provider.settle(txn, orders.OutcomeSucceeded, owed(t))

	got := b.do(t, request{method: "GET", path: "/v1/payments/" + payment + "/return?status=failed&order=x", as: "none", wrong: true})
	require.Equal(t, http.StatusSeeOther, got.status, got.body)
	require.Equal(t, "https://shop.example.com/done?cart=7&lang=d%20e&order="+order+"&payment="+payment+
		"&status=succeeded&signature="+sign(order+"."+payment+".succeeded")+"#top", got.header.Get("Location"))
	require.Equal(t, "paid", b.do(t, request{method: "GET", path: "/v1/orders/" + order}).str("status"))
}

func TestReturnPage_EscapesWhatNoLocationMayHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order, payment, _ := b.challenge(t, object{"return_url": "https://shop.example.com/für uns?q=a b&straße=ü"})
	got := b.do(t, request{method: "GET", path: "/v1/payments/" + payment + "/return", as: "none"})
	require.Equal(t, "https://shop.example.com/f%C3%BCr%20uns?q=a%20b&stra%C3%9Fe=%C3%BC&order="+order+"&payment="+payment+
		"&status=requires_action&signature="+sign(order+"."+payment+".requires_action"), got.header.Get("Location"))
}

func TestReturnPage_BelievesNothingOfTheForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order, payment, _ := b.challenge(t)
	got := b.do(t, request{
		method: "POST", path: "/v1/payments/" + payment + "/return", as: "none", body: "status=S&transactionId=1",
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
	})
	require.Equal(t, http.StatusSeeOther, got.status)
	to, err := url.Parse(got.header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "requires_action", to.Query().Get("status"), "the provider was asked and did not answer")
	require.Equal(t, sign(order+"."+payment+".requires_action"), to.Query().Get("signature"))
	require.Equal(t, "pending", b.do(t, request{method: "GET", path: "/v1/orders/" + order}).str("status"))
}

func TestReturnPage_NeverRedirectsOffTheList(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *api.Deps) { d.ReturnURLAllowed = func(string) bool { return false } })
	_, payment, _ := b.challenge(t)
	got := b.do(t, request{method: "GET", path: "/v1/payments/" + payment + "/return", as: "none"})
	require.Equal(t, http.StatusOK, got.status)
	require.Empty(t, got.header.Get("Location"))
	require.Contains(t, got.body, "Your payment is being processed.")
}

func TestReturnPage_WithoutAReturnURLSaysHowItStands(t *testing.T) {
	t.Parallel()
	for outcome, text := range map[orders.Outcome]string{
		orders.OutcomeSucceeded: "Your payment is complete.",
		orders.OutcomeDeclined:  "Your payment was not completed.",
	} {
		b := setup(t)
		_, payment, txn := b.challenge(t, object{"return_url": nil})
		b.provider.settle(txn, outcome, owed(t))
		got := b.do(t, request{method: "GET", path: "/v1/payments/" + payment + "/return", as: "none"})
		require.Equal(t, http.StatusOK, got.status)
		require.Contains(t, got.body, text)
		requirePage(t, got)
	}
}

func requirePage(t *testing.T, got response) {
	t.Helper()
	require.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
	require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.NotContains(t, got.body, "<script")
}

func TestReturnPage_KnowsNoSuchPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{ids.New[ids.PaymentEntity]().String(), "pay_1", "<script>"} {
		got := b.do(t, request{method: "GET", path: "/v1/payments/" + id + "/return", as: "none", wrong: true})
		require.Equal(t, http.StatusNotFound, got.status)
		require.Empty(t, got.header.Get("Location"))
		require.Contains(t, got.body, "There is no such payment.")
		requirePage(t, got)
	}
}

func TestReturnPage_WithoutADatabaseAsksToReload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, payment, _ := b.challenge(t)
	b.cutDatabase()
	got := b.do(t, request{method: "GET", path: "/v1/payments/" + payment + "/return", as: "none"})
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Contains(t, got.body, "Please reload this page in a moment.")
	require.NotEmpty(t, got.header.Get("Retry-After"))
	requirePage(t, got)
}
