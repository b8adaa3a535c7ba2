package demo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// thanked opens the shop's page and returns its status, its text and who came.
func thanked(t *testing.T, query string) (int, string, []visit) {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":"ord_1","status":"paid"}`)
	}))
	t.Cleanup(service.Close)
	var came []visit
	s := &shop{
		secret: []byte("secret"), api: &client{base: service.URL, http: service.Client()},
		visited: func(v visit) { came = append(came, v) },
	}
	recorder := httptest.NewRecorder()
	s.handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/thanks?"+query, nil))
	return recorder.Code, recorder.Body.String(), came
}

func TestShop_ShowsTheOrderToWhomTheServiceSent(t *testing.T) {
	t.Parallel()
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte("ord_1.pay_1.succeeded"))

	code, text, came := thanked(t, "order=ord_1&payment=pay_1&status=succeeded&signature="+hex.EncodeToString(mac.Sum(nil)))

	require.Equal(t, http.StatusOK, code)
	require.Contains(t, text, "Your order is paid.")
	require.Contains(t, text, "pay_1: succeeded")
	require.Len(t, came, 1)
	require.Equal(t, "paid", came[0].OrderStatus)
}

func TestShop_BelievesNoForgedAddress(t *testing.T) {
	t.Parallel()
	for _, signature := range []string{"", "zz", hex.EncodeToString(make([]byte, sha256.Size))} {
		code, text, came := thanked(t, "order=ord_1&payment=pay_1&status=succeeded&signature="+signature)

		require.Equal(t, http.StatusBadRequest, code)
		require.NotContains(t, text, "Your order is paid.")
		require.Empty(t, came)
	}
}
