package e2e

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// giveCard types a card on the page for a new one, field by field, and sends it.
func giveCard(ctx context.Context, t *testing.T, w *world, number string) {
	t.Helper()
	w.cards.remember(number)
	for selector, value := range map[string]string{"#number": number, "#expiry": "1231", "#cvc": "123", "#name": "Ada Lovelace"} {
		require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(selector), chromedp.Clear(selector), chromedp.SendKeys(selector, value)))
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.Click("#send")))
}

// TestNewCard_IsGivenByACustomer: the link is opened, a card is declined, another one is confirmed at the bank, and the subscription
// is charged to that.
func TestNewCard_IsGivenByACustomer(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, narrow := range map[string]bool{"phone": true, "desktop": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			sub := w.service.subscribed(nil)
			link := w.service.cardLink(sub.ID)
			browser := openBrowser(t)
			if !narrow {
				onDesktop(browser, t)
			}
			fits := func(picture string) {
				if narrow {
					requireFits(browser, t)
				}
				photograph(browser, t, "card-"+name+"-"+picture)
			}
			require.NoError(t, chromedp.Do(browser, chromedp.Navigate(link.URL), chromedp.WaitVisible("#number")))
			requireLabels(browser, t)
			require.Contains(t, text(browser, t, "main"), "€15.00 every month")
			require.Contains(t, text(browser, t, "main"), "Visa ending in "+last4(frictionlessCard))
			require.Contains(t, text(browser, t, "main"), "We verify your card with €")
			fits("1-form")
			zone, err := chromedp.Run(browser, chromedp.Evaluate[string](`document.querySelector("form").elements["time_zone_offset"].value`))
			require.NoError(t, err)
			require.NotEmpty(t, zone, "the page's own script runs")

			giveCard(browser, t, w, declinedCard)
			// The answer has the address of the form: what is waited for is looked for in whatever page is there.
			require.Eventually(t, func() bool {
				shown, err := chromedp.Run(browser, chromedp.Evaluate[bool](`!!document.querySelector(".alert")`))
				return err == nil && shown
			}, patience, 50*time.Millisecond)
			require.Contains(t, text(browser, t, ".alert"), "Nothing was charged.")
			fits("2-declined")

			giveCard(browser, t, w, challengeCard)
			require.NoError(t, chromedp.Do(browser, chromedp.WaitVisible(`button[value="approve"]`)))
			fits("3-bank")
			require.NoError(t, chromedp.Do(browser, chromedp.Click(`button[value="approve"]`), chromedp.WaitVisible("#text")))
			require.Equal(t, "Thank you", text(browser, t, "#title"))
			require.Contains(t, text(browser, t, "#text"), "ending in "+last4(challengeCard))
			address, err := chromedp.Run(browser, chromedp.Location())
			require.NoError(t, err)
			to, err := url.Parse(address)
			require.NoError(t, err)
			require.Equal(t, "/subscriptions/card", to.Path)
			fits("4-done")

			changed := w.service.awaitSubscription(sub.ID, "the new card is charged", func(s subscription) bool {
				return s.PaymentMethod.Card.Last4 == last4(challengeCard)
			})
			require.Equal(t, "active", changed.Status)
			require.NoError(t, chromedp.Do(browser, chromedp.Navigate(link.URL), chromedp.WaitVisible("#title")))
			require.Equal(t, "Thank you", text(browser, t, "#title"), "the link is used up")
		})
	}
}

// TestNewCard_AfterABanksRefusalAnotherIsTried: who fails at the bank comes back to the page, and finds the way to another card.
func TestNewCard_AfterABanksRefusalAnotherIsTried(t *testing.T) {
	t.Parallel()
	w := start(t)
	sub := w.service.subscribed(nil)
	browser := openBrowser(t)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(w.service.cardLink(sub.ID).URL), chromedp.WaitVisible("#number")))
	giveCard(browser, t, w, challengeCard)
	require.NoError(t, chromedp.Do(browser, chromedp.Click(`button[value="fail"]`), chromedp.WaitVisible("#onward")))
	require.Equal(t, "Your card was not accepted", text(browser, t, "#title"))
	requireFits(browser, t)
	photograph(browser, t, "card-phone-5-refused")
	require.NoError(t, chromedp.Do(browser, chromedp.Click("#onward"), chromedp.WaitVisible("#number")))
	giveCard(browser, t, w, goodCard)
	require.NoError(t, chromedp.Do(browser, chromedp.Click(`button[value="approve"]`), chromedp.WaitVisible("#text")))
	require.Equal(t, "Thank you", text(browser, t, "#title"))
	w.service.awaitSubscription(sub.ID, "the new card is charged", func(s subscription) bool {
		return s.PaymentMethod.Card.Last4 == last4(goodCard)
	})
}

// TestNewCard_WithoutScript: the page does all that it does without its script too, and marks what is wrong.
func TestNewCard_WithoutScript(t *testing.T) {
	t.Parallel()
	w := start(t)
	sub := w.service.subscribed(nil)
	browser := openBrowser(t)
	link := w.service.cardLink(sub.ID)
	withoutScript := chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
	require.NoError(t, chromedp.Do(browser, withoutScript, chromedp.Navigate(link.URL), chromedp.WaitVisible("#number")))
	giveCard(browser, t, w, goodCard)
	require.NoError(t, chromedp.Do(browser, chromedp.Click(`button[value="approve"]`), chromedp.WaitVisible("#text")))
	require.Equal(t, "Thank you", text(browser, t, "#title"))
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(strings.Replace(link.URL, link.token(), "A"+link.token()[1:]+"A", 1)), chromedp.WaitVisible("#title")))
	require.Equal(t, "This link does not work", text(browser, t, "#title"))
	requireFits(browser, t)
	photograph(browser, t, "card-phone-6-gone")
}

func last4(number string) string { return number[len(number)-4:] }
