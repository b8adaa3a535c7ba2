package onerway_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func TestCancelSubscription_SendsModeAndDate(t *testing.T) {
	t.Parallel()
	contract := onerway.Conceal(testContract)
	for name, tc := range map[string]struct {
		request onerway.CancelSubscriptionRequest
		sent    map[string]string
	}{
		"now": {
			onerway.CancelSubscriptionRequest{ContractID: contract, ExpireMode: onerway.ExpireNow},
			map[string]string{"merchantNo": "800209", "contractId": testContract, "expireMode": "1"},
		},
		"period": {
			onerway.CancelSubscriptionRequest{ContractID: contract, ExpireMode: onerway.ExpirePeriod},
			map[string]string{"merchantNo": "800209", "contractId": testContract, "expireMode": "2"},
		},
		"date": {
			onerway.CancelSubscriptionRequest{ContractID: contract, ExpireMode: onerway.ExpireOnDate, ExpireDate: "2026-12-31"},
			map[string]string{"merchantNo": "800209", "contractId": testContract, "expireMode": "3", "expireDate": "2026-12-31"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := serve(t, http.StatusOK, `{"respCode":"20000","respMsg":"Success","data":"3"}`)
			config := testConfig(url)
			config.SecretKey, config.PreviousSecretKey = config.PreviousSecretKey, config.SecretKey
			canceled, err := newClient(t, config).CancelSubscription(t.Context(), tc.request)
			require.NoError(t, err)
			require.Equal(t, onerway.ContractCanceled, canceled.Contract)
			require.Regexp(t, `^[0-9a-f]{64}$`, canceled.BodyDigest)
			require.Equal(t, "/v1/txn/sub/cancel", requests()[0].Path)
			fields, err := onerway.ParseFields([]byte(requests()[0].Body))
			require.NoError(t, err)
			if name == "now" { // req-sub-cancel of vectors.json
				require.Equal(t, "cfd5bbc2c025bb4170016a5ed7cb5fbeb3ed4c6365c1a476d07fcd624b332331", fields["sign"])
			}
			delete(fields, "sign")
			require.Equal(t, tc.sent, map[string]string(fields))
		})
	}
}

func TestCancelSubscription_FailuresHaveTheirClass(t *testing.T) {
	t.Parallel()
	good := onerway.CancelSubscriptionRequest{ContractID: onerway.Conceal(testContract), ExpireMode: onerway.ExpireNow}
	for body, class := range map[string]onerway.Class{
		`{"respCode":"40000","respMsg":"no contract ` + testContract + `","data":null}`: onerway.Refused,
		`{"respCode":"11001","respMsg":"x"}`:                                            onerway.Unknown,
		`{"respCode":"20000","data":null}`:                                              onerway.Unknown,
		`{"respCode":"20000","data":"9"}`:                                               onerway.Unknown,
		`{"respCode":"20000","data":{"dataStatus":"3"}}`:                                onerway.Unknown,
		`<html>`: onerway.Unknown,
	} {
		url, _ := serve(t, http.StatusOK, body)
		_, err := newClient(t, testConfig(url)).CancelSubscription(t.Context(), good)
		failed := requireClean(t, err)
		require.Equal(t, class, failed.Class, body)
		require.NotContains(t, failed.Error(), testContract)
	}
	url, _ := serve(t, http.StatusOK, `{"respCode":"20000","data":1}`)
	canceled, err := newClient(t, testConfig(url)).CancelSubscription(t.Context(), good)
	require.NoError(t, err)
	require.Equal(t, onerway.ContractActive, canceled.Contract, "it runs on to its end")

	for name, spoil := range map[string]func(*onerway.CancelSubscriptionRequest){
		"no contract":       func(r *onerway.CancelSubscriptionRequest) { r.ContractID = onerway.Sensitive{} },
		"no mode":           func(r *onerway.CancelSubscriptionRequest) { r.ExpireMode = "" },
		"another mode":      func(r *onerway.CancelSubscriptionRequest) { r.ExpireMode = "4" },
		"date without mode": func(r *onerway.CancelSubscriptionRequest) { r.ExpireDate = "2026-12-31" },
		"mode without date": func(r *onerway.CancelSubscriptionRequest) { r.ExpireMode = onerway.ExpireOnDate },
		"no such date": func(r *onerway.CancelSubscriptionRequest) {
			r.ExpireMode, r.ExpireDate = onerway.ExpireOnDate, "2026-02-30"
		},
	} {
		request := good
		spoil(&request)
		_, err := newClient(t, testConfig("http://nowhere.invalid")).CancelSubscription(t.Context(), request)
		require.Equal(t, onerway.ReasonInvalidRequest, requireClean(t, err).Reason, name)
	}
}

// The answer of §8.13, as the showcase recorded it.
const recordedDetail = `{"respCode":"20000","data":{"contractId":"contract_1","merchantNo":"800209","merchantCustomerId":"cust_1",` +
	`"products":"[{\"name\":\"Halden Daily Essentials\",\"price\":\"5.00\",\"num\":\"1\",\"currency\":\"USD\"}]",` +
	`"orderAmount":"5.00","orderCurrency":"USD","expireDate":"2099-12-31","frequencyType":"D","frequencyPoint":"1",%s` +
	`"dataStatus":"1","subscriptionStatus":"active","tokenId":"opaque.subscription-token/value"}}`

func TestQuerySubscription_ReadsTheRecordedAnswer(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, http.StatusOK, fmt.Sprintf(recordedDetail, `"cycleCount":12,"newMember":{"a":1},`))
	detail, err := newClient(t, testConfig(url)).QuerySubscription(t.Context(), onerway.Conceal("contract_1"))
	require.NoError(t, err)
	require.Equal(t, []any{onerway.ContractActive, onerway.SubscriptionActive}, []any{detail.Contract(), detail.Status()})
	require.Equal(t, []string{"contract_1", "opaque.subscription-token/value", "cust_1", "5.00", "USD", "D", "1", "12", "2099-12-31", ""}, []string{
		detail.ContractID.Reveal(), detail.TokenID.Reveal(), detail.MerchantCustID, detail.OrderAmount, detail.OrderCurrency,
		detail.FrequencyType, detail.FrequencyPoint, detail.CycleCount, detail.ExpireDate, detail.BillingCycleAnchor,
	})
	require.NotContains(t, fmt.Sprintf("%+v", detail), "opaque")
	require.NotContains(t, fmt.Sprintf("%+v", detail), "contract_1")
	require.Equal(t, "/v1/txn/sub/detail", requests()[0].Path)

	config := testConfig(url)
	config.SecretKey, config.PreviousSecretKey = config.PreviousSecretKey, config.SecretKey
	_, err = newClient(t, config).QuerySubscription(t.Context(), onerway.Conceal("1855041133621940224"))
	require.Equal(t, onerway.ReasonMismatch, requireClean(t, err).Reason, "it is about another contract")
	fields, err := onerway.ParseFields([]byte(requests()[1].Body))
	require.NoError(t, err)
	require.Equal(t, map[string]string{ // req-sub-detail of vectors.json
		"merchantNo": "800209", "contractId": "1855041133621940224",
		"sign": "6f209b97e6adf2b9f14553b1cfd44bc8874276b90521a216f86ab5d42963cd84",
	}, map[string]string(fields))
}

func TestQuerySubscription_AnAnswerWithoutAStateSaysNothing(t *testing.T) {
	t.Parallel()
	const head = `{"respCode":"20000","data":{"contractId":"contract_1","merchantNo":"800209"`
	for body, want := range map[string]onerway.Reason{
		`{"respCode":"20000","data":null}`:               onerway.ReasonCode,
		`{"respCode":"20000","data":"3"}`:                onerway.ReasonUnreadable,
		`{"respCode":"11001","data":{"dataStatus":"1"}}`: onerway.ReasonCode,
		head + `}}`: onerway.ReasonUnreadable,
		head + `,"dataStatus":"1","dataStatus":"3"}}`:                                               onerway.ReasonUnreadable,
		head + `,"dataStatus":"1","orderAmount":"5,00"}}`:                                           onerway.ReasonUnreadable,
		head + `,"dataStatus":"1","orderCurrency":"usd"}}`:                                          onerway.ReasonUnreadable,
		head + `,"dataStatus":"1","expireDate":"31.12.2099"}}`:                                      onerway.ReasonUnreadable,
		`{"respCode":"20000","data":{"dataStatus":"1"}}`:                                            onerway.ReasonMismatch,
		`{"respCode":"20000","data":{"contractId":"x","dataStatus":"1"}}`:                           onerway.ReasonMismatch,
		`{"respCode":"40000","respMsg":"contract_1 is none","data":null}`:                           onerway.ReasonCode,
		`{"respCode":"20000","data":{"contractId":"contract_1","merchantNo":"1","dataStatus":"1"}}`: onerway.ReasonMismatch,
	} {
		url, _ := serve(t, http.StatusOK, body)
		_, err := newClient(t, testConfig(url)).QuerySubscription(t.Context(), onerway.Conceal("contract_1"))
		failed := requireClean(t, err)
		require.Equal(t, want, failed.Reason, body)
		require.NotContains(t, failed.Error(), "contract_1")
	}
	url, _ := serve(t, http.StatusOK, head+`,"dataStatus":"7","subscriptionStatus":"resting"}}`)
	detail, err := newClient(t, testConfig(url)).QuerySubscription(t.Context(), onerway.Conceal("contract_1"))
	require.NoError(t, err)
	require.Equal(t, []any{onerway.ContractUnknown, onerway.SubscriptionUnknown}, []any{detail.Contract(), detail.Status()})
	_, err = newClient(t, testConfig(url)).QuerySubscription(t.Context(), onerway.Sensitive{})
	require.Equal(t, onerway.ReasonInvalidRequest, requireClean(t, err).Reason)
}

func TestSubscription_EveryDocumentedStateIsKnown(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]onerway.ContractStatus{
		"0": onerway.ContractPending, "1": onerway.ContractActive, "2": onerway.ContractDisabled, "3": onerway.ContractCanceled,
		"": onerway.ContractUnknown, "4": onerway.ContractUnknown,
	} {
		require.Equal(t, want, onerway.ParseContractStatus(code), code)
	}
	for _, word := range []string{"trialing", "paymentdue", "active", "pastdue", "paused", "canceled", "ended", "unknown"} {
		require.Equal(t, word, string(onerway.ParseSubscriptionStatus(word)))
	}
	require.Equal(t, onerway.SubscriptionUnknown, onerway.ParseSubscriptionStatus("Active"))
}
