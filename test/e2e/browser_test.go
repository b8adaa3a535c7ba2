package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	pages "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	browserPatience = 60 * time.Second
	phoneWidth      = 390
	phoneHeight     = 844
)

// screenshotsEnv names a directory that takes pictures of what the shopper sees.
const screenshotsEnv = "TILLWAY_E2E_SCREENSHOTS"

// openBrowser starts a browser that knows no host but this machine.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), browserPatience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx,
		chromedp.EmulateViewport(phoneWidth, phoneHeight, chromedp.EmulateScale(2), chromedp.EmulateMobile)))
	return ctx
}

// longestPicture is how much of a page, in its own pixels, a picture shows. The documentation is longer than the browser draws at
// once at a phone's scale ("Page is too large").
const longestPicture = 8000

func photograph(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	directory := os.Getenv(screenshotsEnv)
	if directory == "" {
		return
	}
	size, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](
		`[document.documentElement.scrollWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]`))
	require.NoError(t, err)
	beyond, part := true, pages.Viewport{Width: size[0], Height: min(size[1], longestPicture), Scale: 1}
	picture, err := chromedp.Run(ctx, func(ctx context.Context, tab *chromedp.Target) (pages.CaptureScreenshotResult, error) {
		return cdp.Call(ctx, tab, pages.CaptureScreenshot, pages.CaptureScreenshotParams{Clip: &part, CaptureBeyondViewport: &beyond})
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(directory, name+".png"), picture.Data, 0o600))
}

// requireFits requires that nothing is wider than the phone.
func requireFits(ctx context.Context, t *testing.T) {
	t.Helper()
	width, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	require.NoError(t, err)
	require.LessOrEqual(t, width, phoneWidth, "the page is wider than the screen")
}

func TestShopper_OnAPhoneDecidesOnTheBanksPageAndComesBackToTheShop(t *testing.T) {
	t.Parallel()
	merchant := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(rw, `<!doctype html><meta name="viewport" content="width=device-width"><title>shop</title>`+
			`<h1 id="outcome">Payment %s</h1>`, r.URL.Query().Get("status"))
	}))
	t.Cleanup(merchant.Close)
	w := start(t, with("RETURN_URL_ALLOWLIST", shop+","+merchant.URL))
	for name, c := range map[string]struct{ button, status, order string }{
		"approve": {"approve", "succeeded", "paid"},
		"fail":    {"fail", "failed", "open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			browser := openBrowser(t)
			home := merchant.URL + "/done?cart=7"
			o, p := challenged(w, challengeCard, object{"return_url": home})

			require.NoError(t, chromedp.Do(browser, chromedp.Navigate(p.NextAction.RedirectToURL.URL)))
			requireFits(browser, t)
			photograph(browser, t, name+"-1-bank")
			require.NoError(t, chromedp.Do(browser,
				chromedp.Click(`button[value="`+c.button+`"]`), chromedp.WaitVisible("#outcome")))
			photograph(browser, t, name+"-2-shop")
			address, err := chromedp.Run(browser, chromedp.Location())
			require.NoError(t, err)
			to, err := url.Parse(address)
			require.NoError(t, err)
			require.Equal(t, merchant.URL+"/done", to.Scheme+"://"+to.Host+to.Path)
			requireSignedQuery(t, to, p, c.status)

			require.Equal(t, c.order, w.service.awaitOrder(o.ID, c.order).Status)
			w.service.awaitPayment(p.ID, c.status)
			if c.order == "paid" {
				w.requirePaidOnce(o.ID)
			}
		})
	}
}

// TestBrowser_ReadsTheDocsOnAPhone: the documentation is a page like any other, and asks no other host.
func TestBrowser_ReadsTheDocsOnAPhone(t *testing.T) {
	t.Parallel()
	w := start(t)
	browser := openBrowser(t)
	for name, address := range map[string]string{
		"docs":    w.service.base + "/docs",
		"sandbox": w.provider.url + "/sandbox",
		"missing": w.service.base + "/v1/payments/pay_01jz3q8t9kf0p8v6m2c4x5y7za/return",
	} {
		require.NoError(t, chromedp.Do(browser, chromedp.Navigate(address)), name)
		requireFits(browser, t)
		photograph(browser, t, name)
	}
}
