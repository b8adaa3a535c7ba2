package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// aPage is a merchant's site whose page can reach the service from an origin of its own.
func aPage(t *testing.T) *httptest.Server {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(rw, `<!doctype html><title>shop</title><h1>Pay</h1>`)
	}))
	t.Cleanup(site.Close)
	return site
}

// asked is what a page learned of an answer, or why it learned nothing.
type asked struct {
	Status                            int
	Body                              struct{ Status, Order string }
	Error                             string
	Correlation, Replayed, RetryAfter string
}

// fetching is a request as a page's script writes it.
func fetching(address, method, secret, key, number string) string {
	return fmt.Sprintf(`(async () => {
		try {
			const answer = await fetch(%q, {
				method: %q,
				headers: {"Authorization": "Bearer " + %q, "Content-Type": "application/json", "Idempotency-Key": %q, "X-Correlation-Id": "page-1"},
				body: %q === "GET" ? undefined : JSON.stringify({payment_method: {type: "card", card: {
					number: %q, exp_month: 12, exp_year: 2031, cvc: "123", holder_name: "Ada Lovelace"}}}),
			});
			const header = name => answer.headers.get(name) || "";
			return {Status: answer.status, Body: await answer.json(), Error: "", Correlation: header("X-Correlation-Id"),
				Replayed: header("Idempotent-Replayed"), RetryAfter: header("Retry-After")};
		} catch (failure) {
			return {Error: String(failure)};
		}
	})()`, address, method, secret, key, method, number)
}

func TestShopper_PaysFromAPageOfTheShopsOwnOriginAndFromNoOther(t *testing.T) {
	t.Parallel()
	merchant, stranger := aPage(t), aPage(t)
	w := start(t, with("RETURN_URL_ALLOWLIST", shop+","+merchant.URL))
	w.cards.remember(goodCard)
	o := w.service.createOrder(nil)
	order := w.service.base + "/v1/orders/" + o.ID
	browser := openBrowser(t)
	from := func(site *httptest.Server, script string) asked {
		t.Helper()
		require.NoError(t, chromedp.Do(browser, chromedp.Navigate(site.URL+"/checkout")))
		learned, err := chromedp.Run(browser, chromedp.Evaluate[asked](script, chromedp.EvalAwaitPromise))
		require.NoError(t, err)
		return learned
	}
	requireKeptOut := func(learned asked) {
		t.Helper()
		require.Equal(t, asked{Error: "TypeError: Failed to fetch"}, learned)
	}
	requireKeptOut(from(stranger, fetching(order, "GET", o.ClientSecret, "", "")))
	requireKeptOut(from(stranger, fetching(order+"/payments", "POST", o.ClientSecret, "k", goodCard)))
	requireKeptOut(from(merchant, fetching(order+"/cancel", "POST", o.ClientSecret, "k", goodCard)))
	requireKeptOut(from(merchant, fetching(order, "GET", storefront, "", "")))
	require.Equal(t, []string{"order.created"}, w.service.history(o.ID))
	require.Empty(t, w.provider.books(o.ID).Transactions, "no page of a stranger's has paid")

	read := from(merchant, fetching(order, "GET", o.ClientSecret, "", ""))
	require.Equal(t, []any{http.StatusOK, "open", "page-1"}, []any{read.Status, read.Body.Status, read.Correlation}, read.Error)
	pay := fetching(order+"/payments", "POST", o.ClientSecret, "k", goodCard)
	paid := from(merchant, pay)
	require.Equal(t, []any{http.StatusCreated, "succeeded", o.ID, ""}, []any{paid.Status, paid.Body.Status, paid.Body.Order, paid.Replayed}, paid.Error)
	again := from(merchant, pay)
	require.Equal(t, []any{http.StatusCreated, "true"}, []any{again.Status, again.Replayed}, "the page is told that it is no second charge")
	w.requirePaidOnce(o.ID)
}
