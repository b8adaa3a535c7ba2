package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	desktopWidth  = 1280
	desktopHeight = 800
)

// onDesktop makes the browser one on a desk.
func onDesktop(ctx context.Context, t *testing.T) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(desktopWidth, desktopHeight)))
}

// aShop is a merchant's site: its only page says how the payment went.
func aShop(t *testing.T) *httptest.Server {
	t.Helper()
	merchant := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(rw, `<!doctype html><meta name="viewport" content="width=device-width"><title>shop</title>`+
			`<h1 id="outcome">Payment %s</h1>`, r.URL.Query().Get("status"))
	}))
	t.Cleanup(merchant.Close)
	return merchant
}

// text is what a person reads in an element.
func text(ctx context.Context, t *testing.T, selector string) string {
	t.Helper()
	read, err := chromedp.Run(ctx, chromedp.Text(selector))
	require.NoError(t, err)
	return read
}

// requireLabels requires that every field of the page has its own label, and that it can be reached by the keyboard.
func requireLabels(ctx context.Context, t *testing.T) {
	t.Helper()
	nameless, err := chromedp.Run(ctx, chromedp.Evaluate[int](
		`[...document.querySelectorAll("input:not([type=hidden]),select,textarea")].filter(f => !f.labels.length || f.tabIndex < 0).length`))
	require.NoError(t, err)
	require.Zero(t, nameless, "a field has no label")
}

// fill types a card, field by field.
func fill(ctx context.Context, t *testing.T, number string) {
	t.Helper()
	for selector, value := range map[string]string{"#number": number, "#expiry": "12/30", "#cvv": "123", "#name": "Ada Lovelace"} {
		require.NoError(t, chromedp.Do(ctx, chromedp.Clear(selector), chromedp.SendKeys(selector, value)))
	}
}

const payButton = `button[value="pay"]`

// requireHome requires that the shopper stands in the shop again, which is told the status and may believe it.
func requireHome(ctx context.Context, t *testing.T, merchant *httptest.Server, p payment, status string) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible("#outcome")))
	require.Equal(t, "Payment "+status, text(ctx, t, "#outcome"))
	address, err := chromedp.Run(ctx, chromedp.Location())
	require.NoError(t, err)
	to, err := url.Parse(address)
	require.NoError(t, err)
	require.Equal(t, merchant.URL+"/done", to.Scheme+"://"+to.Host+to.Path)
	requireSignedQuery(t, to, p, status)
}

func TestCheckout_OnAPhoneTheBankIsAskedAndTheOrderPaid(t *testing.T) {
	t.Parallel()
	merchant := aShop(t)
	w := start(t, with("RETURN_URL_ALLOWLIST", shop+","+merchant.URL))
	o, p := hosted(w, object{"return_url": merchant.URL + "/done?cart=7"})
	browser := openBrowser(t)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(p.NextAction.RedirectToURL.URL)))
	requireFits(browser, t)
	requireLabels(browser, t)
	require.Contains(t, text(browser, t, "main"), "27.00 EUR")
	photograph(browser, t, "checkout-phone-1-page")

	require.NoError(t, chromedp.Do(browser, chromedp.Click(payButton), chromedp.WaitVisible(".wrong")))
	requireFits(browser, t)
	require.Contains(t, text(browser, t, "#number-wrong"), "no card number")
	photograph(browser, t, "checkout-phone-2-wrong")

	require.NoError(t, chromedp.Do(browser, chromedp.Click(`a[href$="card=challenge"]`), chromedp.WaitVisible(`#number[value="4000020951595032"]`)))
	photograph(browser, t, "checkout-phone-3-filled")
	require.NoError(t, chromedp.Do(browser, chromedp.Click(payButton), chromedp.WaitVisible(`button[value="approve"]`)))
	requireFits(browser, t)
	photograph(browser, t, "checkout-phone-4-bank")
	require.NoError(t, chromedp.Do(browser, chromedp.Click(`button[value="approve"]`)))
	requireHome(browser, t, merchant, p, "succeeded")

	p = w.service.awaitPayment(p.ID, "succeeded")
	require.Equal(t, "authenticated", p.ThreeDS.Result)
	w.requirePaidOnce(o.ID)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(w.provider.books(o.ID).Transactions[0].RedirectURL), chromedp.WaitVisible("#title")))
	require.Contains(t, text(browser, t, "#title"), "this order is paid")
	photograph(browser, t, "checkout-phone-5-paid")
}

func TestCheckout_OnADesktopAnotherCardPaysAfterOneThatWasDeclined(t *testing.T) {
	t.Parallel()
	merchant := aShop(t)
	w := start(t, with("RETURN_URL_ALLOWLIST", shop+","+merchant.URL))
	o, p := hosted(w, object{"return_url": merchant.URL + "/done?cart=7"})
	browser := openBrowser(t)
	onDesktop(browser, t)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(p.NextAction.RedirectToURL.URL), chromedp.WaitVisible("#number")))
	photograph(browser, t, "checkout-desktop-1-page")
	fill(browser, t, declinedCard)
	require.NoError(t, chromedp.Do(browser, chromedp.Click(payButton), chromedp.WaitVisible(".alert")))
	require.Contains(t, text(browser, t, ".alert"), "declined: Insufficient funds")
	photograph(browser, t, "checkout-desktop-2-declined")
	require.Equal(t, "pending", w.service.order(o.ID).Status)

	fill(browser, t, goodCard)
	require.NoError(t, chromedp.Do(browser, chromedp.Click(payButton)))
	requireHome(browser, t, merchant, p, "succeeded")
	w.service.awaitPayment(p.ID, "succeeded")
	require.Equal(t, "paid", w.service.awaitOrder(o.ID, "paid").Status)
	require.Equal(t, "27.00", w.provider.books(o.ID).Orders[0].Charged)
}

func TestCheckout_WhoGoesBackCanComeAgainUntilTheSessionIsOver(t *testing.T) {
	t.Parallel()
	merchant := aShop(t)
	w := start(t, with("RETURN_URL_ALLOWLIST", shop+","+merchant.URL))
	o, p := hosted(w, object{"return_url": merchant.URL + "/done?cart=7"})
	browser := openBrowser(t)
	page := p.NextAction.RedirectToURL.URL
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(page), chromedp.Click(`button[value="leave"]`)))
	requireHome(browser, t, merchant, p, "requires_action")
	require.Equal(t, "pending", w.service.order(o.ID).Status)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(page), chromedp.WaitVisible("#number")))

	w.provider.passHalfAnHour()
	fill(browser, t, goodCard)
	require.NoError(t, chromedp.Do(browser, chromedp.Click(payButton), chromedp.WaitNotPresent("#number")))
	require.Contains(t, text(browser, t, "#title"), "session is over")
	requireFits(browser, t)
	photograph(browser, t, "checkout-phone-6-over")
	w.service.awaitPayment(p.ID, "expired")
	require.Equal(t, "open", w.service.order(o.ID).Status)
	require.Equal(t, "0.00", w.provider.books(o.ID).Orders[0].Charged)
}
