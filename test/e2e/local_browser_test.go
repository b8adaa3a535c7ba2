package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func TestLocal_OnAPhoneAPersonPaysAtTheBankAndComesHome(t *testing.T) {
	t.Parallel()
	merchant := aShop(t)
	w := start(t, localMethods, with("RETURN_URL_ALLOWLIST", shop+","+merchant.URL))
	home := object{"return_url": merchant.URL + "/done?cart=7"}
	o, p := locally(w, "iDEAL", home)
	browser := openBrowser(t)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(p.NextAction.RedirectToURL.URL), chromedp.WaitVisible(payButton)))
	requireFits(browser, t)
	require.Contains(t, text(browser, t, "main"), "27.00 EUR")
	require.Equal(t, "Pay with iDEAL", text(browser, t, "#title"))
	photograph(browser, t, "local-phone-1-bank")
	require.NoError(t, chromedp.Do(browser, chromedp.Click(payButton)))
	requireHome(browser, t, merchant, p, "succeeded")
	w.service.awaitPayment(p.ID, "succeeded")
	w.requirePaidOnce(o.ID)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(p.NextAction.RedirectToURL.URL), chromedp.WaitVisible("#title")))
	require.Equal(t, "This payment is paid", text(browser, t, "#title"))
	requireFits(browser, t)
	photograph(browser, t, "local-phone-2-paid")

	o, p = locally(w, "iDEAL", home)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(p.NextAction.RedirectToURL.URL), chromedp.Click(`button[value="decline"]`)))
	requireHome(browser, t, merchant, p, "failed")
	require.Equal(t, "open", w.service.order(o.ID).Status)

	o, p = locally(w, "Konbini", nil)
	require.NoError(t, chromedp.Do(browser,
		chromedp.Navigate(w.provider.url+"/sandbox"), chromedp.Click(`td[data-name="Go on"] a`), chromedp.WaitVisible(payButton)))
	require.Equal(t, "Pay with Konbini", text(browser, t, "#title"))
	photograph(browser, t, "local-phone-3-till")
	require.NoError(t, chromedp.Do(browser, chromedp.Click(payButton), chromedp.WaitNotPresent(payButton)))
	require.Contains(t, text(browser, t, "main"), "The shop hears of it by itself")
	w.service.awaitPayment(p.ID, "succeeded")
	w.requirePaidOnce(o.ID)
}
