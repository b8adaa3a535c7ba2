package e2e

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// challenged is an order whose payment waits for the shopper.
func challenged(w *world, card string, changes object) (order, payment) {
	w.t.Helper()
	o := w.service.createOrder(nil)
	p := into[payment](w.t, w.service.pay(o.ID, card, changes).requireStatus(w.t, http.StatusCreated))
	require.Equal(w.t, "requires_action", p.Status)
	require.NotNil(w.t, p.NextAction)
	require.True(w.t, strings.HasPrefix(p.NextAction.RedirectToURL.URL, w.provider.url+"/3dsSecure/direct/"))
	require.Equal(w.t, p.NextAction.RedirectToURL.URL, p.Links["payment:redirect"].Href)
	require.Equal(w.t, "pending", w.service.order(o.ID).Status)
	return o, p
}

// decide presses a button of the bank's page and follows the redirects until they leave us: that address is the answer.
func decide(t *testing.T, w *world, p payment, action string) *url.URL {
	t.Helper()
	shown, err := plainClient.Get(p.NextAction.RedirectToURL.URL)
	require.NoError(t, err)
	page, err := io.ReadAll(shown.Body)
	require.NoError(t, err)
	require.NoError(t, shown.Body.Close())
	require.Contains(t, string(page), "27.00 EUR")

	back := w.provider.press(p, action)
	require.True(t, strings.HasPrefix(back, "http://127.0.0.1:"+w.port+"/v1/payments/"+p.ID+"/return?"), back)
	return comeBack(t, back)
}

// press presses a button of the bank's page and returns where it sends the browser.
func (p *provider) press(of payment, action string) string {
	p.t.Helper()
	pressed, err := plainClient.PostForm(of.NextAction.RedirectToURL.URL, url.Values{"action": {action}})
	require.NoError(p.t, err)
	require.NoError(p.t, pressed.Body.Close())
	require.Equal(p.t, http.StatusSeeOther, pressed.StatusCode)
	return pressed.Header.Get("Location")
}

// comeBack opens our return page and returns where it sends the shopper.
func comeBack(t *testing.T, address string) *url.URL {
	t.Helper()
	returned, err := plainClient.Get(address)
	require.NoError(t, err)
	require.NoError(t, returned.Body.Close())
	require.Equal(t, http.StatusSeeOther, returned.StatusCode)
	to, err := url.Parse(returned.Header.Get("Location"))
	require.NoError(t, err)
	return to
}

// requireSigned requires that the shop is told this status, and may believe it.
func requireSigned(t *testing.T, to *url.URL, p payment, status string) {
	t.Helper()
	require.Equal(t, shop+"/done", to.Scheme+"://"+to.Host+to.Path)
	requireSignedQuery(t, to, p, status)
}

func requireSignedQuery(t *testing.T, to *url.URL, p payment, status string) {
	t.Helper()
	query := to.Query()
	require.Equal(t, "7", query.Get("cart"), "the shop's own query stays")
	require.Equal(t, p.Order, query.Get("order"))
	require.Equal(t, p.ID, query.Get("payment"))
	require.Equal(t, status, query.Get("status"))
	mac := hmac.New(sha256.New, []byte(returnSecret))
	mac.Write([]byte(p.Order + "." + p.ID + "." + status))
	require.Equal(t, hex.EncodeToString(mac.Sum(nil)), query.Get("signature"))
}

func TestThreeDS_ApprovedPaysTheOrderAndBringsTheShopperHome(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := challenged(w, challengeCard, nil)
	requireSigned(t, decide(t, w, p, "approve"), p, "succeeded")

	p = w.service.awaitPayment(p.ID, "succeeded")
	require.Equal(t, "authenticated", p.ThreeDS.Result)
	require.Equal(t, "05", p.ThreeDS.ECI)
	require.Nil(t, p.NextAction)
	require.NotContains(t, p.Links, "payment:redirect")
	w.requirePaidOnce(o.ID)
	require.Equal(t,
		[]string{"order.created", "payment.processing", "payment.requires_action", "payment.succeeded", "order.paid"},
		w.service.history(o.ID))
}

func TestThreeDS_FailedReopensTheOrderForAnotherCard(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, c := range map[string]struct{ card, action, result, code string }{
		"the shopper fails it":     {challengeCard, "fail", "failed", "authentication_failed"},
		"the card fails it":        {failingCard, "approve", "failed", "authentication_failed"},
		"the card lets it expire":  {"4000000000001117", "approve", "timeout", "authentication_timeout"},
		"documented elsewhere too": {"4000020951595032", "fail", "failed", "authentication_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			o, p := challenged(w, c.card, nil)
			requireSigned(t, decide(t, w, p, c.action), p, "failed")
			p = w.service.awaitPayment(p.ID, "failed")
			require.Equal(t, c.code, p.Failure.Code)
			require.Equal(t, c.result, p.ThreeDS.Result)
			require.Equal(t, "open", w.service.order(o.ID).Status)
			w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
			w.service.awaitOrder(o.ID, "paid")
			require.Equal(t, 1, w.provider.books(o.ID).Orders[0].Successes)
		})
	}
}

func TestThreeDS_LeftUndecidedCanBeContinued(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := challenged(w, challengeCard, nil)
	requireSigned(t, decide(t, w, p, "leave"), p, "requires_action")

	again := w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusConflict)
	got := into[refusal](t, again).Error
	require.Equal(t, "payment_in_progress", got.Code)
	require.Contains(t, string(got.Payment), p.NextAction.RedirectToURL.URL, "the way on is in the refusal")
	canceled := w.service.send(call{method: http.MethodPost, path: "/v1/orders/" + o.ID + "/cancel"})
	require.Equal(t, "order_not_cancelable", into[refusal](t, canceled.requireStatus(t, http.StatusConflict)).Error.Code)

	requireSigned(t, decide(t, w, p, "approve"), p, "succeeded")
	w.requirePaidOnce(o.ID)
}

func TestThreeDS_StrategyDecidesWhetherTheShopperIsAsked(t *testing.T) {
	t.Parallel()
	w := start(t)
	mpi := object{"eci": "05", "cavv": "AAABBEg0VhI0VniQEjRWAAAAAAA=", "ds_trans_id": "c4e59ceb-a382-4d6a-bc87-385d591fa09d"}
	for name, c := range map[string]struct {
		card     string
		amount   int
		threeDS  object
		status   string
		verified string // three_ds.eci
	}{
		"auto, a small amount":       {from50Card, 4999, nil, "succeeded", ""},
		"auto, a large amount":       {from50Card, 5000, nil, "requires_action", ""},
		"auto, without a challenge":  {frictionlessCard, 5000, nil, "succeeded", "05"},
		"force, a card that is easy": {goodCard, 2700, object{"strategy": "force"}, "requires_action", ""},
		"skip, a large amount":       {from50Card, 9900, object{"strategy": "skip"}, "succeeded", ""},
		"done by the shop itself":    {challengeCard, 9900, object{"mpi": mpi}, "succeeded", "05"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			// The provider's threshold is 50.00 USD.
			o := w.service.createOrder(object{"amount": c.amount, "currency": "usd"})
			changes := object{}
			if c.threeDS != nil {
				changes["three_ds"] = c.threeDS
			}
			p := into[payment](t, w.service.pay(o.ID, c.card, changes).requireStatus(t, http.StatusCreated))
			require.Equal(t, c.status, p.Status)
			if c.verified != "" {
				require.NotNil(t, p.ThreeDS)
				require.Equal(t, c.verified, p.ThreeDS.ECI)
			}
		})
	}
}

func TestReturnPage_BelievesNothingThatTheBrowserBrings(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := challenged(w, challengeCard, nil)
	page := "http://127.0.0.1:" + w.port + "/v1/payments/" + p.ID + "/return"
	to := comeBack(t, page+"?status=S&merchantTxnId="+p.MerchantTxnID+"&returnUrl=https://evil.example&return_url=https://evil.example")
	requireSigned(t, to, p, "requires_action")
	require.Equal(t, "pending", w.service.order(o.ID).Status)

	posted, err := plainClient.PostForm(page, url.Values{"status": {"S"}, "transactionId": {p.ProviderTransactionID}})
	require.NoError(t, err)
	require.NoError(t, posted.Body.Close())
	require.Equal(t, http.StatusSeeOther, posted.StatusCode)
	require.Equal(t, "pending", w.service.order(o.ID).Status)

	for _, id := range []string{"pay_00000000000000000000000000", "pay_" + strings.ToLower(rand.Text()), "nonsense", o.ID} {
		missing, err := plainClient.Get("http://127.0.0.1:" + w.port + "/v1/payments/" + id + "/return")
		require.NoError(t, err)
		require.NoError(t, missing.Body.Close())
		require.Equal(t, http.StatusNotFound, missing.StatusCode, id)
		require.Empty(t, missing.Header.Get("Location"))
	}
}
