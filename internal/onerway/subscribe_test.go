package onerway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

const (
	testContract = "1813837154846384128"
	testToken    = "822ba14cc565ab56887029673e244c57daf3eb2373a70a6bfd4132f1d8ad059c"
)

// testSubscribe begins the subscription of req-subscription-managed-initial in vectors.json.
func testSubscribe() onerway.SaleRequest {
	request := testSale()
	request.MerchantCustID, request.SubProductType = "cust_77", onerway.SubProductSubscribe
	request.Subscription = &onerway.SubscriptionTerms{
		ProductName: "Plus Monthly", FrequencyType: onerway.FrequencyMonth, FrequencyPoint: 1, CycleCount: 12,
		ExpireDate: "2027-03-01", SelfExecute: onerway.ExecuteManaged, NotificationEmail: "buyer@example.com",
	}
	return request
}

// testRenewal is the renewal of req-subscription-recurring.
func testRenewal() onerway.SaleRequest {
	return onerway.SaleRequest{
		MerchantTxnID: "1721287886000", MerchantCustID: "1721287886000",
		SubProductType: onerway.SubProductSubscribe, TxnType: onerway.TxnSale, OrderAmount: "10", OrderCurrency: "USD",
		Renewal: &onerway.SubscriptionRenewal{ContractID: onerway.Conceal(testContract), TokenID: onerway.Conceal(testToken)},
		Order:   onerway.TxnOrderMsg{Products: onerway.Products{{Name: "iphone11", Price: "110.00", Num: "1", Currency: "USD"}}},
	}
}

// vectorParams are the parameters of a request that the vectors sign.
func vectorParams(t *testing.T, id string) map[string]string {
	t.Helper()
	for _, vector := range loadVectors(t).Vectors {
		if vector.ID == id {
			params := map[string]string{}
			require.NoError(t, json.Unmarshal(vector.Params, &params))
			return params
		}
	}
	t.Fatalf("no vector %s", id)
	return nil
}

// sentFields sends the request and returns what arrived, its signature checked.
func sentFields(t *testing.T, request onerway.SaleRequest) map[string]string {
	t.Helper()
	url, requests := serve(t, http.StatusOK, fixture(t, "sale_succeeded.json"))
	_, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, "/v1/txn/doTransaction", requests()[0].Path)
	fields, err := onerway.ParseFields([]byte(requests()[0].Body))
	require.NoError(t, err)
	require.Equal(t, onerway.Sign(fields, onerway.ExcludedFromRequest, testConfig("").SecretKey), fields["sign"])
	return fields
}

func TestSubscribe_BeginsByCard(t *testing.T) {
	t.Parallel()
	want := vectorParams(t, "req-subscription-managed-initial")
	sent := sentFields(t, testSubscribe())
	for _, name := range []string{"subscription", "merchantCustId", "productType", "subProductType", "txnType", "merchantNo"} {
		require.Equal(t, want[name], sent[name], name)
	}
	require.Contains(t, sent["cardInfo"], testPAN)

	self := testSubscribe()
	self.Subscription = &onerway.SubscriptionTerms{
		FrequencyType: onerway.FrequencyDay, FrequencyPoint: 30, SelfExecute: onerway.ExecuteSelf, ExpireDate: "2099-12-31",
	}
	require.JSONEq(t, `{"requestType":"0","merchantCustId":"cust_77","frequencyType":"D","frequencyPoint":"30",
		"expireDate":"2099-12-31","mode":"2","selfExecute":"2"}`, sentFields(t, self)["subscription"])

	trial := testSubscribe()
	trial.Subscription.TrialFromPlan, trial.Subscription.TrialEnd, trial.Subscription.TrialDays = "a", "b", 14
	require.Contains(t, sentFields(t, trial)["subscription"], `"trialFromPlan":"a","trialEnd":"b","trialDays":14,`)
}

func TestSubscribe_RenewsByContractAndToken(t *testing.T) {
	t.Parallel()
	want, sent := vectorParams(t, "req-subscription-recurring"), sentFields(t, testRenewal())
	for _, name := range []string{
		"subscription", "merchantCustId", "merchantTxnId", "orderAmount", "orderCurrency", "productType", "subProductType", "txnType",
	} {
		require.Equal(t, want[name], sent[name], name)
	}
	require.JSONEq(t, `{"appId":"1739545982264549376",
		"products":"[{\"name\":\"iphone11\",\"price\":\"110.00\",\"num\":\"1\",\"currency\":\"USD\"}]"}`, sent["txnOrderMsg"])
	for _, name := range []string{"cardInfo", "tokenInfo", "billingInformation", "shippingInformation", "risk3dsStrategy"} {
		require.NotContains(t, sent, name)
	}
	known := testRenewal()
	known.Billing, known.Order.NotifyURL = testSale().Billing, "https://shop.example.com/n"
	sent = sentFields(t, known)
	require.Contains(t, sent, "billingInformation", "it is sent where it is known (§16)")
	require.Contains(t, sent["txnOrderMsg"], `"notifyUrl":"https://shop.example.com/n"`)
}

func TestSubscribe_RefusesWhatTheContractForbids(t *testing.T) {
	t.Parallel()
	begin, renew := testSubscribe, testRenewal
	for name, tc := range map[string]struct {
		of    func() onerway.SaleRequest
		spoil func(*onerway.SaleRequest)
	}{
		"terms for a plain sale": {begin, func(r *onerway.SaleRequest) { r.SubProductType = onerway.SubProductDirect }},
		"no terms":               {begin, func(r *onerway.SaleRequest) { r.Subscription = nil }},
		"terms and renewal":      {begin, func(r *onerway.SaleRequest) { r.Renewal = renew().Renewal }},
		"no card":                {begin, func(r *onerway.SaleRequest) { r.Card = nil }},
		"by a saved token":       {begin, func(r *onerway.SaleRequest) { r.Card, r.Token = nil, &onerway.TokenInfo{TokenID: onerway.Conceal("t")} }},
		"no customer":            {begin, func(r *onerway.SaleRequest) { r.MerchantCustID = "" }},
		"customer too long":      {begin, func(r *onerway.SaleRequest) { r.MerchantCustID = strings.Repeat("c", 41) }},
		"odd customer":           {begin, func(r *onerway.SaleRequest) { r.MerchantCustID = "a b" }},
		"an authorization":       {begin, func(r *onerway.SaleRequest) { r.TxnType = onerway.TxnAuth }},
		"no address":             {begin, func(r *onerway.SaleRequest) { r.Billing = nil }},
		"no way back":            {begin, func(r *onerway.SaleRequest) { r.Order.ReturnURL = "" }},
		"another frequency":      {begin, func(r *onerway.SaleRequest) { r.Subscription.FrequencyType = "W" }},
		"no interval":            {begin, func(r *onerway.SaleRequest) { r.Subscription.FrequencyPoint = 0 }},
		"interval too long":      {begin, func(r *onerway.SaleRequest) { r.Subscription.FrequencyPoint = 100 }},
		"too many cycles":        {begin, func(r *onerway.SaleRequest) { r.Subscription.CycleCount = 101 }},
		"no such day":            {begin, func(r *onerway.SaleRequest) { r.Subscription.ExpireDate = "2027-02-29" }},
		"no end":                 {begin, func(r *onerway.SaleRequest) { r.Subscription.CycleCount, r.Subscription.ExpireDate = 0, "" }},
		"negative trial":         {begin, func(r *onerway.SaleRequest) { r.Subscription.TrialDays = -1 }},
		"no execution mode":      {begin, func(r *onerway.SaleRequest) { r.Subscription.SelfExecute = "" }},
		"our own by the month": {begin, func(r *onerway.SaleRequest) {
			*r.Subscription = onerway.SubscriptionTerms{FrequencyType: "M", FrequencyPoint: 1, SelfExecute: "2"}
		}},
		"our own with cycles":          {begin, func(r *onerway.SaleRequest) { r.Subscription.FrequencyType, r.Subscription.SelfExecute = "D", "2" }},
		"long product":                 {begin, func(r *onerway.SaleRequest) { r.Subscription.ProductName = strings.Repeat("p", 257) }},
		"renewal with a card":          {renew, func(r *onerway.SaleRequest) { r.Card = testSale().Card }},
		"renewal with 3DS":             {renew, func(r *onerway.SaleRequest) { r.Risk3DSStrategy = onerway.Risk3DSNone }},
		"renewal without contract":     {renew, func(r *onerway.SaleRequest) { r.Renewal.ContractID = onerway.Sensitive{} }},
		"renewal of a long contract":   {renew, func(r *onerway.SaleRequest) { r.Renewal.ContractID = onerway.Conceal(strings.Repeat("1", 21)) }},
		"renewal without token":        {renew, func(r *onerway.SaleRequest) { r.Renewal.TokenID = onerway.Sensitive{} }},
		"renewal with a long token":    {renew, func(r *onerway.SaleRequest) { r.Renewal.TokenID = onerway.Conceal(strings.Repeat("t", 301)) }},
		"renewal with half an address": {renew, func(r *onerway.SaleRequest) { r.Billing = &onerway.Address{Email: "a@b"} }},
		"renewal without products":     {renew, func(r *onerway.SaleRequest) { r.Order.Products = nil }},
	} {
		request := tc.of()
		tc.spoil(&request)
		_, err := newClient(t, testConfig("http://nowhere.invalid")).DoTransaction(t.Context(), request)
		failed := requireClean(t, err)
		require.Equal(t, []any{onerway.NeverSent, onerway.ReasonInvalidRequest}, []any{failed.Class, failed.Reason}, name)
		require.NotContains(t, failed.Error(), testToken)
	}
}

func TestSubscribe_ReadsTheSecretsAndKeepsThem(t *testing.T) {
	t.Parallel()
	var recorded map[string]any
	for _, vector := range loadVectors(t).Vectors {
		if vector.ID == "resp-subscription-recurring-s" {
			require.NoError(t, json.Unmarshal(vector.Params, &recorded))
		}
	}
	body, err := json.Marshal(map[string]any{"respCode": "20000", "respMsg": "Success", "data": recorded})
	require.NoError(t, err)
	url, _ := serve(t, http.StatusOK, string(body))
	renewed, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testRenewal())
	require.NoError(t, err)
	require.Equal(t, onerway.StatusSucceeded, renewed.Outcome())
	require.Equal(t, []string{testContract, testToken}, []string{renewed.ContractID.Reveal(), renewed.TokenID.Reveal()})
	logged, err := json.Marshal(renewed)
	require.NoError(t, err)
	for _, shown := range []string{string(logged), fmt.Sprintf("%+v %#v", renewed, testRenewal()), fmt.Sprint(renewed.Fields.Redacted())} {
		require.NotContains(t, shown, testToken)
		require.NotContains(t, shown, testContract)
	}
}

func TestSubscribe_RenewalFailuresHaveTheirClass(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		class  onerway.Class
		reason onerway.Reason
	}{
		"too early":        {200, `{"respCode":"12006","respMsg":"contract ` + testContract + ` is not due","data":null}`, onerway.Refused, onerway.ReasonCode},
		"open":             {200, `{"respCode":"11001","respMsg":"` + testToken + `","data":null}`, onerway.Unknown, onerway.ReasonCode},
		"another contract": {200, signedAnswer(t, "20000", map[string]string{"transactionId": "1", "status": "S", "contractId": "2"}), onerway.Unknown, onerway.ReasonMismatch},
		"bad gateway":      {502, "<html>", onerway.Unknown, onerway.ReasonHTTPStatus},
	} {
		url, _ := serve(t, tc.status, tc.body)
		_, err := newClient(t, testConfig(url)).DoTransaction(t.Context(), testRenewal())
		failed := requireClean(t, err)
		require.Equal(t, []any{tc.class, tc.reason}, []any{failed.Class, failed.Reason}, name)
		require.NotContains(t, failed.Error(), testContract)
		require.NotContains(t, failed.Error(), testToken)
	}
	_, err := newClient(t, testConfig("http://127.0.0.1:1")).DoTransaction(t.Context(), testRenewal())
	require.Equal(t, onerway.NeverSent, onerway.ClassOf(err), "nobody was there to take a byte")
	info, known := onerway.LookupCode("12006")
	require.True(t, known)
	require.Equal(t, []any{onerway.ClassConfiguration, true}, []any{info.Class, info.Refuses}, "the schedule is ours to keep")
}
