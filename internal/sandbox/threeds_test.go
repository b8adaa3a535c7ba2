package sandbox

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// get fetches a page as a browser would.
func (b *testBundle) get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp, string(body)
}

// click presses a button of a 3DS page and returns the address that the browser is sent to.
func (b *testBundle) click(t *testing.T, page envelope, action string) string {
	t.Helper()
	address := strings.TrimPrefix(signedText(page.Data["redirectUrl"]), b.url)
	resp, body, err := b.post(t, address, "application/x-www-form-urlencoded", []byte("action="+action))
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, string(body))
	return resp.Header.Get("Location")
}

func TestChallenge_APersonDecides(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, card, action, status, code, eci string }{
		{"approves", "4000027891380961", "approve", "S", "20000", "05"},
		{"approves a Mastercard", "2221008123677736", "approve", "S", "20000", "02"},
		{"approves the card made to succeed", "4000000000001091", "approve", "S", "20000", "05"},
		{"approves in vain", "4000000000001109", "approve", "F", "40201", ""},
		{"approves too late", "4000000000001117", "approve", "F", "40202", ""},
		{"fails", "4000027891380961", "fail", "F", "40201", ""},
		{"leaves", "4000027891380961", "leave", "R", "", ""},
	}
	b := setup(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			params := b.sale(tc.card, "200", set("risk3dsStrategy", "INNER"))
			page := b.call(t, pathSale, params)
			location := b.click(t, page, tc.action)

			back, err := url.Parse(location)
			require.NoError(t, err)
			require.Equal(t, tc.status, back.Query().Get("status"))
			require.Equal(t, page.id(), back.Query().Get("transactionId"))
			booked := b.sandbox.Books(BookQuery{MerchantTxnID: signedText(params["merchantTxnId"])}).Transactions[0]
			require.Equal(t, []string{tc.status, tc.code}, []string{booked.Status, booked.ReasonCode})
			if tc.status == "R" {
				quietly(t, func() bool { return len(b.sandbox.Deliveries(page.id())) > 0 }, "nothing is final, nothing is notified")
				return
			}
			require.Equal(t, tc.eci, booked.ECI)
			eventually(t, func() bool { return len(b.sandbox.Deliveries(page.id())) == 1 }, "one notification")
			require.Equal(t, tc.status, b.sandbox.Deliveries(page.id())[0].Status)
		})
	}
}

func TestChallenge_ReturnsWithTheDocumentedParameters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	msg := strings.Replace(b.orderMsg("200", "USD"), "/return", "/return?shop=a%20b", 1)
	page := b.charge(t, "4000027891380961", "200", set("merchantTxnId", "o+1&x"), set("txnOrderMsg", msg))
	b.clock.move(13 * time.Second)
	require.Equal(t, b.shop.URL+"/return?shop=a%20b&transactionId="+page.id()+
		"&merchantTxnId=o+1%26x&merchantNo=800209&responseTime=2026-03-01%2009:30:14&txnTime=2026-03-01%2009:30:01"+
		"&txnTimeZone=+08:00&orderAmount=200.00&orderCurrency=USD&txnAmount=200.00&txnCurrency=USD&status=S"+
		"&reason=Payment%20successful&eci=05", b.click(t, page, "approve"))
}

func TestChallenge_SecondAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.charge(t, "4000020951595032", "5")
	require.Contains(t, b.click(t, page, "fail"), "status=F")
	require.Contains(t, b.click(t, page, "approve"), "status=F")
	eventually(t, func() bool { return len(b.sandbox.Deliveries(page.id())) == 1 }, "one notification")
	quietly(t, func() bool { return len(b.sandbox.Deliveries(page.id())) > 1 }, "and no second")

	_, body := b.get(t, signedText(page.Data["redirectUrl"]))
	require.Contains(t, body, "This payment has failed")
	require.NotContains(t, body, "Approve payment")
}

func TestChallenge_OfAnOrderThatWasPaidMeanwhileFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	original := set("merchantTxnOriginalId", "order-1")
	page := b.charge(t, "4000020951595032", "5", original)
	require.Equal(t, "S", b.charge(t, cardPays, "5", original).status())
	require.Contains(t, b.click(t, page, "approve"), "status=F")
	require.Equal(t, "5.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Charged)
}

func TestChallenge_NobodyAnswersIsClosedAfterHalfAnHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.charge(t, "4000020951595032", "5")
	timeout := b.charge(t, "4000000000001117", "5")
	b.clock.move(29 * time.Minute)
	quietly(t, func() bool { return len(b.sandbox.Deliveries("")) > 0 }, "not yet")
	b.clock.move(time.Minute)
	eventually(t, func() bool { return len(b.sandbox.Deliveries("")) == 2 }, "both are notified")
	require.Equal(t, "N", b.sandbox.Deliveries(page.id())[0].Status)
	require.Equal(t, "F", b.sandbox.Deliveries(timeout.id())[0].Status)
	require.Contains(t, b.click(t, page, "approve"), "status=N")
}

func TestChallenge_PageIsSelfContained(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.charge(t, "4000027891380961", "200")
	resp, body := b.get(t, signedText(page.Data["redirectUrl"]))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	policy := resp.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "unsafe")
	for _, shown := range []string{"200.00 USD", "VISA •••• 0961", page.id(), b.shop.URL, "Approve payment", "Fail authentication", "Leave without deciding", `lang="en"`, "width=device-width"} {
		require.Contains(t, body, shown)
	}
	require.NotContains(t, body, "<script")
	require.NotContains(t, body, "4000027891380961")
	style, _ := b.get(t, b.url+"/sandbox/style.css")
	require.Contains(t, style.Header.Get("Content-Type"), "text/css")
}

func TestChallenge_UnknownPagesAndButtons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.charge(t, "4000027891380961", "200")
	paid := b.charge(t, cardPays, "5")
	prefix := b.url + challengePath + challengePrefix + DefaultMerchantNo
	for _, address := range []string{prefix + "1", prefix + paid.id(), b.url + challengePath + "x"} {
		resp, _ := b.get(t, address)
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
	}
	resp, _, err := b.post(t, strings.TrimPrefix(signedText(page.Data["redirectUrl"]), b.url), "application/x-www-form-urlencoded", []byte("action=steal"))
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}
