package gateway_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

func sold(id, status, at string) onerway.Transaction {
	return onerway.Transaction{MerchantTxnID: "pay_1", TransactionID: id, TxnType: "SALE", Status: status, TxnTime: at}
}

func TestFind_PicksTheRowThatSpeaksForUs(t *testing.T) {
	t.Parallel()
	const early, late = "2026-03-01 09:00:00", "2026-03-01 10:00:00"
	refund := sold("9", "S", late)
	refund.TxnType = "REFUND"
	foreign := sold("8", "S", late)
	foreign.MerchantTxnID = "pay_2"
	authorized := sold("7", "S", late)
	authorized.TxnType = "AUTH"
	tests := map[string]struct {
		rows    []onerway.Transaction
		want    string
		outcome orders.Outcome
	}{
		"the only one":                     {[]onerway.Transaction{sold("1", "P", early)}, "1", orders.OutcomeProcessing},
		"an authorization":                 {[]onerway.Transaction{authorized}, "7", orders.OutcomeAuthorized},
		"the success, though older":        {[]onerway.Transaction{sold("1", "S", early), sold("2", "F", late)}, "1", orders.OutcomeSucceeded},
		"the success, though listed later": {[]onerway.Transaction{sold("2", "F", late), sold("1", "S", early)}, "1", orders.OutcomeSucceeded},
		"the newest failure":               {[]onerway.Transaction{sold("2", "P", late), sold("1", "F", early)}, "2", orders.OutcomeProcessing},
		"the newest by id":                 {[]onerway.Transaction{sold("10", "P", early), sold("9", "F", early)}, "10", orders.OutcomeProcessing},
		"the first of two successes":       {[]onerway.Transaction{sold("2", "S", late), sold("1", "S", early)}, "1", orders.OutcomeSucceeded},
		"no refund":                        {[]onerway.Transaction{refund, sold("1", "S", early)}, "1", orders.OutcomeSucceeded},
		"nobody else's":                    {[]onerway.Transaction{foreign, sold("1", "F", early)}, "1", orders.OutcomeDeclined},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, &provider{rows: onerway.Page[onerway.Transaction]{Rows: test.rows}}, &observer{}, &budget{}, "")
			ev, err := g.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
			require.NoError(t, err)
			require.Equal(t, test.want, ev.ProviderTransactionID)
			require.Equal(t, test.outcome, ev.Outcome)
		})
	}
}

func TestFind_OnlyAnEmptyPageDeniesAPayment(t *testing.T) {
	t.Parallel()
	refund := sold("9", "S", "")
	refund.TxnType = "REFUND"
	foreign := sold("8", "S", "")
	foreign.MerchantTxnID = "pay_2"
	page := func(total int, rows ...onerway.Transaction) onerway.Page[onerway.Transaction] {
		return onerway.Page[onerway.Transaction]{Rows: rows, TotalElements: total, BodyDigest: someDigest}
	}
	tests := map[string]struct {
		page   onerway.Page[onerway.Transaction]
		denied bool
	}{
		"empty":                         {page(0), true},
		"a refund of it alone":          {page(1, refund), false},
		"other payments":                {page(1, foreign), false},
		"rows that are counted, unseen": {page(3), false},
		"rows that are less than none":  {page(-1), false},
		"a page behind the first":       {onerway.Page[onerway.Transaction]{Current: 2, TotalPages: 1}, false},
		"the first of several":          {onerway.Page[onerway.Transaction]{Current: 1, TotalPages: 2}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, &provider{rows: test.page}, &observer{}, &budget{}, "")
			ev, err := g.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
			if !test.denied {
				require.ErrorContains(t, err, "other transactions")
				return
			}
			require.NoError(t, err)
			require.Equal(t, orders.OutcomeNotFound, ev.Outcome)
			require.Equal(t, orders.SourceQuery, ev.Source)
			require.Len(t, ev.Digest, 32)
		})
	}
}

func TestFind_TellsEverythingOfTheRow(t *testing.T) {
	t.Parallel()
	row := sold("1", "F", "")
	row.OrderAmount, row.OrderCurrency, row.PaymentMethod, row.CardBinCountry = "27.05", "EUR", "MASTERCARD", "FR"
	row.ECI, row.Reason = "02", `{"respCode":"20051","respMsg":"Insufficient funds"}`
	row.Fields = onerway.Fields{"cardNumber": "2221008123677736", "email": "a@example.com"}
	g := newGateway(t, &provider{rows: onerway.Page[onerway.Transaction]{Rows: []onerway.Transaction{row}}}, &observer{}, &budget{}, "")

	ev, err := g.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})

	require.NoError(t, err)
	require.Equal(t, amount(t, 2705, "EUR"), ev.Amount)
	require.Equal(t, "mastercard", ev.CardBrand)
	require.Equal(t, "FR", ev.CardCountry)
	require.Equal(t, "02", ev.ECI)
	require.Equal(t, "20051", ev.ProviderCode)
	require.Equal(t, "insufficient_funds", ev.Failure.Code)
	require.JSONEq(t, `{"cardNumber":"222100******7736","email":"[redacted]"}`, string(ev.Body))
}

func TestFind_AsksInTheQueryLane(t *testing.T) {
	t.Parallel()
	for api, lanes := range map[gateway.API]int{gateway.Transactions: 1, gateway.Intents: 2} {
		budget := &budget{}
		_, err := newGateway(t, &provider{}, &observer{}, budget, api).Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
		require.NoError(t, err)
		require.Len(t, budget.lanes, lanes)
		require.Equal(t, ratelimit.LaneQuery, budget.lanes[0])
	}
	full := errors.New("full")
	ours := &observer{}
	_, err := newGateway(t, &provider{}, ours, &budget{err: full}, "").Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
	require.ErrorIs(t, err, full)
	require.Empty(t, ours.calls, "nothing was sent")
}

func TestFind_IntentsStandAboveTransactions(t *testing.T) {
	t.Parallel()
	intent := onerway.PaymentIntent{
		PaymentID: "100", LastTransactionID: "2", PaymentStatus: "S", MerchantTxnID: "pay_1", OrderAmount: "27.05", OrderCurrency: "EUR",
	}
	foreign := intent
	foreign.MerchantTxnID = "pay_2"
	tests := map[string]struct {
		intents []onerway.PaymentIntent
		rows    []onerway.Transaction
		outcome orders.Outcome
		id      string
		failed  bool
	}{
		"paid by its last transaction": {
			[]onerway.PaymentIntent{intent}, []onerway.Transaction{sold("1", "F", ""), sold("2", "S", "")}, orders.OutcomeSucceeded, "2", false,
		},
		"paid, the row is behind": {
			[]onerway.PaymentIntent{intent}, []onerway.Transaction{sold("2", "P", "")}, orders.OutcomeSucceeded, "2", false,
		},
		"paid, the row does not agree": {
			[]onerway.PaymentIntent{intent}, []onerway.Transaction{sold("2", "F", "")}, orders.OutcomeUnknown, "2", false,
		},
		"paid by a transaction that is not listed yet": {
			[]onerway.PaymentIntent{intent}, []onerway.Transaction{sold("1", "F", "")}, orders.OutcomeSucceeded, "2", false,
		},
		"paid, nothing is listed":  {[]onerway.PaymentIntent{intent}, nil, orders.OutcomeSucceeded, "2", false},
		"no intent around it":      {nil, []onerway.Transaction{sold("1", "S", "")}, orders.OutcomeSucceeded, "1", false},
		"neither":                  {nil, nil, orders.OutcomeNotFound, "", false},
		"an intent without a word": {[]onerway.PaymentIntent{{MerchantTxnID: "pay_1"}}, nil, "", "", true},
		"somebody else's intent":   {[]onerway.PaymentIntent{foreign}, []onerway.Transaction{sold("1", "S", "")}, "", "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours := &observer{}
			g := newGateway(t, &provider{
				intents: onerway.Page[onerway.PaymentIntent]{Rows: test.intents}, rows: onerway.Page[onerway.Transaction]{Rows: test.rows},
			}, ours, &budget{}, gateway.Intents)
			ev, err := g.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
			if test.failed {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.outcome, ev.Outcome)
			require.Equal(t, test.id, ev.ProviderTransactionID)
			require.Empty(t, ours.unmapped)
			if test.rows == nil && test.intents != nil {
				require.Equal(t, amount(t, 2705, "EUR"), ev.Amount, "the intent names the amount")
			}
		})
	}
}

// In transactions mode an intent is not asked about.
func TestFind_WithoutIntentsAsksOnce(t *testing.T) {
	t.Parallel()
	ours := &observer{}
	g := newGateway(t, &provider{}, ours, &budget{}, gateway.Transactions)
	_, err := g.Find(t.Context(), orders.Query{MerchantTxnID: "pay_1"})
	require.NoError(t, err)
	require.Equal(t, []string{"query answered"}, ours.calls)
}
