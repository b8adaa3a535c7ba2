package api_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
)

const (
	shopOrigin  = "https://shop.example.com"
	otherOrigin = "https://evil.example"
)

// preflight asks as a browser does before it sends a page's request.
func (b *testBundle) preflight(t *testing.T, path, origin, method string) response {
	t.Helper()
	return b.do(t, request{method: http.MethodOptions, path: path, as: "none", header: map[string]string{
		"Origin": origin, "Access-Control-Request-Method": method, "X-Correlation-Id": "",
		"Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
	}})
}

func TestCORS_PreflightsLetInTheShopOnTheTwoPathsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	path := "/v1/orders/" + id
	for where, methods := range map[string][2]string{
		path: {"GET", "GET, POST, OPTIONS"}, path + "/payments": {"POST", "POST, GET, OPTIONS"},
	} {
		got := b.preflight(t, where, shopOrigin, methods[0])
		require.Equal(t, http.StatusNoContent, got.status)
		require.Equal(t, []string{shopOrigin, methods[0], "Authorization, Content-Type, Idempotency-Key, X-Correlation-Id", "600", "Origin", methods[1]},
			[]string{
				got.header.Get("Access-Control-Allow-Origin"), got.header.Get("Access-Control-Allow-Methods"),
				got.header.Get("Access-Control-Allow-Headers"), got.header.Get("Access-Control-Max-Age"), got.header.Get("Vary"),
				got.header.Get("Allow"),
			})
		require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"), "no cookies")
		for _, origin := range []string{otherOrigin, "null", "http://shop.example.com", shopOrigin + ".evil.example", "*"} {
			requireUnreadable(t, b.preflight(t, where, origin, methods[0]))
		}
	}
	for _, elsewhere := range []string{path + "/cancel", "/v1/orders", "/v1/payments/" + id, "/v1/refunds"} {
		got := b.bare(t, http.MethodOptions, elsewhere, map[string]string{"Origin": shopOrigin})
		require.Equal(t, http.StatusMethodNotAllowed, got.StatusCode, elsewhere)
		require.Empty(t, got.Header.Get("Access-Control-Allow-Origin"), elsewhere)
	}
}

// bare sends what the document does not know.
func (b *testBundle) bare(t *testing.T, method, path string, header map[string]string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+path, nil)
	require.NoError(t, err)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, got.Body)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	return got
}

// requireUnreadable requires that no page of another origin may read the answer.
func requireUnreadable(t *testing.T, got response) {
	t.Helper()
	for _, name := range []string{"Origin", "Methods", "Headers", "Credentials"} {
		require.Empty(t, got.header.Get("Access-Control-Allow-"+name))
	}
	require.Empty(t, got.header.Get("Access-Control-Expose-Headers"))
}

func TestCORS_PagesReadWhatAClientSecretMayAskAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, created := b.createOrder(t)
	path, secret := "/v1/orders/"+id, created.str("client_secret")
	from := func(origin string) map[string]string { return map[string]string{"Origin": origin} }
	requireReadable := func(got response) {
		t.Helper()
		require.Equal(t, shopOrigin, got.header.Get("Access-Control-Allow-Origin"), got.body)
		require.Equal(t, "X-Correlation-Id, Retry-After, Idempotent-Replayed", got.header.Get("Access-Control-Expose-Headers"))
		require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
	}
	status := func(want int, got response) response {
		t.Helper()
		require.Equal(t, want, got.status, got.body)
		return got
	}
	read := request{method: "GET", path: path, secret: secret, header: from(shopOrigin)}
	got := b.do(t, read)
	require.Equal(t, http.StatusOK, got.status)
	requireReadable(got)
	require.Equal(t, "Origin", got.header.Get("Vary"))

	pay := request{method: "POST", path: path + "/payments", secret: secret, key: "k", header: from(shopOrigin), body: payBody(declinedCard)}
	requireReadable(status(http.StatusPaymentRequired, b.do(t, pay)))
	pay.key, pay.body = "k-2", payBody(goodCard)
	requireReadable(status(http.StatusCreated, b.do(t, pay)))

	// Refusals are read too, or the page could not tell why.
	nobody := request{method: "GET", path: path, as: "none", header: from(shopOrigin)}
	requireReadable(status(http.StatusUnauthorized, b.do(t, nobody)))
	forged := request{method: "GET", path: path, secret: secret + "x", header: from(shopOrigin)}
	requireReadable(status(http.StatusUnauthorized, b.do(t, forged)))

	read.header = from(otherOrigin)
	requireUnreadable(t, status(http.StatusOK, b.do(t, read)))
	for _, role := range apikeys.Roles() {
		requireUnreadable(t, b.do(t, request{method: "GET", path: path, as: role, header: from(shopOrigin)}))
	}
	requireUnreadable(t, b.do(t, request{method: "GET", path: path, secret: "sk_test_wrong", header: from(shopOrigin)}))
	requireUnreadable(t, b.do(t, request{method: "POST", path: path, body: object{}, secret: secret, header: from(shopOrigin)}))
	requireUnreadable(t, b.do(t, request{method: "GET", path: path + "/payments", header: from(shopOrigin)}))
}
