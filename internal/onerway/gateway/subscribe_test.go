package gateway_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
	"tillway/internal/sandbox"
)

// beginning has a sale begin a contract of thirty days that we renew ourselves.
func beginning(s *orders.Sale) {
	s.Terms = &orders.Terms{ProviderCustomer: "cus_1", ProductName: "Plus\nPlan", FrequencyDays: 30}
}

// under makes a sale a renewal under what an earlier one has told of.
func under(ev orders.Evidence) func(*orders.Sale) {
	return func(s *orders.Sale) {
		contract := ev.Contract
		contract.ProviderCustomer = "cus_1"
		s.Card, s.Contract = cards.Card{}, &contract
	}
}

// begunContract is the evidence of a purchase that began one.
func (b *testBundle) begunContract(t *testing.T) orders.Evidence {
	t.Helper()
	ev := b.gateway.Sale(t.Context(), b.sale(cardFrictionless, amount(t, 999, "USD"), beginning))
	require.Equal(t, orders.OutcomeSucceeded, ev.Outcome)
	require.NotEmpty(t, ev.Contract.ID)
	require.False(t, ev.Contract.Token.IsZero())
	return ev
}

func TestSale_BeginsAContractAndTellsOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	challenged := b.gateway.Sale(t.Context(), b.sale(cardPays, amount(t, 999, "USD"), beginning))
	require.Equal(t, orders.OutcomeActionRequired, challenged.Outcome, "3DS is mandatory, whatever the card")
	require.NotEmpty(t, challenged.RedirectURL)
	require.True(t, challenged.Contract.Token.IsZero(), "there is nothing to charge yet")

	ev := b.begunContract(t)
	for _, kept := range []string{string(ev.Body), b.log.String(), fmt.Sprintf("%+v", ev)} {
		require.NotContains(t, kept, ev.Contract.ID)
		require.NotContains(t, kept, ev.Contract.Token.Reveal())
	}
	refused := b.gateway.Sale(t.Context(), b.sale(cardNoFunds, amount(t, 999, "USD"), beginning))
	require.Equal(t, orders.OutcomeAttemptFailed, refused.Outcome, "the intent around it is open (§10.6)")
	require.True(t, refused.Contract.Token.IsZero())
	require.True(t, b.gateway.Sale(t.Context(), b.sale(cardPays, amount(t, 999, "USD"))).Contract.IsZero())
}

func TestSale_RenewsUnderAContract(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	begun := b.begunContract(t)
	early := b.gateway.Sale(t.Context(), b.sale("", amount(t, 999, "USD"), under(begun)))
	require.Equal(t, []any{orders.OutcomeDeclined, orders.FailureConfiguration, "12006", "recurring_not_due"},
		[]any{early.Outcome, early.Failure.Category, early.Failure.ProviderCode, early.Failure.DeclineCode}, "what we agreed on is ours to keep")

	b.sandbox.Advance(30 * days)
	require.Equal(t, 200, b.control(t, "/sandbox/contracts/"+begun.Contract.ID+"/decline", `{"code":"20051"}`))
	poor := b.gateway.Sale(t.Context(), b.sale("", amount(t, 999, "USD"), under(begun)))
	require.Equal(t, []any{orders.OutcomeAttemptFailed, orders.FailureSoft, "insufficient_funds"}, []any{poor.Outcome, poor.Failure.Category, poor.Failure.Code})

	sale := b.sale("", amount(t, 999, "USD"), under(begun))
	renewed := b.gateway.Sale(t.Context(), sale)
	require.Equal(t, []any{orders.OutcomeSucceeded, begun.Contract.ID}, []any{renewed.Outcome, renewed.Contract.ID})
	require.Equal(t, []string{"sale approved", "renewal configuration", "renewal soft", "renewal approved"}, b.observer.calls)
	found := b.find(t, sale)
	require.Equal(t, orders.OutcomeSucceeded, found.Outcome)
	require.True(t, found.Contract.IsZero(), "a query tells of none")
	require.NotContains(t, string(found.Body)+string(renewed.Body)+b.log.String(), begun.Contract.ID)
}

func TestSale_ARenewalWhoseAnswerIsLostIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	begun := b.begunContract(t)
	b.sandbox.Advance(30 * days)
	sale := b.sale("", amount(t, 999, "USD"), under(begun))
	_, err := b.sandbox.Arm(sandbox.Fault{Name: "lose_answer", Match: sandbox.Match{MerchantTxnID: sale.MerchantTxnID}})
	require.NoError(t, err)
	lost := b.gateway.Sale(t.Context(), sale)
	require.Equal(t, orders.OutcomeUnknown, lost.Outcome)
	require.True(t, lost.Contract.IsZero())
	require.Equal(t, orders.OutcomeSucceeded, b.find(t, sale).Outcome)
}

func TestSale_WritesAContractInTheProvidersTerms(t *testing.T) {
	t.Parallel()
	p := &provider{answer: onerway.SaleResponse{RespCode: onerway.CodeApproved, Status: "S", TransactionID: "1"}}
	g := newGateway(t, p, &observer{}, &budget{}, gateway.Transactions)
	b := setup(t)
	send := func(edits ...func(*orders.Sale)) onerway.SaleRequest {
		g.Sale(t.Context(), b.sale(cardPays, amount(t, 999, "USD"), edits...))
		return p.sale
	}
	own := send(beginning)
	require.Equal(t, onerway.SubscriptionTerms{
		ProductName: "Plus Plan", FrequencyType: onerway.FrequencyDay, FrequencyPoint: 30, SelfExecute: onerway.ExecuteSelf,
	}, *own.Subscription)
	require.Equal(t, []any{"cus_1", onerway.SubProductSubscribe}, []any{own.MerchantCustID, own.SubProductType})
	require.NotNil(t, own.Card)

	for unit, want := range map[string]onerway.FrequencyType{
		"day": onerway.FrequencyDay, "month": onerway.FrequencyMonth, "year": onerway.FrequencyYear, "week": "",
	} {
		managed := send(beginning, func(s *orders.Sale) {
			s.Terms.Managed = &orders.ManagedTerms{Unit: unit, Count: 3, Cycles: 12, ExpireOn: "2027-01-31", TrialDays: 14}
		})
		require.Equal(t, onerway.SubscriptionTerms{
			ProductName: "Plus Plan", FrequencyType: want, FrequencyPoint: 3, SelfExecute: onerway.ExecuteManaged, CycleCount: 12,
			ExpireDate: "2027-01-31", TrialDays: 14,
		}, *managed.Subscription, unit)
	}

	contract := orders.Evidence{Contract: orders.Contract{ID: "181", Token: cards.NewToken("tok")}}
	renewal := send(under(contract))
	require.Equal(t, onerway.SubscriptionRenewal{ContractID: onerway.Conceal("181"), TokenID: onerway.Conceal("tok")}, *renewal.Renewal)
	require.Equal(t, []any{"cus_1", onerway.SubProductSubscribe, onerway.TxnSale}, []any{renewal.MerchantCustID, renewal.SubProductType, renewal.TxnType})
	require.Nil(t, renewal.Card)
	require.Nil(t, renewal.MPI)
	require.Empty(t, renewal.Risk3DSStrategy)
	require.Empty(t, renewal.Order.ReturnURL, "nobody comes back")
	require.NotEmpty(t, renewal.Order.NotifyURL)
	require.NotEmpty(t, renewal.Order.Products)
	require.Equal(t, "buyer@example.com", renewal.Billing.Email)
	require.NotNil(t, renewal.Shipping)
	nobody := send(under(contract), func(s *orders.Sale) { s.Billing, s.Shipping = details.Contact{}, details.Contact{} })
	require.Nil(t, nobody.Billing)
	require.Nil(t, nobody.Shipping)
}

// What we could not send back when we renew is worth nothing, and somebody must know.
func TestSale_TakesNoNameOfAContractThatItCouldNotSendBack(t *testing.T) {
	t.Parallel()
	long := string(make([]byte, 301))
	for name, tc := range map[string]struct {
		contract, token string
		want            orders.Contract
		unmapped        []string
	}{
		"both":          {"1813837154846384128", "tok", orders.Contract{ID: "1813837154846384128", Token: cards.NewToken("tok")}, nil},
		"none":          {"", "", orders.Contract{}, nil},
		"long contract": {"181383715484638412800", "tok", orders.Contract{Token: cards.NewToken("tok")}, []string{"contract"}},
		"odd contract":  {"a b", "", orders.Contract{}, []string{"contract"}},
		"long token":    {"1", long, orders.Contract{ID: "1"}, []string{"token"}},
	} {
		p := &provider{answer: onerway.SaleResponse{
			RespCode: onerway.CodeApproved, Status: "S", TransactionID: "1", ContractID: onerway.Conceal(tc.contract), TokenID: onerway.Conceal(tc.token),
		}}
		seen := &observer{}
		ev := newGateway(t, p, seen, &budget{}, gateway.Transactions).Sale(t.Context(), setup(t).sale(cardPays, amount(t, 999, "USD"), beginning))
		require.Equal(t, tc.want, ev.Contract, name)
		require.Equal(t, tc.unmapped, seen.unmapped, name)
	}
}

func TestAdmit_RenewalsHaveTheirOwnLane(t *testing.T) {
	t.Parallel()
	lanes := &budget{}
	g := newGateway(t, &provider{}, &observer{}, lanes, gateway.Transactions)
	require.NoError(t, g.Admit(t.Context(), orders.InitiatorMerchant))
	require.NoError(t, g.Admit(t.Context(), orders.InitiatorCustomer))
	require.Equal(t, []ratelimit.Lane{ratelimit.LaneRenewal, ratelimit.LaneSale}, lanes.lanes)
}

func TestNews_OfAContract(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		txnType, status, scenarios string
		want                       orders.Scenario
		alone, nothing             bool
	}{
		"purchase":       {"SALE", "S", "SUBSCRIPTION_INITIAL", orders.ScenarioInitial, false, false},
		"renewal":        {"SALE", "S", "SUBSCRIPTION_RENEWAL", orders.ScenarioRenewal, false, false},
		"odd scenario":   {"SALE", "S", "SUBSCRIPTION_RETRY", "", false, false},
		"a card kept":    {"BIND_CARD", "S", "SUBSCRIPTION_INITIAL", "", true, false},
		"a card refused": {"BIND_CARD", "F", "", "", false, true},
	} {
		news, err := newGateway(t, &provider{}, &observer{}, &budget{}, gateway.Transactions).News(t.Context(), onerway.Notification{
			NotifyType: "TXN", TxnType: tc.txnType, Status: tc.status, MerchantTxnID: "pay_1", Scenarios: tc.scenarios,
			ContractID: onerway.Conceal("181"), TokenID: onerway.Conceal("tok"),
			Fields: onerway.Fields{"contractId": "181", "tokenId": "tok", "status": tc.status},
		})
		contract := orders.Contract{ID: "181", Token: cards.NewToken("tok")}
		switch {
		case tc.nothing:
			require.ErrorIs(t, err, gateway.ErrNoPaymentNews, name)
		case tc.alone:
			require.Equal(t, orders.ContractNews{MerchantTxnID: "pay_1", Contract: contract}, news, name)
		default:
			told, ok := news.(orders.PaymentNews)
			require.True(t, ok, name)
			require.Equal(t, []any{"pay_1", contract, tc.want}, []any{told.MerchantTxnID, told.Evidence.Contract, told.Scenario}, name)
			require.NotContains(t, string(told.Evidence.Body), "181", name)
		}
	}
}
