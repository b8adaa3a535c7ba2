package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/sandbox"
)

const testIBAN = "DE89370400440532013000"

// locally makes a sale one by a local method.
func locally(l orders.Local) func(*orders.Sale) {
	return func(sale *orders.Sale) { sale.Method, sale.Card, sale.Local = orders.MethodLocal, cards.Card{}, l }
}

func TestLocal_SaysWhatTheMethodNeedsAndNothingOfACard(t *testing.T) {
	t.Parallel()
	provider := &provider{err: &onerway.Error{Class: onerway.Unknown}}
	newGateway(t, provider, &observer{}, &budget{}, "").Sale(t.Context(), orders.Sale{
		Method: orders.MethodLocal, MerchantTxnID: "pay_1", OriginalID: "ord_1", Amount: amount(t, 2705, "EUR"),
		Local:       orders.Local{Method: "SEPADD", BankName: "Bank", IBAN: testIBAN, PrepaidNumber: "12345678"},
		Description: "Tea", Billing: details.Contact{Email: "jane@example.com", Address: &details.Address{Country: "DE"}},
		ThreeDS: orders.ThreeDS{Strategy: orders.ThreeDSAuto}, ReturnURL: "r", NotifyURL: "n",
	})
	sent := provider.sale
	require.Equal(t, &onerway.LPMSInfo{
		Type: "SEPADD", BankName: "Bank", IBAN: onerway.Conceal(testIBAN), PrepaidNumber: onerway.Conceal("12345678"),
	}, sent.LPMS)
	require.Equal(t, []any{onerway.SubProductDirect, onerway.TxnSale, "27.05", "EUR"}, []any{sent.SubProductType, sent.TxnType, sent.OrderAmount, sent.OrderCurrency})
	require.Nil(t, sent.Card)
	require.Nil(t, sent.Token)
	require.Nil(t, sent.MPI)
	require.Empty(t, sent.Risk3DSStrategy)
}

// What an answer asks of the shopper, and what becomes of one that asks for what is not in the contract or cannot be done.
func TestLocal_ActionsByTheirTypeAndByWhatPays(t *testing.T) {
	t.Parallel()
	const page, image = "https://bank.example.com/pay", "https://bank.example.com/code.png"
	end := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	code := func(value string) onerway.Fields {
		return onerway.Fields{"codeForm": `{"expireTime":"2026-03-01T10:00:00+08:00","codeDetails":[` + value + `]}`}
	}
	text := func(words string) onerway.Fields { return onerway.Fields{"presentContext": words} }
	const required, unknown = orders.OutcomeActionRequired, orders.OutcomeUnknown
	type want struct {
		outcome orders.Outcome
		page    string
		display orders.Display
	}
	nothing := want{outcome: unknown}
	for name, test := range map[string]struct {
		action, page string
		fields       onerway.Fields
		local, card  want
	}{
		"a page":        {"RedirectURL", page, nil, want{required, page, orders.Display{}}, want{required, page, orders.Display{}}},
		"an old page":   {"", page, nil, want{required, page, orders.Display{}}, want{required, page, orders.Display{}}},
		"no page":       {"RedirectURL", "", nil, nothing, nothing},
		"a script":      {"RedirectURL", "javascript:alert(1)", nil, nothing, nothing},
		"a new action":  {"ScanFace", page, nil, nothing, nothing},
		"a code":        {"QrCode", "", code(`{"codeValue":"0002","displayType":"TEXT"}`), want{required, "", orders.Display{Code: "0002", ExpiresAt: end}}, nothing},
		"a picture":     {"QrCode", "", code(`{"codeValue":"` + image + `","displayType":"BIGIMAGE"}`), want{required, "", orders.Display{ImageURL: image, ExpiresAt: end}}, nothing},
		"a code, page":  {"QrCode", page, code(`{"codeValue":"0002"}`), want{required, "", orders.Display{Code: "0002", ExpiresAt: end}}, nothing},
		"no code":       {"QrCode", page, nil, nothing, nothing},
		"an odd code":   {"QrCode", "", code(`{"codeValue":"a\u0007b"}`), nothing, nothing},
		"a data image":  {"QrCode", "", code(`{"codeValue":"data:image/png;base64,AA==","displayType":"BIGIMAGE"}`), nothing, nothing},
		"a long image":  {"QrCode", "", code(`{"codeValue":"` + image + "?" + strings.Repeat("x", 2048) + `","displayType":"BIGIMAGE"}`), nothing, nothing},
		"other members": {"QrCode", "", code(`{"value":"0002"}`), nothing, nothing},
		"a text":        {"ShowContext", "", text("Voucher 12\r\nPay\tat a till\u202e."), want{required, "", orders.Display{Text: "Voucher 12\nPay at a till ."}}, nothing},
		"HTML":          {"ShowContext", "", text("<b>12</b>"), want{required, "", orders.Display{Text: "<b>12</b>"}}, nothing},
		"a blank text":  {"ShowContext", "", text(" \n "), nothing, nothing},
		"no text":       {"ShowContext", page, nil, nothing, nothing},
	} {
		for method, want := range map[orders.MethodType]want{orders.MethodLocal: test.local, orders.MethodCard: test.card} {
			t.Run(name+" by "+string(method), func(t *testing.T) {
				t.Parallel()
				ours := &observer{}
				provider := &provider{answer: onerway.SaleResponse{
					RespCode: "20000", Status: "R", ActionType: test.action, RedirectURL: test.page, Fields: test.fields, Rule: onerway.RuleStandard,
				}}
				ev := newGateway(t, provider, ours, &budget{}, "").Sale(t.Context(), orders.Sale{Method: method, Amount: amount(t, 100, "EUR")})
				require.Equal(t, want.outcome, ev.Outcome)
				require.Equal(t, want.page, ev.RedirectURL)
				require.Equal(t, want.display, ev.Display)
				if want.outcome == unknown {
					require.Equal(t, []string{"action"}, ours.unmapped, "counted, once")
				} else {
					require.Empty(t, ours.unmapped)
				}
			})
		}
	}
}

// visits answers the page of the bank, app or till.
func (b *testBundle) visits(t *testing.T, page, action string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(page, url.Values{"action": {action}})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
}

func TestLocal_APersonPaysWhatTheProviderAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pages := map[string]func(orders.Evidence) string{
		"iDEAL":     func(ev orders.Evidence) string { return ev.RedirectURL },
		"PromptPay": func(ev orders.Evidence) string { return ev.Display.Code },
		"Konbini": func(ev orders.Evidence) string {
			return b.sandbox.Books(sandbox.BookQuery{MerchantTxnID: ev.ProviderStatus}).Transactions[0].RedirectURL
		},
	}
	for method, pageOf := range pages {
		sale := b.sale("", amount(t, 2700, "EUR"), locally(orders.Local{Method: method}))
		ev := b.gateway.Sale(t.Context(), sale)
		require.Equal(t, orders.OutcomeActionRequired, ev.Outcome, method)
		require.NotContains(t, string(ev.Body), "Voucher")
		require.NotContains(t, string(ev.Body), "codeValue")
		open := b.asks(t, sale)
		require.Equal(t, orders.OutcomeActionRequired, open.Outcome, "a query says so too, and not what to do")
		require.True(t, open.Display.IsZero() && open.RedirectURL == "")

		ev.ProviderStatus = sale.MerchantTxnID // by which a till finds it
		b.visits(t, pageOf(ev), "pay")
		_, told, err := paymentNews(t, b.gateway, b.notification(t, sale))
		require.NoError(t, err)
		asked := b.asks(t, sale)
		for _, news := range []orders.Evidence{told, asked} {
			require.Equal(t, orders.OutcomeSucceeded, news.Outcome, method)
			require.Equal(t, sale.Amount, news.Amount)
			require.Empty(t, news.CardLast4)
		}
	}
	require.Empty(t, b.observer.unmapped)
}

func TestLocal_AnAccountIsDebitedAndShowsNowhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.sale("", amount(t, 2700, "EUR"), locally(orders.Local{Method: "SEPADD", IBAN: testIBAN}))
	ev := b.gateway.Sale(t.Context(), sale)
	require.Equal(t, orders.OutcomeProcessing, ev.Outcome)
	require.NotContains(t, string(ev.Body), testIBAN)
	require.NotContains(t, b.log.String(), testIBAN)

	missing := b.gateway.Sale(t.Context(), b.sale("", amount(t, 2700, "EUR"), locally(orders.Local{Method: "SEPADD"})))
	require.Equal(t, orders.OutcomeDeclined, missing.Outcome)
	require.Equal(t, orders.FailureConfiguration, missing.Failure.Category, "the provider refused the request itself")
}
