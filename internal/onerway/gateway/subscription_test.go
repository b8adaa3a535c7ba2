package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/sandbox"
)

func TestSubscription_BeginsWithTheCardholderThere(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	answer, err := b.client.DoTransaction(t.Context(), b.purchase(cardPays, "purchase", monthly(12)))
	require.NoError(t, err)
	require.Equal(t, onerway.StatusRequiresAction, answer.Outcome(), "3DS is mandatory, whatever the card")
	require.True(t, answer.TokenID.Empty(), "there is nothing to charge yet")
	of := onerway.SubscriptionRenewal{ContractID: answer.ContractID}
	require.Equal(t, onerway.SubscriptionPaymentDue, b.detail(t, of).Status())

	response, err := http.DefaultClient.PostForm(answer.RedirectURL, url.Values{"action": {"approve"}})
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Eventually(t, func() bool { return len(b.told("SALE")) == 1 && len(b.told("BIND_CARD")) == 1 }, 5*time.Second, time.Millisecond)

	told, bound := b.told("SALE")[0], b.told("BIND_CARD")[0]
	require.Equal(t, []string{"S", onerway.ScenarioInitial, "1", "active", "purchase", "S"}, []string{
		told.Status, told.Scenarios, told.DataStatus, told.SubscriptionStatus, told.MerchantTxnID, told.PaymentStatus,
	})
	require.JSONEq(t, `[{"name":"Plus","price":"9.99","num":"1","currency":"USD"}]`, told.Products)
	require.Equal(t, answer.ContractID, told.ContractID)
	require.Equal(t, told.TokenID, bound.TokenID)
	require.NotEqual(t, told.TransactionID, bound.TransactionID, "it is acknowledged by an id of its own")

	detail := b.detail(t, of)
	require.Equal(t, told.TokenID, detail.TokenID)
	require.Equal(t, []string{"cus_1", "9.99", "USD", "M", "1", "12", "1", "active", "2026-04-01 12:00:00"}, []string{
		detail.MerchantCustID, detail.OrderAmount, detail.OrderCurrency, detail.FrequencyType, detail.FrequencyPoint,
		detail.CycleCount, detail.DataStatus, detail.SubscriptionStatus, detail.BillingCycleAnchor,
	})
	books := fmt.Sprint(b.sandbox.Books(sandbox.BookQuery{}).Contracts)
	require.NotContains(t, books, told.TokenID.Reveal())
	require.NotContains(t, books, told.ContractID.Reveal())
}

func TestSubscription_APurchaseThatFailsBeginsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	answer, err := b.client.DoTransaction(t.Context(), b.purchase(cardNoFunds, "purchase", selfManaged()))
	require.NoError(t, err)
	require.Equal(t, onerway.StatusFailed, answer.Outcome())
	require.True(t, answer.TokenID.Empty())
	of := onerway.SubscriptionRenewal{ContractID: answer.ContractID, TokenID: onerway.Conceal("guess")}
	require.Equal(t, onerway.ContractDisabled, b.detail(t, of).Contract())
	_, err = b.renew(t, "r1", of)
	b.refusedWith(t, "40000", err)
}

func TestSubscription_RenewsOncePerAgreedInterval(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	of := b.begun(t, selfManaged())
	for _, early := range []time.Duration{0, 29*days + 11*time.Hour} {
		b.sandbox.Advance(early)
		_, err := b.renew(t, "early", of)
		b.refusedWith(t, "12006", err)
	}
	b.sandbox.Advance(time.Hour) // midnight of the thirtieth day
	b.renewed(t, "r1", of)
	_, err := b.renew(t, "again", of)
	b.refusedWith(t, "12006", err)
	b.sandbox.Advance(35 * days) // five days late, which does not put off the next one
	b.renewed(t, "r2", of)
	b.sandbox.Advance(25 * days)
	b.renewed(t, "r3", of)

	var periods []int
	for _, renewal := range b.contract(t).Renewals {
		require.Equal(t, "S", renewal.Status)
		periods = append(periods, renewal.Period)
	}
	require.Equal(t, []int{1, 2, 3}, periods)
	require.Eventually(t, func() bool { return len(b.told("SALE")) == 4 }, 5*time.Second, time.Millisecond)
	scenarios := map[string]int{}
	for _, told := range b.told("SALE") { // they come in any order
		scenarios[told.Scenarios]++
		require.Equal(t, []string{"S", "1", "active"}, []string{told.Status, told.DataStatus, told.SubscriptionStatus})
		require.Equal(t, of.ContractID, told.ContractID)
		require.Equal(t, of.TokenID, told.TokenID)
	}
	require.Equal(t, map[string]int{onerway.ScenarioInitial: 1, onerway.ScenarioRenewal: 3}, scenarios)
	require.Empty(t, b.told("BIND_CARD"), "a subscription that we renew sends one notification")
}

func TestSubscription_RefusesForeignContractsAndTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	of := b.begun(t, selfManaged())
	b.sandbox.Advance(30 * days)
	for name, edit := range map[string]func(*onerway.SaleRequest){
		"unknown contract": func(r *onerway.SaleRequest) { r.Renewal.ContractID = onerway.Conceal("1") },
		"unknown token":    func(r *onerway.SaleRequest) { r.Renewal.TokenID = onerway.Conceal("t") },
		"another customer": func(r *onerway.SaleRequest) { r.MerchantCustID = "cus_2" },
	} {
		_, err := b.renew(t, name, of, edit)
		b.refusedWith(t, "40000", err)
	}
	require.Empty(t, b.contract(t).Renewals)
	_, err := b.client.QuerySubscription(t.Context(), onerway.Conceal("1"))
	b.refusedWith(t, "40000", err)

	managed := setup(t, startingOn(day(2026, 3, 1)))
	theirs := managed.begun(t, monthly(12))
	_, err = managed.renew(t, "r1", theirs)
	managed.refusedWith(t, "40000", err)
}

func TestSubscription_DeclinesOnDemandThenSucceeds(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	of := b.begun(t, selfManaged())
	b.sandbox.Advance(30 * days)
	require.Equal(t, 200, b.control(t, "/sandbox/contracts/"+of.ContractID.Reveal()+"/decline", `{"code":"20051","times":2}`))
	require.Equal(t, 200, b.control(t, "/sandbox/contracts/"+of.TokenID.Reveal()+"/decline", `{"code":"20054"}`))
	for i, want := range []onerway.FailureCode{
		onerway.FailureInsufficientFunds, onerway.FailureInsufficientFunds, onerway.FailureExpiredCard,
	} {
		answer, err := b.renew(t, "try-"+strconv.Itoa(i), of)
		require.NoError(t, err)
		require.Equal(t, onerway.StatusFailed, answer.Outcome())
		require.Equal(t, want, answer.Decline().Failure)
		require.Equal(t, onerway.SubscriptionPastDue, b.detail(t, of).Status())
	}
	b.renewed(t, "try-3", of)
	require.Equal(t, onerway.SubscriptionActive, b.detail(t, of).Status())
	require.Equal(t, 404, b.control(t, "/sandbox/contracts/1/decline", `{"code":"20051"}`))
	require.Equal(t, 400, b.control(t, "/sandbox/contracts/"+of.ContractID.Reveal()+"/decline", `{"code":"20000"}`))
}

func TestSubscription_ALostAnswerIsFoundByQuery(t *testing.T) {
	t.Parallel()
	for fault, charged := range map[string]bool{
		"lose_answer": true, "reset_before_answer": true, "cut_answer": true, "http_502_after_charge": true,
		"bad_signature": true, "http_500": false, "refuse_connection": false,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t, startingOn(day(2026, 3, 1)))
			of := b.begun(t, selfManaged())
			b.sandbox.Advance(30 * days)
			_, err := b.sandbox.Arm(sandbox.Fault{Name: fault, Match: sandbox.Match{MerchantTxnID: "r1"}})
			require.NoError(t, err)
			_, err = b.renew(t, "r1", of)
			require.Equal(t, onerway.Unknown, onerway.ClassOf(err))

			page, err := b.client.ListTransactions(t.Context(), onerway.ListRequest{Selection: onerway.Selection{MerchantTxnIDs: []string{"r1"}}})
			require.NoError(t, err)
			if !charged {
				require.Empty(t, page.Rows)
				b.renewed(t, "r1", of) // by the same id: nothing came of the first
				return
			}
			require.Len(t, page.Rows, 1)
			require.Equal(t, []any{onerway.StatusSucceeded, "SUBSCRIBE"}, []any{page.Rows[0].Outcome(), page.Rows[0].SubProductType})
			_, err = b.renew(t, "r1", of)
			require.Error(t, err, "the id is used")
			_, err = b.renew(t, "r1-again", of)
			b.refusedWith(t, "12006", err)
			require.Len(t, b.contract(t).Renewals, 1)
		})
	}
}

func TestSubscription_ARenewalIsHeldByTheBrakeOfItsOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	of := b.begun(t, selfManaged())
	same := func(r *onerway.SaleRequest) { r.MerchantTxnOriginalID = "ord-1" }
	b.sandbox.Advance(30 * days)
	_, err := b.renew(t, "r1", of, same)
	require.NoError(t, err)
	b.sandbox.Advance(30 * days)
	answer, err := b.renew(t, "r2", of, same)
	require.NoError(t, err)
	require.Equal(t, onerway.StatusFailed, answer.Outcome())
	b.renewed(t, "r3", of)
}

func TestSubscription_CancelsNowWithThePeriodOrOnADay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		mode         onerway.ExpireMode
		date         string
		state        onerway.ContractStatus
		before, till time.Duration // after ten days: still active, then not
		renewals     int
	}{
		"now":    {onerway.ExpireNow, "", onerway.ContractCanceled, 0, 0, 0},
		"period": {onerway.ExpirePeriod, "", onerway.ContractActive, 20 * days, 21 * days, 0}, // to 1 April
		"date":   {onerway.ExpireOnDate, "2026-05-15", onerway.ContractActive, 64*days + 11*time.Hour, 64*days + 12*time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, startingOn(day(2026, 3, 1)))
			of := b.begun(t, monthly(12))
			b.sandbox.Advance(10 * days)
			canceled, err := b.client.CancelSubscription(t.Context(), onerway.CancelSubscriptionRequest{
				ContractID: of.ContractID, ExpireMode: tc.mode, ExpireDate: tc.date,
			})
			require.NoError(t, err)
			require.Equal(t, tc.state, canceled.Contract)
			b.sandbox.Advance(tc.before)
			require.Equal(t, tc.state, b.detail(t, of).Contract())
			b.sandbox.Advance(tc.till - tc.before)
			require.Equal(t, []any{onerway.ContractCanceled, onerway.SubscriptionCanceled}, []any{b.detail(t, of).Contract(), b.detail(t, of).Status()})
			require.Empty(t, b.detail(t, of).BillingCycleAnchor)
			b.sandbox.Advance(100 * days)
			require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == tc.renewals }, 5*time.Second, time.Millisecond)
			require.Never(t, func() bool { return len(b.contract(t).Renewals) > tc.renewals }, 60*time.Millisecond, 5*time.Millisecond)
			_, err = b.client.CancelSubscription(t.Context(), onerway.CancelSubscriptionRequest{ContractID: of.ContractID, ExpireMode: onerway.ExpireNow})
			b.refusedWith(t, "40000", err)
		})
	}
}
