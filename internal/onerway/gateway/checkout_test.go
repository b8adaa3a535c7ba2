package gateway_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/sandbox"
)

// hosted makes a sale one on the provider's page.
func hosted(sale *orders.Sale) { sale.Method, sale.Card = orders.MethodHosted, cards.Card{} }

// asks asks the provider about a hosted payment.
func (b *testBundle) asks(t *testing.T, sale orders.Sale) orders.Evidence {
	t.Helper()
	ev, err := b.gateway.Find(t.Context(), orders.Query{
		MerchantTxnID: sale.MerchantTxnID, Amount: sale.Amount, Method: sale.Method, Patience: 5 * time.Second,
	})
	require.NoError(t, err)
	return ev
}

// pays types a card on the provider's page.
func (b *testBundle) pays(t *testing.T, page, card string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(page, url.Values{
		"action": {"pay"}, "number": {card}, "expiry": {"12/30"}, "cvv": {"123"}, "name": {"Test Buyer"},
	})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
}

func TestCheckout_OpensASessionForEveryMethodOrForCardsThatHoldMoney(t *testing.T) {
	t.Parallel()
	for capture, want := range map[orders.CaptureMethod][]any{
		orders.CaptureAutomatic: {onerway.ProductAll, onerway.TxnSale},
		orders.CaptureManual:    {onerway.ProductCard, onerway.TxnAuth},
	} {
		provider := &provider{err: &onerway.Error{Class: onerway.Unknown}}
		newGateway(t, provider, &observer{}, &budget{}, "").Sale(t.Context(), orders.Sale{
			Method: orders.MethodHosted, MerchantTxnID: "pay_1", OriginalID: "ord_1", Amount: amount(t, 2705, "EUR"),
			CaptureMethod: capture, Description: "Tea",
			Billing: details.Contact{Email: "jane@example.com", Address: &details.Address{Country: "DE"}}, CustomerID: "cus_1",
			Browser: orders.Browser{IP: "203.0.113.7"}, ReturnURL: "r", NotifyURL: "n",
		})
		address := &onerway.Address{Email: "jane@example.com", Country: "DE"}
		require.Equal(t, onerway.CheckoutRequest{
			MerchantTxnID: "pay_1", MerchantTxnOriginalID: "ord_1", MerchantCustID: "cus_1",
			ProductType: want[0].(onerway.ProductType), TxnType: want[1].(onerway.TxnType), //nolint:forcetypeassert // the table above
			OrderAmount: "27.05", OrderCurrency: "EUR", Billing: address, Shipping: address,
			Order: onerway.TxnOrderMsg{
				ReturnURL: "r", NotifyURL: "n", TransactionIP: "203.0.113.7",
				Products: onerway.Products{{Name: "Tea", Price: "27.05", Num: "1", Currency: "EUR"}},
			},
		}, provider.checkout)
	}
}

func TestCheckout_AsksTheShopperToAct(t *testing.T) {
	t.Parallel()
	for api, paymentStatus := range map[gateway.API]string{gateway.Transactions: "", gateway.Intents: "/U"} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(s *settings) { s.api, s.sandbox.Sim.PaymentIntents = api, api == gateway.Intents })
			sale := b.sale("", amount(t, 2750, "EUR"), hosted)

			ev := b.gateway.Sale(t.Context(), sale)

			require.Equal(t, orders.OutcomeActionRequired, ev.Outcome)
			require.Equal(t, "U"+paymentStatus, ev.ProviderStatus)
			require.Equal(t, sale.Amount, ev.Amount)
			require.Regexp(t, `^`+b.url+`/checkout\?key=[0-9a-f]{32}$`, ev.RedirectURL)
			require.Equal(t, []string{"checkout action_required"}, b.observer.calls)
			found := b.asks(t, sale)
			require.Equal(t, orders.OutcomeActionRequired, found.Outcome)
			require.Equal(t, ev.ProviderTransactionID, found.ProviderTransactionID)
			require.Empty(t, b.observer.unmapped)

			sale.Method = orders.MethodCard
			require.NotEqual(t, orders.OutcomeActionRequired, b.asks(t, sale).Outcome, "a card sale does not wait for a shopper")
		})
	}
}

func TestCheckout_AFailedAttemptSaysWhetherTheSessionIsOpen(t *testing.T) {
	t.Parallel()
	for api, outcome := range map[gateway.API]orders.Outcome{
		gateway.Transactions: orders.OutcomeDeclined, gateway.Intents: orders.OutcomeAttemptFailed,
	} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(s *settings) { s.api, s.sandbox.Sim.PaymentIntents = api, api == gateway.Intents })
			sale := b.sale("", amount(t, 2750, "EUR"), hosted)
			page := b.gateway.Sale(t.Context(), sale).RedirectURL
			b.pays(t, page, cardNoFunds)
			found := b.asks(t, sale)
			_, told, err := paymentNews(t, b.gateway, b.notification(t, sale))
			require.NoError(t, err)
			for _, ev := range []orders.Evidence{found, told} {
				require.Equal(t, outcome, ev.Outcome)
				require.Equal(t, "insufficient_funds", ev.Failure.Code)
			}

			b.pays(t, page, cardPays)
			paid := b.asks(t, sale)
			require.Equal(t, orders.OutcomeSucceeded, paid.Outcome)
			require.NotEqual(t, found.ProviderTransactionID, paid.ProviderTransactionID, "each attempt is a transaction of its own")
			require.Equal(t, []string{"visa", "1390", "US"}, []string{paid.CardBrand, paid.CardLast4, paid.CardCountry})
			require.Empty(t, b.observer.unmapped)
		})
	}
}

func TestCheckout_EndsClosed(t *testing.T) {
	t.Parallel()
	for api := range map[gateway.API]bool{gateway.Transactions: true, gateway.Intents: true} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(s *settings) { s.api, s.sandbox.Sim.PaymentIntents = api, api == gateway.Intents })
			sale := b.sale("", amount(t, 2750, "EUR"), hosted)
			b.gateway.Sale(t.Context(), sale)
			b.sandbox.Advance(30 * time.Minute)
			_, told, err := paymentNews(t, b.gateway, b.notification(t, sale))
			require.NoError(t, err)
			for _, ev := range []orders.Evidence{b.asks(t, sale), told} {
				require.Equal(t, orders.OutcomeClosed, ev.Outcome)
				require.Nil(t, ev.Failure)
			}
		})
	}
}

func TestCheckout_WithoutATrustworthyAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	for fault, outcome := range map[string]orders.Outcome{
		"lose_answer": orders.OutcomeUnknown, "bad_signature": orders.OutcomeUnknown, "unmapped_status": orders.OutcomeUnknown,
		"http_500": orders.OutcomeUnknown,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, err := b.sandbox.Arm(sandbox.Fault{Name: fault, Match: sandbox.Match{Path: "/txn/payment"}})
			require.NoError(t, err)
			sale := b.sale("", amount(t, 2750, "EUR"), hosted)
			ev := b.gateway.Sale(t.Context(), sale)
			require.Equal(t, outcome, ev.Outcome)
			require.Empty(t, ev.RedirectURL)
		})
	}
	b := setup(t)
	refused := b.gateway.Sale(t.Context(), b.sale("", amount(t, 2750, "EUR"), hosted, func(s *orders.Sale) { s.Billing.Address.Country = "ZZZ" }))
	require.Equal(t, orders.OutcomeDeclined, refused.Outcome)
	require.Equal(t, orders.FailureConfiguration, refused.Failure.Category)
}
