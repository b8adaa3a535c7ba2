package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/ratelimit"
	"tillway/internal/sandbox"
	"tillway/internal/telemetry"
)

type noBudget struct{}

func (noBudget) Acquire(context.Context, ratelimit.Lane) error { return nil }

// setupOnSandbox starts a service whose provider is the simulator, over real HTTP.
func setupOnSandbox(t *testing.T) (*testBundle, *sandbox.Server) {
	t.Helper()
	provider := sandbox.New(sandbox.Config{Strict: true})
	server := httptest.NewServer(provider.Handler())
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = provider.Run(ctx) })
	client, err := onerway.New(onerway.Config{
		BaseURL: server.URL, MerchantNo: sandbox.DefaultMerchantNo, AppID: sandbox.DefaultAppID,
		SecretKey: onerway.Conceal(sandbox.DefaultSecretKey),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		client.Close()
		stop()
		running.Wait()
		server.Close()
	})
	g, err := gateway.New(gateway.Options{Provider: client, Budget: noBudget{}, Observer: telemetry.DiscardMetrics()})
	require.NoError(t, err)
	return setupWith(t, g), provider
}

func TestSandbox_DeclinesSayWhy(t *testing.T) {
	t.Parallel()
	b, provider := setupOnSandbox(t)
	id, _ := b.createOrder(t)
	path := "/v1/orders/" + id + "/payments"
	expired := payBody(goodCard)
	expired["payment_method"].(object)["card"].(object)["exp_year"] = 2020
	for code, body := range map[string]object{
		"insufficient_funds": payBody("4021937195658141"), "card_declined": payBody("4000000000000002"),
		"expired_card": expired, "incorrect_cvc": payBody("4000000000000127"), "invalid_number": payBody("4111111111111112"),
		"processing_error": payBody("4000000000000119"), "authentication_rejected": payBody("4000009900000012"),
	} {
		got := b.do(t, request{method: "POST", path: path, body: body, key: code})
		require.Equal(t, http.StatusPaymentRequired, got.status, got.body)
		require.Equal(t, "card_error", got.str("error.type"), code)
		require.Equal(t, code, got.str("error.code"), got.body)
		require.NotEmpty(t, got.str("error.decline_code"), code)
		require.NotEmpty(t, got.str("error.message"), code)
		require.Equal(t, b.do(t, request{method: "GET", path: "/v1/payments/" + got.str("error.payment.id")}).json, got.at("error.payment"))
	}
	require.Equal(t, http.StatusCreated, b.do(t, request{method: "POST", path: path, body: payBody(goodCard), key: "good"}).status)
	succeeded := 0
	for _, transaction := range provider.Books(sandbox.BookQuery{}).Transactions {
		if transaction.Status == "S" {
			succeeded++
		}
	}
	require.Equal(t, 1, succeeded)
}

func TestSandbox_MetadataAsksForFaults(t *testing.T) {
	t.Parallel()
	b, provider := setupOnSandbox(t)
	id, _ := b.createOrder(t)
	body := payBody(goodCard)
	body["metadata"] = object{"sandbox_fault": "http_502_after_charge,no_notification"}
	got := b.do(t, request{method: "POST", path: "/v1/orders/" + id + "/payments", body: body, key: "lost"})
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	require.Equal(t, "unknown", got.str("status"))
	charged := provider.Summary(sandbox.BookQuery{MerchantTxnOriginalID: id}).Orders
	require.Len(t, charged, 1)
	require.Equal(t, 1, charged[0].Successes)
}

func TestSandbox_AShopperGoesThrough3DSAndBack(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]struct{ payment, order string }{
		"approve": {"succeeded", "paid"}, "fail": {"failed", "open"}, "leave": {"requires_action", "pending"},
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			b, _ := setupOnSandbox(t)
			id, _ := b.createOrder(t)
			p := b.pay(t, id, challengeCard)
			require.Equal(t, "requires_action", p.str("status"), p.body)

			home := follow(t, p.str("next_action.redirect_to_url.url"), action)
			require.True(t, strings.HasPrefix(home, publicURL+"/v1/payments/"+p.str("id")+"/return?"), home)
			returned := b.do(t, request{method: "GET", path: strings.TrimPrefix(home, publicURL), as: "none", wrong: true})
			require.Equal(t, http.StatusSeeOther, returned.status)
			shop, err := url.Parse(returned.header.Get("Location"))
			require.NoError(t, err)
			require.Equal(t, "shop.example.com", shop.Host)
			require.Equal(t, want.payment, shop.Query().Get("status"))
			require.Equal(t, sign(id+"."+p.str("id")+"."+want.payment), shop.Query().Get("signature"))
			require.Equal(t, want.order, b.do(t, request{method: "GET", path: "/v1/orders/" + id}).str("status"))
		})
	}
}

// follow answers the challenge page as a browser does and returns where it is sent then.
func follow(t *testing.T, page, action string) string {
	t.Helper()
	form := strings.NewReader(url.Values{"action": {action}}.Encode())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page, form)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Do(req)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	return answer.Header.Get("Location")
}
