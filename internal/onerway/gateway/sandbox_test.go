package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/sandbox"
)

func TestSale_Succeeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.sale(cardPays, amount(t, 2750, "EUR"))

	ev := b.gateway.Sale(t.Context(), sale)

	require.Equal(t, orders.OutcomeSucceeded, ev.Outcome)
	require.Equal(t, orders.SourceAnswer, ev.Source)
	require.Equal(t, sale.Amount, ev.Amount)
	require.Regexp(t, `^\d{19}$`, ev.ProviderTransactionID)
	require.Equal(t, "S", ev.ProviderStatus)
	require.Equal(t, "20000", ev.ProviderCode)
	require.Nil(t, ev.Failure)
	require.Len(t, ev.Digest, 32)
	require.Contains(t, string(ev.Body), ev.ProviderTransactionID)
	require.NotContains(t, string(ev.Body), `"sign"`)
	require.Equal(t, []string{"sale approved"}, b.observer.calls)
	require.Empty(t, b.observer.unmapped)

	found := b.find(t, sale)
	require.Equal(t, orders.OutcomeSucceeded, found.Outcome)
	require.Equal(t, orders.SourceQuery, found.Source)
	require.Equal(t, ev.ProviderTransactionID, found.ProviderTransactionID)
	require.Equal(t, sale.Amount, found.Amount)
	require.Equal(t, "visa", found.CardBrand)
	require.Equal(t, "US", found.CardCountry)
	require.Contains(t, string(found.Body), "476134******1390")
	require.NotContains(t, string(found.Body), "Test Buyer", "the cardholder's name is not kept")
	require.NotContains(t, string(found.Body), "buyer@example.com")

	id, told, err := paymentNews(t, b.gateway, b.notification(t, sale))
	require.NoError(t, err)
	require.Equal(t, sale.MerchantTxnID, id)
	require.Equal(t, orders.OutcomeSucceeded, told.Outcome)
	require.Equal(t, orders.SourceNotification, told.Source)
	require.Equal(t, sale.Amount, told.Amount)
	require.Empty(t, told.CardBrand, "paymentMethod is not signed")
	require.Len(t, told.Digest, 32)
}

func TestSale_IsDeclined(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]sandbox.DeclineForm{
		"by code": sandbox.DeclineByCode, "by status": sandbox.DeclineByStatus,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(s *settings) { s.sandbox.Sim.Decline = form })
			sale := b.sale(cardNoFunds, amount(t, 2750, "EUR"))

			ev := b.gateway.Sale(t.Context(), sale)

			require.Equal(t, orders.OutcomeDeclined, ev.Outcome)
			require.Equal(t, "F", ev.ProviderStatus)
			require.NotNil(t, ev.Failure)
			if form == sandbox.DeclineByCode {
				require.Equal(t, &orders.Failure{
					Code: "insufficient_funds", DeclineCode: "insufficient_funds", Category: orders.FailureSoft,
					Message: "The card has insufficient funds.", ProviderCode: "20051",
				}, ev.Failure)
				require.Equal(t, []string{"sale soft"}, b.observer.calls)
			} else {
				require.Equal(t, "card_declined", ev.Failure.Code)
				require.Equal(t, orders.FailureHard, ev.Failure.Category, "nobody said that trying again may help")
			}
			found := b.find(t, sale)
			require.Equal(t, orders.OutcomeDeclined, found.Outcome)
			require.Equal(t, "insufficient_funds", found.Failure.Code, "the query tells the reason in either form")
		})
	}
}

func TestSale_TellsCardFaultsFromOurOwn(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*orders.Sale)
		want orders.Failure
	}{
		"invalid number": {
			func(s *orders.Sale) { s.Card.Number = "4111111111111112" },
			orders.Failure{Code: "invalid_number", DeclineCode: "invalid_number", Category: orders.FailureHard, ProviderCode: "13002"},
		},
		"expired card": {
			func(s *orders.Sale) { s.Card.ExpYear = 2020 },
			orders.Failure{Code: "expired_card", DeclineCode: "expired_card", Category: orders.FailureHard, ProviderCode: "13004"},
		},
		"address of ours not registered": {
			func(s *orders.Sale) { s.ReturnURL = "ftp://shop.example.com" },
			orders.Failure{
				Code: "processing_error", DeclineCode: "invalid_transaction_url", Category: orders.FailureConfiguration,
				ProviderCode: "13003",
			},
		},
		"address of ours too long to be sent": {
			func(s *orders.Sale) { s.ReturnURL += strings.Repeat("x", 256) },
			orders.Failure{Code: "processing_error", DeclineCode: "request_rejected", Category: orders.FailureConfiguration},
		},
		"amount that cannot be written": {
			func(s *orders.Sale) { s.Amount = amount(t, 1050, "HUF") },
			orders.Failure{Code: "processing_error", DeclineCode: "request_rejected", Category: orders.FailureConfiguration},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			ev := b.gateway.Sale(t.Context(), b.sale(cardPays, amount(t, 2750, "EUR"), test.edit))

			require.Equal(t, orders.OutcomeDeclined, ev.Outcome)
			require.NotNil(t, ev.Failure)
			require.NotEmpty(t, ev.Failure.Message)
			test.want.Message = ev.Failure.Message
			require.Equal(t, test.want, *ev.Failure)
			require.Empty(t, b.sandbox.Books(sandbox.BookQuery{}).Transactions)
		})
	}
}

func TestSale_ThroughChallenge(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		card, action string
		outcome      orders.Outcome
		result       orders.ThreeDSResult
		eci          string
	}{
		"approved":                    {cardChallenged, "approve", orders.OutcomeSucceeded, "", "05"},
		"failed by the shopper":       {cardChallenged, "fail", orders.OutcomeDeclined, orders.ThreeDSFailed, ""},
		"approved, and fails anyway":  {cardAuthFails, "approve", orders.OutcomeDeclined, orders.ThreeDSFailed, ""},
		"left, and nothing has ended": {cardChallenged, "leave", orders.OutcomeActionRequired, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sale := b.sale(test.card, amount(t, 2750, "EUR"))

			ev := b.gateway.Sale(t.Context(), sale)
			require.Equal(t, orders.OutcomeActionRequired, ev.Outcome)
			require.True(t, strings.HasPrefix(ev.RedirectURL, b.url+"/3dsSecure/"), ev.RedirectURL)
			require.Equal(t, orders.OutcomeActionRequired, b.find(t, sale).Outcome)

			b.answerChallenge(t, ev.RedirectURL, test.action)
			found := b.find(t, sale)
			require.Equal(t, test.outcome, found.Outcome)
			require.Equal(t, test.result, found.ThreeDSResult)
			require.Equal(t, test.eci, found.ECI)
			if test.outcome == orders.OutcomeAttemptFailed {
				require.Equal(t, "authentication_failed", found.Failure.Code)
			}
		})
	}
}

func TestSale_LeftChallengeIsClosedInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.sale(cardChallenged, amount(t, 2750, "EUR"))
	require.Equal(t, orders.OutcomeActionRequired, b.gateway.Sale(t.Context(), sale).Outcome)

	b.sandbox.Advance(31 * time.Minute)

	_, told, err := paymentNews(t, b.gateway, b.notification(t, sale))
	require.NoError(t, err)
	require.Equal(t, orders.OutcomeClosed, told.Outcome)
	require.Equal(t, "authentication_timeout", told.Failure.Code)
	require.Equal(t, orders.ThreeDSTimeout, told.ThreeDSResult)
	require.Equal(t, orders.OutcomeClosed, b.find(t, sale).Outcome)
}

func TestSale_WithStrategies(t *testing.T) {
	t.Parallel()
	mpi := &orders.MPI{ECI: "05", CAVV: "AAABBEg0VhI0VniQEjRWAAAAAAA=", DSTransID: "f25084f0-5b16-4c0a-ae5d-b24808a95e4b"}
	tests := map[string]struct {
		card    string
		threeDS orders.ThreeDS
		outcome orders.Outcome
		eci     string
		result  orders.ThreeDSResult
	}{
		"auto, frictionless":        {cardFrictionless, orders.ThreeDS{Strategy: orders.ThreeDSAuto}, orders.OutcomeSucceeded, "05", ""},
		"no strategy is auto":       {cardPays, orders.ThreeDS{}, orders.OutcomeSucceeded, "", ""},
		"force":                     {cardPays, orders.ThreeDS{Strategy: orders.ThreeDSForce}, orders.OutcomeActionRequired, "", ""},
		"skip, and the bank agrees": {cardPays, orders.ThreeDS{Strategy: orders.ThreeDSSkip}, orders.OutcomeSucceeded, "", ""},
		"skip, and the bank insists": {
			cardChallenged, orders.ThreeDS{Strategy: orders.ThreeDSSkip}, orders.OutcomeDeclined, "", orders.ThreeDSRejected,
		},
		"the bank rejects": {
			cardAuthRefused, orders.ThreeDS{Strategy: orders.ThreeDSAuto}, orders.OutcomeDeclined, "", orders.ThreeDSRejected,
		},
		"the merchant has authenticated": {
			cardChallenged, orders.ThreeDS{Strategy: orders.ThreeDSForce, MPI: mpi}, orders.OutcomeSucceeded, "05", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sale := b.sale(test.card, amount(t, 2750, "EUR"), func(s *orders.Sale) { s.ThreeDS = test.threeDS })
			ev := b.gateway.Sale(t.Context(), sale)
			require.Equal(t, test.outcome, ev.Outcome)
			require.Equal(t, test.eci, ev.ECI)
			require.Equal(t, test.result, ev.ThreeDSResult)
		})
	}
}

func TestSale_WithoutTrustworthyAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		card     string
		later    orders.Outcome
		unmapped []string
	}{
		"lost answer":     {cardLosesAnswer, orders.OutcomeSucceeded, nil},
		"forged answer":   {cardBadSignature, orders.OutcomeSucceeded, nil},
		"unmapped status": {cardUnmapped, orders.OutcomeSucceeded, []string{"status"}},
		"server error":    {cardServerError, orders.OutcomeNotFound, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sale := b.sale(test.card, amount(t, 2750, "EUR"))

			ev := b.gateway.Sale(t.Context(), sale)
			require.Equal(t, orders.OutcomeUnknown, ev.Outcome)
			require.Nil(t, ev.Failure)
			require.Equal(t, test.unmapped, b.observer.unmapped)
			require.Equal(t, []string{"sale unknown"}, b.observer.calls)
			require.Contains(t, b.log.String(), sale.MerchantTxnID, "somebody has to be able to look into it")

			require.Equal(t, test.later, b.find(t, sale).Outcome)
		})
	}
}

func TestSale_KeepsTheCardToItself(t *testing.T) {
	t.Parallel()
	for _, card := range []string{cardPays, cardNoFunds, cardChallenged, cardLosesAnswer, cardBadSignature, cardUnmapped, "4111111111111112"} {
		b := setup(t)
		sale := b.sale(card, amount(t, 2750, "EUR"), func(s *orders.Sale) { s.Card.CVC = "9731" })
		answered := b.gateway.Sale(t.Context(), sale)
		told := fmt.Sprintf("%+v %s %+v %s %s", answered, answered.Body, b.find(t, sale), b.find(t, sale).Body, b.log)
		for _, secret := range []string{card, "Test Buyer"} {
			require.NotContains(t, told, secret)
		}
		require.NotRegexp(t, `(^|\D)9731(\D|$)`, told, "the security code; within a longer number it is chance")
	}
}

func TestSale_StillProcessing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.sale(cardProcessing, amount(t, 2750, "EUR"))
	require.Equal(t, orders.OutcomeProcessing, b.gateway.Sale(t.Context(), sale).Outcome)
	require.Equal(t, orders.OutcomeProcessing, b.find(t, sale).Outcome)
}

func TestSale_NeverSent(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.client.Breaker.Failures = 1 })
	_, err := b.sandbox.Arm(sandbox.Fault{Name: "query_down"})
	require.NoError(t, err)
	_, err = b.gateway.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
	require.Error(t, err)

	ev := b.gateway.Sale(t.Context(), b.sale(cardPays, amount(t, 2750, "EUR")))

	require.Equal(t, orders.OutcomeNeverSent, ev.Outcome)
	require.Nil(t, ev.Failure)
	require.JSONEq(t, `{"error":{"class":"never_sent","reason":"circuit_open","http_status":0,"resp_code":"","resp_msg":""}}`,
		string(ev.Body))
	require.Equal(t, []string{"query unknown", "sale never_sent"}, b.observer.calls)
}

func TestSale_InCurrencies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		minor int64
		code  string
		wire  string
	}{
		"two decimals":                        {2705, "USD", "27.05"},
		"no decimals":                         {1500, "JPY", "1500"},
		"none at the provider, two in ISO":    {150000, "HUF", "1500"},
		"the provider's minimum":              {100_0000, "IDR", "10000"},
		"none in ISO, unlisted by the source": {1500, "CLP", "1500.00"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sale := b.sale(cardPays, amount(t, test.minor, test.code))
			require.NoError(t, b.gateway.Accepts(sale.Amount))

			ev := b.gateway.Sale(t.Context(), sale)

			require.Equal(t, orders.OutcomeSucceeded, ev.Outcome, string(ev.Body))
			require.Equal(t, sale.Amount, ev.Amount)
			require.Equal(t, test.wire, b.sandbox.Books(sandbox.BookQuery{}).Transactions[0].OrderAmount)
			require.Equal(t, sale.Amount, b.find(t, sale).Amount)
		})
	}
}

func TestFind_InIntents(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		card          string
		sale, outcome orders.Outcome
		status        string
	}{
		"paid":        {cardPays, orders.OutcomeSucceeded, orders.OutcomeSucceeded, "S/S"},
		"declined":    {cardNoFunds, orders.OutcomeAttemptFailed, orders.OutcomeAttemptFailed, "F/O"},
		"challenged":  {cardChallenged, orders.OutcomeActionRequired, orders.OutcomeActionRequired, "R/R"},
		"lost answer": {cardLosesAnswer, orders.OutcomeUnknown, orders.OutcomeSucceeded, "S/S"},
		"never began": {cardServerError, orders.OutcomeUnknown, orders.OutcomeNotFound, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(s *settings) { s.api, s.sandbox.Sim.PaymentIntents = gateway.Intents, true })
			sale := b.sale(test.card, amount(t, 2750, "EUR"))

			require.Equal(t, test.sale, b.gateway.Sale(t.Context(), sale).Outcome)
			found := b.find(t, sale)
			require.Equal(t, test.outcome, found.Outcome)
			require.Equal(t, test.status, found.ProviderStatus)
			require.Equal(t, []string{"query_intent answered", "query answered"}, b.observer.calls[1:])
			if test.outcome == orders.OutcomeDeclined {
				require.Equal(t, "insufficient_funds", found.Failure.Code)
				_, told, err := paymentNews(t, b.gateway, b.notification(t, sale))
				require.NoError(t, err)
				require.Equal(t, orders.OutcomeAttemptFailed, told.Outcome)
				require.Equal(t, "F/O", told.ProviderStatus)
			}
		})
	}
}

func TestFind_NotAnsweredIsNoEvidence(t *testing.T) {
	t.Parallel()
	t.Run("queries are down", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.sandbox.Arm(sandbox.Fault{Name: "query_down"})
		require.NoError(t, err)
		ev, err := b.gateway.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
		require.ErrorContains(t, err, "find pay_1")
		require.Zero(t, ev)
	})
	t.Run("patience is over", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.sandbox.Arm(sandbox.Fault{Name: "hang", Match: sandbox.Match{Path: "/v1/txn/list"}})
		require.NoError(t, err)
		began := time.Now()
		_, err = b.gateway.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1", Patience: 50 * time.Millisecond})
		require.Error(t, err)
		require.Less(t, time.Since(began), 5*time.Second)
	})
}

func (b *testBundle) answerChallenge(t *testing.T, page, action string) {
	t.Helper()
	form := strings.NewReader(url.Values{"action": {action}}.Encode())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page, form)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusSeeOther, response.StatusCode)
}
