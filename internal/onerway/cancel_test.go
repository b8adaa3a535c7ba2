package onerway_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func TestCancelTransaction_SendsTheSignedIDAndReadsThatItIsUnderWay(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, `{"respCode":"20000","respMsg":"Success","data":{"transactionId":"1484408335541923840","status":"I"}}`)
	config := testConfig(url)
	got, err := newClient(t, config).CancelTransaction(t.Context(), "1484408335541923840")
	require.NoError(t, err)
	require.Equal(t, "I", got.Status)
	require.Len(t, requests(), 1)
	sent := requests()[0]
	require.Equal(t, []string{"POST", "/v1/txn/cancelTxn"}, []string{sent.Method, sent.Path})
	fields, err := onerway.ParseFields([]byte(sent.Body))
	require.NoError(t, err)
	require.Equal(t, onerway.Fields{
		"merchantNo": "800209", "originTransactionId": "1484408335541923840",
		"sign": onerway.Sign(fields, onerway.ExcludedFromRequest, config.SecretKey),
	}, fields)
}

func TestCancelTransaction_SaysWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		class  onerway.Class
	}{
		"refused":       {http.StatusOK, `{"respCode":"40000","respMsg":"not processing","data":null}`, onerway.Refused},
		"no data":       {http.StatusOK, `{"respCode":"20000","respMsg":"Success","data":null}`, onerway.Unknown},
		"other data":    {http.StatusOK, `{"respCode":"20000","respMsg":"Success","data":"I"}`, onerway.Unknown},
		"no status":     {http.StatusOK, `{"respCode":"20000","respMsg":"Success","data":{"transactionId":"1"}}`, onerway.Unknown},
		"broken":        {http.StatusBadGateway, `<html>`, onerway.Unknown},
		"unknown words": {http.StatusOK, `{"respCode":"11001","respMsg":"system exception","data":null}`, onerway.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, test.status, test.body)
			_, err := newClient(t, testConfig(url)).CancelTransaction(t.Context(), "1484408335541923840")
			require.Equal(t, test.class, requireClean(t, err).Class)
		})
	}
	_, err := newClient(t, testConfig("http://127.0.0.1:1")).CancelTransaction(t.Context(), "")
	require.Equal(t, onerway.ReasonInvalidRequest, requireClean(t, err).Reason)
}
