package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
)

const fuzzSecret = "a key of the fuzzed answers"

// canned answers requests by path without a network.
type canned map[string][]byte

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c[r.URL.Path])), Request: r,
	}, nil
}

// before is a gateway on the real client, before a provider that answers with these bytes.
func (c canned) before(t *testing.T, api gateway.API) *gateway.Gateway {
	t.Helper()
	client, err := onerway.New(onerway.Config{
		BaseURL: "https://provider.example.com", MerchantNo: "800209", AppID: "1",
		SecretKey:     onerway.Conceal(fuzzSecret),
		WrapTransport: func(http.RoundTripper) http.RoundTripper { return c },
	})
	require.NoError(t, err)
	return newGateway(t, client, &observer{}, &budget{}, api)
}

// said is a message's members as encoding/json reads them, by exact name; nil when it is no object.
type said map[string]json.RawMessage

func membersOf(raw []byte) said {
	var members said
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members
}

// text is what a member says and signs as.
func (s said) text(name string) string {
	raw := s[name]
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text // "" for null as well
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return ""
	}
	return compact.String()
}

// signature is what the provider would sign the members with, all but those that are left out (§3.3, §3.4).
func (s said) signature(left ...string) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !slices.Contains(left, name) {
			text += s.text(name)
		}
	}
	digest := sha256.Sum256([]byte(text + fuzzSecret))
	return hex.EncodeToString(digest[:])
}

func leftOfAnswers() []string { return []string{"sign", "actionType"} }

func leftOfNotifications() []string {
	return []string{
		"originTransactionId", "originMerchantTxnId", "customsDeclarationAmount", "customsDeclarationCurrency",
		"paymentMethod", "walletTypeName", "periodValue", "tokenExpireTime", "sign",
	}
}

// signed puts the signature into a message that can carry one.
func signed(raw []byte, left []string) []byte {
	members := membersOf(raw)
	if members == nil {
		return raw
	}
	members["sign"] = json.RawMessage(`"` + members.signature(left...) + `"`)
	body, err := json.Marshal(members)
	if err != nil {
		return raw
	}
	return body
}

// requireExact says that the evidence names either no amount or exactly the one that the message does.
func requireExact(t *testing.T, got money.Amount, decimal, currency string) {
	t.Helper()
	if got.IsZero() {
		return
	}
	require.True(t, strings.EqualFold(currency, got.Currency.Code()), currency)
	require.Regexp(t, `^[0-9]+(\.[0-9]+)?$`, decimal)
	value, ok := new(big.Rat).SetString(decimal)
	require.True(t, ok)
	value.Mul(value, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(got.Currency.Digits())), nil)))
	require.Equal(t, value.RatString(), new(big.Rat).SetInt64(got.Minor).RatString())
}

// requireStorable says what holds of all evidence.
func requireStorable(t *testing.T, ev orders.Evidence) {
	t.Helper()
	require.True(t, ev.Body == nil || json.Valid(ev.Body), "%s", ev.Body)
	require.NotContains(t, string(ev.Body), cardPays)
	require.Contains(t, []int{0, sha256.Size}, len(ev.Digest))
	require.Contains(t, orders.Outcomes(), ev.Outcome)
	require.True(t, (ev.Outcome != orders.OutcomeDeclined) || ev.Failure != nil, "a decline says why")
	if ev.RedirectURL != "" {
		address, err := url.Parse(ev.RedirectURL)
		require.NoError(t, err)
		require.Contains(t, []string{"http", "https"}, address.Scheme)
	}
}

// fuzzSale is always the same, so that answers can name it.
func fuzzSale(t *testing.T) orders.Sale {
	t.Helper()
	payment, err := ids.Parse[ids.PaymentEntity]("pay_01jb9z6e8nfx5r9w2t7yq3m4k5")
	require.NoError(t, err)
	contact := details.Contact{Email: "buyer@example.com", Address: &details.Address{Country: "DE"}}
	return orders.Sale{
		Payment: payment, MerchantTxnID: payment.String(), OriginalID: "ord-1", Amount: amount(t, 2700, "EUR"),
		Card:    cards.Card{Number: cardPays, ExpMonth: 5, ExpYear: 2031, CVC: "123", HolderName: "A B"},
		Billing: contact, Shipping: contact, ThreeDS: orders.ThreeDS{Strategy: orders.ThreeDSAuto},
		ReturnURL: "https://shop.example.com/r", NotifyURL: "https://shop.example.com/n",
	}
}

// What a sale's answer is taken for: nothing that moves money, either way, without a signature that proves it.
func FuzzSale_BelievesWhatIsSigned(f *testing.F) {
	const id = `"transactionId":"2084000000000000011","merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5"`
	for _, data := range []string{
		`{"status":"S",` + id + `,"orderAmount":"27.00","orderCurrency":"EUR","eci":"05"}`, `{"status":"S",` + id + `,"orderAmount":27.00}`,
		`{"status":"F",` + id + `,"reason":"{\"respCode\":\"20051\",\"respMsg\":\"no\"}"}`, `{"status":"F"}`, `{"status":"P",` + id + `}`,
		`{"status":"R",` + id + `,"redirectUrl":"https://3ds.example.com/a","actionType":"RedirectURL"}`, `{"status":"N",` + id + `}`,
		`{"status":"R",` + id + `,"redirectUrl":"javascript:alert(1)"}`, `{"status":"I",` + id + `}`, `{"status":["S"],` + id + `}`,
		`{"status":"P","paymentStatus":"S",` + id + `}`, `{"status":"S","paymentStatus":"N",` + id + `}`, `null`, `"S"`, `[]`, `{}`,
		`{"status":"S","transactionId":"1","merchantTxnId":"pay_2"}`, `{"status":"S","transactionId":1,"echo":"4761344136141390","cvv":"123"}`,
	} {
		for _, code := range []string{"20000", "20051", "12004", "11001"} {
			body := []byte(`{"respCode":"` + code + `","respMsg":"text","data":` + data + `}`)
			f.Add(body, true)
			f.Add(body, false)
		}
	}
	f.Add([]byte(`{"respCode":"40000","respMsg":"duplicate merchantTxnId","data":null}`), false)
	f.Add([]byte(`{"respCode":40000}`), false)
	f.Add([]byte(`<html>`), false)
	f.Fuzz(func(t *testing.T, body []byte, sign bool) {
		if envelope := membersOf(body); sign && envelope != nil {
			envelope["data"] = signed(envelope["data"], leftOfAnswers())
			if again, err := json.Marshal(envelope); err == nil {
				body = again
			}
		}
		ev := canned{"/v1/txn/doTransaction": body}.before(t, gateway.Transactions).Sale(t.Context(), fuzzSale(t))

		requireStorable(t, ev)
		require.Equal(t, orders.SourceAnswer, ev.Source)
		envelope := membersOf(body)
		data := membersOf(envelope["data"])
		genuine := data != nil && data.text("sign") == data.signature(leftOfAnswers()...) ||
			data != nil && data.text("sign") == data.signature(append(leftOfAnswers(), "codeForm", "presentContext", "periodValue")...)
		ours := data.text("merchantTxnId") == "" || data.text("merchantTxnId") == fuzzSale(t).MerchantTxnID
		letter, intent := data.text("status"), data.text("paymentStatus")
		switch ev.Outcome {
		case orders.OutcomeUnknown:
		case orders.OutcomeNeverSent, orders.OutcomeNotFound:
			t.Fatalf("%s, of what was answered", ev.Outcome)
		case orders.OutcomeDeclined:
			if genuine && ours && letter == "F" {
				return
			}
			info, known := onerway.LookupCode(envelope.text("respCode"))
			require.True(t, known && info.Refuses, "%s refuses nothing", body)
			require.True(t, envelope["data"] == nil || string(envelope["data"]) == "null", "%s", body)
			require.NotContains(t, strings.ToLower(envelope.text("respMsg")), "duplicate")
		case orders.OutcomeSucceeded, orders.OutcomeAuthorized, orders.OutcomeClosed, orders.OutcomeProcessing, orders.OutcomeActionRequired:
			require.True(t, genuine && ours, "%s of %s", ev.Outcome, body)
			require.Equal(t, "20000", envelope.text("respCode"))
			require.Regexp(t, `^[0-9]{1,20}$`, ev.ProviderTransactionID)
			requireExact(t, ev.Amount, data.text("orderAmount"), data.text("orderCurrency"))
			if ev.Outcome == orders.OutcomeSucceeded {
				require.True(t, letter == "S" && intent == "" || intent == "S" && letter != "F" && letter != "N", "%s/%s", letter, intent)
			}
			require.False(t, ev.Outcome == orders.OutcomeAuthorized && intent != "A", "a sale is not authorized by itself")
			require.False(t, ev.Outcome == orders.OutcomeClosed && letter == "S", "%s/%s", letter, intent)
		}
	})
}
