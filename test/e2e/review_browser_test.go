package e2e

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func TestReview_OnThePageAPersonDecidesAboutRefunds(t *testing.T) {
	t.Parallel()
	w := start(t)
	browser := openBrowser(t)
	require.NoError(t, chromedp.Do(browser,
		chromedp.Navigate(w.provider.url+"/sandbox"), chromedp.Click(`a[href="/sandbox/review"]`), chromedp.WaitVisible(`button[value="hold"]`),
		chromedp.Click(`button[value="hold"]`), chromedp.WaitVisible(`button[value="auto"]`)))

	refunded := map[string]string{} // order by what is to become of its refund
	for _, fate := range []string{"approve", "reject"} {
		o := w.service.createOrder(nil)
		w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
		w.service.awaitOrder(o.ID, "paid")
		w.service.send(call{
			method: http.MethodPost, path: "/v1/refunds", key: fate, body: object{"order": o.ID, "reason": "requested_by_customer"},
		}).requireStatus(t, http.StatusCreated)
		refunded[fate] = o.ID
	}
	refundOf := func(fate string) string {
		for _, booked := range w.provider.books(refunded[fate]).Transactions {
			if booked.TxnType == "REFUND" {
				require.Equal(t, "I", booked.Status)
				return booked.TransactionID
			}
		}
		t.Fatalf("no refund of %s", refunded[fate])
		return ""
	}
	eventually(t, patience, "both refunds have been applied for", func() bool {
		return len(w.provider.books(refunded["approve"]).Transactions) == 2 && len(w.provider.books(refunded["reject"]).Transactions) == 2
	})

	require.NoError(t, chromedp.Do(browser, chromedp.Reload(), chromedp.WaitVisible(`form[action$="/approve"]`)))
	require.Contains(t, text(browser, t, "main"), "waiting for review")
	requireFits(browser, t)
	photograph(browser, t, "review-phone-1-queue")
	for _, fate := range []string{"reject", "approve"} {
		form := `form[action="/sandbox/refunds/` + refundOf(fate) + `/` + fate + `"]`
		require.NoError(t, chromedp.Do(browser, chromedp.Click(form+" button"), chromedp.WaitNotPresent(form)))
	}
	require.Contains(t, text(browser, t, "main"), "Rejected by review")
	photograph(browser, t, "review-phone-2-decided")
	require.Equal(t, "refunded", w.service.awaitOrder(refunded["approve"], "refunded").Status)
	w.service.awaiting(func() string { return "the rejection is not told of" }, func() bool {
		o := w.service.order(refunded["reject"])
		return o.Status == "paid" && o.AmountRefundPending == 0
	})
	require.Equal(t, "0.00", w.provider.books(refunded["reject"]).Orders[0].Refunded)

	hosted(w, nil)
	onDesktop(browser, t)
	require.NoError(t, chromedp.Do(browser, chromedp.Reload(), chromedp.WaitVisible("#title")))
	photograph(browser, t, "review-desktop")
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(w.provider.url+"/sandbox"), chromedp.WaitVisible(".tiles")))
	require.Contains(t, text(browser, t, ".tiles"), "1\nwaiting for a shopper")
	photograph(browser, t, "sandbox-desktop")
}
