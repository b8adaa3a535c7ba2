package gateway_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

const someDigest = "836831ae68fce5e61d4a64363bb72c636efe6e94b62ecaa8d1c95fc58cc9cbed"

func TestNew_RefusesHalfAGateway(t *testing.T) {
	t.Parallel()
	_, err := gateway.New(gateway.Options{})
	require.Error(t, err)
	_, err = gateway.New(gateway.Options{Provider: &provider{}, Budget: &budget{}, Observer: &observer{}, API: "rest"})
	require.ErrorContains(t, err, "rest")
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	busy := fault.Down("provider_unavailable", 0, ratelimit.ErrBusy, "Busy.")
	gone := errors.New("the caller left")
	tests := map[string]struct {
		down, budget, cause error
		lanes               int
	}{
		"free":             {nil, nil, nil, 1},
		"circuit open":     {onerway.ErrCircuitOpen, nil, onerway.ErrCircuitOpen, 0},
		"no place in time": {nil, busy, ratelimit.ErrBusy, 1},
		"context ended":    {nil, gone, gone, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			budget := &budget{err: test.budget}
			err := newGateway(t, &provider{down: test.down}, &observer{}, budget, "").Admit(t.Context(), orders.InitiatorCustomer)
			require.Len(t, budget.lanes, test.lanes)
			if test.cause == nil {
				require.NoError(t, err)
				require.Equal(t, ratelimit.LaneSale, budget.lanes[0])
				return
			}
			failed, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok)
			require.Equal(t, fault.Unavailable, failed.Kind)
			require.Equal(t, "provider_unavailable", failed.Code)
			require.ErrorIs(t, err, test.cause)
		})
	}
}

// Every letter, in the three places where it is read.
func TestStatus_MeansTheSameFromEverySource(t *testing.T) {
	t.Parallel()
	tests := []struct {
		letter, intent, txnType string
		want                    orders.Outcome
		unmapped                []string
	}{
		{"S", "", "SALE", orders.OutcomeSucceeded, nil},
		{"S", "", "AUTH", orders.OutcomeAuthorized, nil},
		{"F", "", "SALE", orders.OutcomeDeclined, nil},
		{"P", "", "SALE", orders.OutcomeProcessing, nil},
		{"N", "", "SALE", orders.OutcomeClosed, nil},
		{"U", "", "SALE", orders.OutcomeUnknown, nil},
		{"I", "", "SALE", orders.OutcomeUnknown, nil},
		{"X", "", "SALE", orders.OutcomeUnknown, []string{"status"}},
		{"s", "", "SALE", orders.OutcomeUnknown, []string{"status"}},
		{"", "", "SALE", orders.OutcomeUnknown, []string{"status"}},
		{"S", "S", "SALE", orders.OutcomeSucceeded, nil},
		{"S", "A", "AUTH", orders.OutcomeAuthorized, nil},
		{"S", "P", "SALE", orders.OutcomeProcessing, nil},
		{"S", "X", "SALE", orders.OutcomeUnknown, []string{"status"}},
		{"S", "N", "SALE", orders.OutcomeUnknown, nil},
		{"F", "O", "SALE", orders.OutcomeAttemptFailed, nil},
		{"F", "S", "SALE", orders.OutcomeUnknown, nil},
		{"N", "N", "SALE", orders.OutcomeClosed, nil},
	}
	for _, test := range tests {
		t.Run(test.letter+"/"+test.intent+" "+test.txnType, func(t *testing.T) {
			t.Parallel()
			ours := &observer{}
			provider := &provider{rows: onerway.Page[onerway.Transaction]{Rows: []onerway.Transaction{
				{MerchantTxnID: "pay_1", TxnType: test.txnType, Status: test.letter, Reason: `{"respCode":"70002"}`},
			}}}
			if test.intent != "" {
				provider.intents.Rows = []onerway.PaymentIntent{{MerchantTxnID: "pay_1", PaymentStatus: test.intent, PaymentID: "1"}}
			}
			g := newGateway(t, provider, ours, &budget{}, gateway.Intents)

			found, err := g.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
			require.NoError(t, err)
			require.Equal(t, test.want, found.Outcome)
			require.Equal(t, test.unmapped, ours.unmapped)

			id, told, err := paymentNews(t, g, onerway.Notification{
				NotifyType: "TXN", TxnType: test.txnType, MerchantTxnID: "pay_1", Status: test.letter, PaymentStatus: test.intent,
				Reason: `{"respCode":"70002"}`,
			})
			require.NoError(t, err)
			require.Equal(t, "pay_1", id)
			require.Equal(t, test.want, told.Outcome)

			if test.txnType == "SALE" {
				provider.answer = onerway.SaleResponse{
					RespCode: "20000", Status: test.letter, PaymentStatus: test.intent, Rule: onerway.RuleStandard,
				}
				answered := g.Sale(t.Context(), orders.Sale{Amount: amount(t, 100, "EUR")})
				require.Equal(t, test.want, answered.Outcome)
			}
		})
	}
}

func TestSale_RedirectsOnlyToTheWeb(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]orders.Outcome{
		"https://gw.example.com/3ds": orders.OutcomeActionRequired,
		"http://127.0.0.1:8090/3ds":  orders.OutcomeActionRequired,
		"javascript:alert(1)":        orders.OutcomeUnknown,
		"data:text/html,x":           orders.OutcomeUnknown,
		"//gw.example.com/3ds":       orders.OutcomeUnknown,
		"https:///3ds":               orders.OutcomeUnknown,
		"https://gw example/%zz":     orders.OutcomeUnknown,
		"":                           orders.OutcomeUnknown,
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			provider := &provider{answer: onerway.SaleResponse{RespCode: "20000", Status: "R", RedirectURL: address}}
			ev := newGateway(t, provider, &observer{}, &budget{}, "").Sale(t.Context(), orders.Sale{Amount: amount(t, 100, "EUR")})
			require.Equal(t, want, ev.Outcome)
			if want == orders.OutcomeUnknown {
				require.Empty(t, ev.RedirectURL)
			} else {
				require.Equal(t, address, ev.RedirectURL)
			}
		})
	}
}

func TestSale_AnswersThatContradictThemselvesAreUnknown(t *testing.T) {
	t.Parallel()
	for code, unmapped := range map[string][]string{"12009": nil, "99999": {"code"}} {
		ours := &observer{}
		provider := &provider{answer: onerway.SaleResponse{RespCode: code, Status: "S", PaymentStatus: "S"}}
		ev := newGateway(t, provider, ours, &budget{}, "").Sale(t.Context(), orders.Sale{Amount: amount(t, 100, "EUR")})
		require.Equal(t, orders.OutcomeUnknown, ev.Outcome, code)
		require.Equal(t, unmapped, ours.unmapped, code)
	}
}

func TestSale_FailuresByClass(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err      error
		outcome  orders.Outcome
		failure  string
		class    string
		unmapped []string
	}{
		"never sent":        {&onerway.Error{Class: onerway.NeverSent, Reason: onerway.ReasonConnection}, orders.OutcomeNeverSent, "", "never_sent", nil},
		"cannot be written": {&onerway.Error{Class: onerway.NeverSent, Reason: onerway.ReasonInvalidRequest}, orders.OutcomeDeclined, "request_rejected", "configuration", nil},
		"refused":           {&onerway.Error{Class: onerway.Refused, RespCode: "13001"}, orders.OutcomeDeclined, "invalid_app_id", "configuration", nil},
		"refused card":      {&onerway.Error{Class: onerway.Refused, RespCode: "13004"}, orders.OutcomeDeclined, "expired_card", "hard", nil},
		"timeout":           {&onerway.Error{Class: onerway.Unknown, Reason: onerway.ReasonTimeout}, orders.OutcomeUnknown, "", "unknown", nil},
		"code of a doubt":   {&onerway.Error{Class: onerway.Unknown, RespCode: "11001"}, orders.OutcomeUnknown, "", "unknown", nil},
		"code of nobody":    {&onerway.Error{Class: onerway.Unknown, RespCode: "99999"}, orders.OutcomeUnknown, "", "unknown", []string{"code"}},
		"another error":     {errors.New("boom"), orders.OutcomeUnknown, "", "unknown", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours := &observer{}
			ev := newGateway(t, &provider{err: test.err}, ours, &budget{}, "").
				Sale(t.Context(), orders.Sale{Amount: amount(t, 100, "EUR")})
			require.Equal(t, test.outcome, ev.Outcome)
			require.Equal(t, orders.SourceAnswer, ev.Source)
			require.True(t, len(ev.Body) == 0 || json.Valid(ev.Body))
			require.Equal(t, []string{"sale " + test.class}, ours.calls)
			require.Equal(t, test.unmapped, ours.unmapped)
			if test.failure == "" {
				require.Nil(t, ev.Failure)
				return
			}
			require.Equal(t, test.failure, ev.Failure.DeclineCode)
			require.NotContains(t, ev.Failure.Message, "provider", "the shopper reads our words")
		})
	}
}

func TestDecline_ByCode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		failure  string
		category orders.FailureCategory
		result   orders.ThreeDSResult
		unmapped []string
	}{
		"20051": {"insufficient_funds", orders.FailureSoft, "", nil},
		"20054": {"expired_card", orders.FailureHard, "", nil},
		"20082": {"incorrect_cvc", orders.FailureSoft, "", nil},
		"20096": {"processing_error", orders.FailureTechnical, "", nil},
		"12009": {"processing_error", orders.FailureTechnical, "", nil},
		"12002": {"processing_error", orders.FailureConfiguration, "", nil},
		"40201": {"authentication_failed", orders.FailureSoft, orders.ThreeDSFailed, nil},
		"40202": {"authentication_timeout", orders.FailureSoft, orders.ThreeDSTimeout, nil},
		"40203": {"authentication_rejected", orders.FailureHard, orders.ThreeDSRejected, nil},
		"20000": {"card_declined", orders.FailureHard, "", nil},
		"":      {"card_declined", orders.FailureHard, "", nil},
		"13099": {"card_declined", orders.FailureHard, "", []string{"code"}},
	}
	for code, test := range tests {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			ours := &observer{}
			_, ev, err := paymentNews(t, newGateway(t, &provider{}, ours, &budget{}, ""), onerway.Notification{
				NotifyType: "TXN", TxnType: "SALE", Status: "F", Reason: `{"respCode":"` + code + `","respMsg":"card 4761344136141390"}`,
			})
			require.NoError(t, err)
			require.Equal(t, orders.OutcomeDeclined, ev.Outcome)
			require.Equal(t, test.failure, ev.Failure.Code)
			require.Equal(t, test.category, ev.Failure.Category)
			require.Equal(t, test.result, ev.ThreeDSResult)
			require.Equal(t, test.unmapped, ours.unmapped)
			require.NotEmpty(t, ev.Failure.Message)
			require.NotContains(t, ev.Failure.Message, "4761", "the provider's text is not shown")
		})
	}
}

func TestSale_DeclineToldAsSuccessReadsTheReasonInItsData(t *testing.T) {
	t.Parallel()
	provider := &provider{answer: onerway.SaleResponse{
		RespCode: "20000", Status: "F", Fields: onerway.Fields{"reason": `{"respCode":"20051","respMsg":"x"}`},
	}}
	ev := newGateway(t, provider, &observer{}, &budget{}, "").Sale(t.Context(), orders.Sale{Amount: amount(t, 100, "EUR")})
	require.Equal(t, "insufficient_funds", ev.Failure.Code)
	require.Equal(t, "20051", ev.Failure.ProviderCode)
}

func TestNews_OnlyOfChargesRefundsAndReversals(t *testing.T) {
	t.Parallel()
	g := newGateway(t, &provider{}, &observer{}, &budget{}, "")
	for kind, isNews := range map[string]bool{
		"TXN SALE": true, "TXN AUTH": true, "CANCEL SALE": true,
		"TXN ": false, "SETTLEMENT ": false, "REFUND_AUDIT ": false, " SALE": false,
	} {
		notifyType, txnType, _ := strings.Cut(kind, " ")
		id, ev, err := paymentNews(t, g, onerway.Notification{
			NotifyType: notifyType, TxnType: txnType, MerchantTxnID: "pay_1", Status: "S",
		})
		if isNews {
			require.NoError(t, err, kind)
			require.Equal(t, "pay_1", id, kind)
			continue
		}
		require.ErrorIs(t, err, gateway.ErrNoPaymentNews, kind)
		require.Zero(t, ev, kind)
	}
}

func TestNews_OfASaleWhole(t *testing.T) {
	t.Parallel()
	_, ev, err := paymentNews(t, newGateway(t, &provider{}, &observer{}, &budget{}, ""), onerway.Notification{
		NotifyType: "TXN", TxnType: "SALE", TransactionID: "1920061365985615872", MerchantTxnID: "pay_1", Status: "S",
		OrderAmount: "1500.00", OrderCurrency: "JPY", ECI: "05", CardBinCountry: "JP", PaymentMethod: "VISA",
		Reason: `{"respCode":"20000","respMsg":"Success"}`, BodyDigest: someDigest,
		Fields: onerway.Fields{
			"transactionId": "1920061365985615872", "tokenId": "tok", "sign": "s", "note": "4761344136141390", "eci": "05",
			"holderName": "Jane Doe", "orderAmount": "1500.00", "contractId": "",
		},
	})
	require.NoError(t, err)
	body := ev.Body
	ev.Body = nil
	digest, err := hex.DecodeString(someDigest)
	require.NoError(t, err)
	require.Equal(t, orders.Evidence{
		Source: orders.SourceNotification, Outcome: orders.OutcomeSucceeded, Amount: amount(t, 1500, "JPY"),
		ProviderTransactionID: "1920061365985615872", ProviderStatus: "S", ProviderCode: "20000", ECI: "05", CardCountry: "JP",
		Digest: digest,
	}, ev)
	require.JSONEq(t, `{"transactionId":"1920061365985615872","tokenId":"[redacted]","note":"476134******1390","eci":"05",
		"holderName":"[redacted]","orderAmount":"1500.00"}`, string(body))
}
