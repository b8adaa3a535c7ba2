package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/sandbox"
)

// day is noon of a day at the provider's.
func day(year int, month time.Month, date int) time.Time {
	return time.Date(year, month, date, 12, 0, 0, 0, time.FixedZone("", 8*60*60))
}

// startingOn puts the provider's clock at a moment from which only Advance moves it.
func startingOn(at time.Time) func(*settings) {
	return func(s *settings) {
		s.sandbox.Now = func() time.Time { return at }
		s.sandbox.Sim.PaymentIntents = true
	}
}

const days = 24 * time.Hour

func selfManaged() onerway.SubscriptionTerms {
	return onerway.SubscriptionTerms{
		ProductName: "Plus", FrequencyType: onerway.FrequencyDay, FrequencyPoint: 30, SelfExecute: onerway.ExecuteSelf,
	}
}

func monthly(cycles int) onerway.SubscriptionTerms {
	return onerway.SubscriptionTerms{
		ProductName: "Plus", FrequencyType: onerway.FrequencyMonth, FrequencyPoint: 1, CycleCount: cycles,
		SelfExecute: onerway.ExecuteManaged,
	}
}

// purchase begins a subscription of 9.99 USD by card.
func (b *testBundle) purchase(card, id string, terms onerway.SubscriptionTerms) onerway.SaleRequest {
	address := &onerway.Address{Email: "buyer@example.com", Country: "DE"}
	return onerway.SaleRequest{
		MerchantTxnID: id, MerchantCustID: "cus_1", SubProductType: onerway.SubProductSubscribe, TxnType: onerway.TxnSale,
		OrderAmount: "9.99", OrderCurrency: "USD", Subscription: &terms, Billing: address, Shipping: address,
		Card: &onerway.CardInfo{
			HolderName: onerway.Conceal("Test Buyer"), CardNumber: onerway.Conceal(card), Month: "12", Year: "2039",
			CVV: onerway.Conceal("123"),
		},
		Order: onerway.TxnOrderMsg{
			ReturnURL: b.received.url + "/return", NotifyURL: b.received.url + "/notify",
			Products: onerway.Products{{Name: "Plus", Price: "9.99", Num: "1", Currency: "USD"}},
		},
	}
}

// begun is a subscription whose purchase succeeded, by a card that is authenticated without a challenge.
func (b *testBundle) begun(t *testing.T, terms onerway.SubscriptionTerms) onerway.SubscriptionRenewal {
	t.Helper()
	answer, err := b.client.DoTransaction(t.Context(), b.purchase(cardFrictionless, "purchase", terms))
	require.NoError(t, err)
	require.Equal(t, onerway.StatusSucceeded, answer.Outcome(), answer.RespMsg)
	require.False(t, answer.ContractID.Empty())
	require.False(t, answer.TokenID.Empty())
	return onerway.SubscriptionRenewal{ContractID: answer.ContractID, TokenID: answer.TokenID}
}

// renew sends a renewal of 9.99 USD.
func (b *testBundle) renew(
	t *testing.T, id string, of onerway.SubscriptionRenewal, edits ...func(*onerway.SaleRequest),
) (onerway.SaleResponse, error) {
	t.Helper()
	request := onerway.SaleRequest{
		MerchantTxnID: id, MerchantTxnOriginalID: "ord-" + id, MerchantCustID: "cus_1",
		SubProductType: onerway.SubProductSubscribe, TxnType: onerway.TxnSale, OrderAmount: "9.99", OrderCurrency: "USD",
		Renewal: &of,
		Order: onerway.TxnOrderMsg{
			NotifyURL: b.received.url + "/notify", Products: onerway.Products{{Name: "Plus", Price: "9.99", Num: "1", Currency: "USD"}},
		},
	}
	for _, edit := range edits {
		edit(&request)
	}
	return b.client.DoTransaction(t.Context(), request)
}

func (b *testBundle) renewed(t *testing.T, id string, of onerway.SubscriptionRenewal) {
	t.Helper()
	answer, err := b.renew(t, id, of)
	require.NoError(t, err)
	require.Equal(t, onerway.StatusSucceeded, answer.Outcome(), answer.RespMsg)
}

func (b *testBundle) detail(t *testing.T, of onerway.SubscriptionRenewal) onerway.SubscriptionDetail {
	t.Helper()
	detail, err := b.client.QuerySubscription(t.Context(), of.ContractID)
	require.NoError(t, err)
	return detail
}

// contract is the one subscription in the books.
func (b *testBundle) contract(t *testing.T) sandbox.BookedContract {
	t.Helper()
	contracts := b.sandbox.Books(sandbox.BookQuery{}).Contracts
	require.Len(t, contracts, 1)
	return contracts[0]
}

// told are the verified notifications so far of one type.
func (b *testBundle) told(txnType string) []onerway.Notification {
	b.received.mu.Lock()
	defer b.received.mu.Unlock()
	var told []onerway.Notification
	for _, message := range b.received.got {
		if n, err := onerway.VerifyNotification(message.body, message.header, b.client.Secrets()); err == nil && n.TxnType == txnType {
			told = append(told, n)
		}
	}
	return told
}

func (b *testBundle) refusedWith(t *testing.T, code string, err error) {
	t.Helper()
	var failed *onerway.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, []any{onerway.Refused, code}, []any{failed.Class, failed.RespCode}, failed.RespMsg)
}

func (b *testBundle) control(t *testing.T, path, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+path, strings.NewReader(body))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

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

// The contract says nothing of months that lack the day on which a subscription began. The simulator takes the last day they
// have, and counts from the beginning each time, so that the 31st comes back [sim].
func TestSubscription_ManagedMonthsFromThe31stForThreeYears(t *testing.T) {
	t.Parallel()
	start := day(2027, 1, 31)
	b := setup(t, startingOn(start))
	of := b.begun(t, monthly(37))
	b.sandbox.Advance(start.AddDate(3, 0, 0).Sub(start))
	require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == 36 }, 10*time.Second, time.Millisecond)

	last := []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	for i, renewal := range b.contract(t).Renewals {
		year, month := 2027+(i+1)/12, (i+1)%12
		date := last[month]
		if year == 2028 && month == 1 {
			date = 29
		}
		require.Equal(t, []any{i + 1, "S", "9.99", "USD"}, []any{renewal.Period, renewal.Status, renewal.OrderAmount, renewal.OrderCurrency})
		require.True(t, day(year, time.Month(month+1), date).Equal(renewal.CreatedAt), "%d: %s", renewal.Period, renewal.CreatedAt)
	}
	require.Eventually(t, func() bool { return len(b.told("SALE")) == 37 }, 10*time.Second, time.Millisecond)
	ids := map[string]bool{}
	for _, told := range b.told("SALE") {
		ids[told.MerchantTxnID] = true
		require.Equal(t, of.ContractID, told.ContractID)
	}
	require.Len(t, ids, 37)
	require.Equal(t, "369.63", b.sandbox.Books(sandbox.BookQuery{}).Totals["USD"].Charged)

	require.Equal(t, onerway.SubscriptionActive, b.detail(t, of).Status(), "its last month is paid")
	b.sandbox.Advance(29 * days)
	require.Equal(t, onerway.SubscriptionEnded, b.detail(t, of).Status())
	b.sandbox.Advance(100 * days)
	require.Never(t, func() bool { return len(b.contract(t).Renewals) > 36 }, 60*time.Millisecond, 5*time.Millisecond)
}

func TestSubscription_AManagedOneIsTriedAgainAndThenGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	of := b.begun(t, monthly(12))
	decline := "/sandbox/contracts/" + of.ContractID.Reveal() + "/decline"
	charged := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == n }, 5*time.Second, time.Millisecond)
	}
	require.Equal(t, 200, b.control(t, decline, `{"code":"20005"}`))
	b.sandbox.Advance(31 * days)
	charged(1)
	require.Equal(t, onerway.SubscriptionPastDue, b.detail(t, of).Status())
	b.sandbox.Advance(days)
	charged(2)
	require.Equal(t, onerway.SubscriptionActive, b.detail(t, of).Status())

	require.Equal(t, 200, b.control(t, decline, `{"code":"70002","times":-1}`))
	b.sandbox.Advance(60 * days)
	charged(6)
	require.Equal(t, onerway.SubscriptionCanceled, b.detail(t, of).Status())
	var told []string
	for _, renewal := range b.contract(t).Renewals {
		told = append(told, fmt.Sprintf("%d %s %s", renewal.Period, renewal.Status, renewal.CreatedAt.Format(time.DateOnly)))
	}
	require.Equal(t, []string{
		"1 F 2026-04-01", "1 S 2026-04-02", "2 F 2026-05-01", "2 F 2026-05-02", "2 F 2026-05-04", "2 F 2026-05-06",
	}, told)
	require.Eventually(t, func() bool { return len(b.told("SALE")) == 7 }, 5*time.Second, time.Millisecond)
}

func TestSubscription_ManagedChargesUnderFaults(t *testing.T) {
	t.Parallel()
	for fault, notifications := range map[string]int{"no_notification": 0, "duplicate_notification": 2, "processing": 1, "late_success": 2} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t, startingOn(day(2026, 3, 1)))
			b.begun(t, monthly(12))
			require.Eventually(t, func() bool { return len(b.told("SALE")) == 1 }, 5*time.Second, time.Millisecond)
			_, err := b.sandbox.Arm(sandbox.Fault{Name: fault, Match: sandbox.Match{Path: "managed_renewal"}})
			require.NoError(t, err)
			b.sandbox.Advance(31 * days)
			require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == 1 }, 5*time.Second, time.Millisecond)
			b.sandbox.Advance(time.Hour) // a time to settle
			require.Eventually(t, func() bool { return b.contract(t).Renewals[0].Status == "S" }, 5*time.Second, time.Millisecond)
			require.Eventually(t, func() bool { return len(b.told("SALE")) == 1+notifications }, 5*time.Second, time.Millisecond)
		})
	}
}

func TestSubscription_ATrialPutsOffTheFirstRenewal(t *testing.T) {
	t.Parallel()
	b := setup(t, startingOn(day(2026, 3, 1)))
	terms := monthly(0)
	terms.TrialDays, terms.ExpireDate = 14, "2026-06-15"
	of := b.begun(t, terms)
	require.Equal(t, onerway.SubscriptionTrialing, b.detail(t, of).Status())
	require.Equal(t, "2026-03-15 12:00:00", b.detail(t, of).BillingCycleAnchor)
	b.sandbox.Advance(200 * days)
	require.Eventually(t, func() bool { return len(b.contract(t).Renewals) == 3 }, 5*time.Second, time.Millisecond)
	require.Never(t, func() bool { return len(b.contract(t).Renewals) > 3 }, 60*time.Millisecond, 5*time.Millisecond)
	require.Equal(t, onerway.SubscriptionEnded, b.detail(t, of).Status(), "its day has come")
}
