package onerway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func testBinding() onerway.BindCardRequest {
	return onerway.BindCardRequest{
		MerchantCustID: "cus_1", Email: "buyer@example.com", Country: "US", TransactionIP: "203.0.113.7",
		Card: &onerway.CardInfo{
			HolderName: onerway.Conceal(testHolder), CardNumber: onerway.Conceal(testPAN),
			Month: "12", Year: "2030", CVV: onerway.Conceal(testCVV),
		},
	}
}

func TestBindCard_SendsTheSignedCardAndReadsTheToken(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, signedAnswer(t, "20000", map[string]string{"transactionId": "17", "tokenId": "tok-1"}))
	bound, err := newClient(t, testConfig(url)).BindCard(t.Context(), testBinding())
	require.NoError(t, err)
	require.Equal(t, "tok-1", bound.TokenID.Reveal())
	require.Equal(t, "17", bound.TransactionID)

	sent := requests()[0]
	require.Equal(t, []string{"POST", "/v1/txn/bindCard"}, []string{sent.Method, sent.Path})
	fields, err := onerway.ParseFields([]byte(sent.Body))
	require.NoError(t, err)
	require.Equal(t, onerway.Sign(fields, onerway.ExcludedFromRequest, testConfig("").SecretKey), fields["sign"])
	delete(fields, "sign")
	require.Equal(t, map[string]string{
		"merchantNo": "800209", "appId": "1739545982264549376", "merchantCustId": "cus_1", "email": "buyer@example.com",
		"country": "US", "transactionIp": "203.0.113.7",
		"cardInfo": `{"holderName":"TEST BUYER","cardNumber":"4761344136141390","month":"12","year":"2030","cvv":"737"}`,
	}, map[string]string(fields))
}

func TestBindCard_ADeclineIsAnAnswer(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, http.StatusOK, signedAnswer(t, "20082", map[string]string{"transactionId": "17"}))
	bound, err := newClient(t, testConfig(url)).BindCard(t.Context(), testBinding())
	require.NoError(t, err)
	require.True(t, bound.TokenID.Empty())
	require.Equal(t, onerway.FailureIncorrectCVC, bound.Decline().Failure)
}

func TestBindCard_FailuresHaveTheirClass(t *testing.T) {
	t.Parallel()
	signed := func(code string, data map[string]string) string { return signedAnswer(t, code, data) }
	for name, tc := range map[string]struct {
		status int
		body   string
		class  onerway.Class
		reason onerway.Reason
	}{
		"refused":               {200, `{"respCode":"13004","respMsg":"card 4761344136141390 expired","data":null}`, onerway.Refused, onerway.ReasonCode},
		"open":                  {200, `{"respCode":"11001","respMsg":"x","data":null}`, onerway.Unknown, onerway.ReasonCode},
		"token without success": {200, signed("20051", map[string]string{"transactionId": "1", "tokenId": "t"}), onerway.Unknown, onerway.ReasonMismatch},
		"success without token": {200, signed("20000", map[string]string{"transactionId": "1"}), onerway.Unknown, onerway.ReasonMismatch},
		"without a transaction": {200, signed("20000", map[string]string{"tokenId": "t"}), onerway.Unknown, onerway.ReasonMismatch},
		"overlong token":        {200, signed("20000", map[string]string{"transactionId": "1", "tokenId": strings.Repeat("t", 301)}), onerway.Unknown, onerway.ReasonMismatch},
		"unsigned":              {200, `{"respCode":"20000","data":{"transactionId":"1","tokenId":"t"}}`, onerway.Unknown, onerway.ReasonBadSignature},
		"no object":             {200, `{"respCode":"20000","data":"t"}`, onerway.Unknown, onerway.ReasonUnreadable},
		"bad gateway":           {502, "<html>", onerway.Unknown, onerway.ReasonHTTPStatus},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, tc.status, tc.body)
			_, err := newClient(t, testConfig(url)).BindCard(t.Context(), testBinding())
			failed := requireClean(t, err)
			require.Equal(t, []any{tc.class, tc.reason}, []any{failed.Class, failed.Reason})
		})
	}
	for name, spoil := range map[string]func(*onerway.BindCardRequest){
		"no customer": func(r *onerway.BindCardRequest) { r.MerchantCustID = "" },
		"long id":     func(r *onerway.BindCardRequest) { r.MerchantCustID = strings.Repeat("x", 51) },
		"no email":    func(r *onerway.BindCardRequest) { r.Email = "" },
		"no country":  func(r *onerway.BindCardRequest) { r.Country = "" },
		"no address":  func(r *onerway.BindCardRequest) { r.TransactionIP = "" },
		"no card":     func(r *onerway.BindCardRequest) { r.Card = nil },
	} {
		request := testBinding()
		spoil(&request)
		_, err := newClient(t, testConfig("http://nowhere.invalid")).BindCard(t.Context(), request)
		require.Equal(t, onerway.ReasonInvalidRequest, requireClean(t, err).Reason, name)
	}
}

func TestQueryTokens_ReadsTheList(t *testing.T) {
	t.Parallel()
	const body = `{"respCode":"20000","respMsg":"Success","data":{"merchantNo":"800209","tokenInfos":[{"id":"1816026699615260674",` +
		`"tokenId":"da41","appId":"17","cardNumber":"400002******0961","paymentMethod":"VISA","year":"2031","month":"12"}]}}`
	url, requests := serve(t, http.StatusOK, body)
	tokens, err := newClient(t, testConfig(url)).QueryTokens(t.Context(), "cus_1")
	require.NoError(t, err)
	require.Equal(t, []onerway.BoundToken{{
		ID: "1816026699615260674", TokenID: onerway.Conceal("da41"), AppID: "17", CardNumber: "400002******0961",
		PaymentMethod: "VISA", Year: "2031", Month: "12",
	}}, tokens)
	sent := requests()[0]
	require.Equal(t, "/v1/txn/queryTokenList", sent.Path)
	fields, err := onerway.ParseFields([]byte(sent.Body))
	require.NoError(t, err)
	require.Equal(t, onerway.Sign(fields, onerway.ExcludedFromRequest, testConfig("").SecretKey), fields["sign"])
	delete(fields, "sign")
	require.Equal(t, map[string]string{
		"merchantNo": "800209", "appId": "1739545982264549376", "merchantCustId": "cus_1", "subProductType": "TOKEN",
	}, map[string]string(fields))
}

func TestQueryTokens_AnAnswerWithoutAListSaysNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"respCode":"20000","data":null}`, `{"respCode":"20000","data":{}}`, `{"respCode":"20000","data":{"tokenInfos":null}}`,
		`{"respCode":"20000","data":{"tokenInfos":[{"id":"1"}]}}`, `{"respCode":"11001","data":{"tokenInfos":[]}}`,
	} {
		url, _ := serve(t, http.StatusOK, body)
		_, err := newClient(t, testConfig(url)).QueryTokens(t.Context(), "cus_1")
		require.Equal(t, onerway.Unknown, requireClean(t, err).Class, body)
	}
	url, _ := serve(t, http.StatusOK, `{"respCode":"20000","data":{"tokenInfos":[]}}`)
	tokens, err := newClient(t, testConfig(url)).QueryTokens(t.Context(), "cus_1")
	require.NoError(t, err)
	require.Empty(t, tokens)
	_, err = newClient(t, testConfig(url)).QueryTokens(t.Context(), "")
	require.Equal(t, onerway.ReasonInvalidRequest, requireClean(t, err).Reason)
}

func TestRemoveToken_NamesTheBinding(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, signedAnswer(t, "20000", map[string]string{"success": "true"}))
	config := testConfig(url)
	require.NoError(t, newClient(t, config).RemoveToken(t.Context(), "17"))
	config.RemoveTokenPath = "/v1/txn/elsewhere"
	require.NoError(t, newClient(t, config).RemoveToken(t.Context(), "17"))
	require.Equal(t, []string{"/v1/txn/removeToken", "/v1/txn/elsewhere"}, []string{requests()[0].Path, requests()[1].Path})
	fields, err := onerway.ParseFields([]byte(requests()[0].Body))
	require.NoError(t, err)
	require.Equal(t, []string{"17", "800209"}, []string{fields["id"], fields["merchantNo"]})

	require.Equal(t, onerway.ReasonInvalidRequest, requireClean(t, newClient(t, config).RemoveToken(t.Context(), "tok")).Reason)
	for body, class := range map[string]onerway.Class{
		signedAnswer(t, "20000", map[string]string{"success": "false"}): onerway.Refused,
		`{"respCode":"40000","respMsg":"no such binding"}`:              onerway.Refused,
		`{"respCode":"20000","data":{"success":true}}`:                  onerway.Unknown,
		`{"respCode":"11001"}`:                                          onerway.Unknown,
	} {
		url, _ := serve(t, http.StatusOK, body)
		require.Equal(t, class, requireClean(t, newClient(t, testConfig(url)).RemoveToken(t.Context(), "17")).Class, body)
	}
}
