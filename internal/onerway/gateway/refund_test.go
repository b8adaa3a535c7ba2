package gateway_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
	"tillway/internal/sandbox"
)

// paid charges a card and returns the transaction.
func (b *testBundle) paid(t *testing.T) string {
	t.Helper()
	ev := b.gateway.Sale(t.Context(), b.sale(cardPays, amount(t, 2750, "EUR")))
	require.Equal(t, orders.OutcomeSucceeded, ev.Outcome)
	return ev.ProviderTransactionID
}

func application(t *testing.T, origin string, minor int64) orders.RefundApplication {
	t.Helper()
	return orders.RefundApplication{
		MerchantTxnID: ids.New[ids.RefundEntity]().String(), OriginTransactionID: origin, Amount: amount(t, minor, "EUR"),
	}
}

func question(a orders.RefundApplication) orders.RefundQuery {
	return orders.RefundQuery{
		Thorough:      true,
		MerchantTxnID: a.MerchantTxnID, OriginTransactionID: a.OriginTransactionID, Amount: a.Amount, Age: time.Minute,
		Patience: 20 * time.Second,
	}
}

func TestRefund_IsOnlyAcceptedAtFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	origin := b.paid(t)
	a := application(t, origin, 1000)
	ev := b.gateway.Refund(t.Context(), a)
	require.Equal(t, orders.RefundOutcomeInReview, ev.Outcome, string(ev.Body))
	require.NotEmpty(t, ev.ProviderTransactionID)
	require.Contains(t, b.budget.lanes, ratelimit.LaneRefund)

	require.Eventually(t, func() bool {
		found, err := b.gateway.FindRefund(t.Context(), question(a))
		require.NoError(t, err)
		require.Equal(t, ev.ProviderTransactionID, found.ProviderTransactionID)
		require.Equal(t, a.Amount, found.Amount)
		return found.Outcome == orders.RefundOutcomeSucceeded
	}, 30*time.Second, 20*time.Millisecond, "the review passes by itself")

	more := b.gateway.Refund(t.Context(), application(t, origin, 1751))
	require.Equal(t, orders.RefundOutcomeDeclined, more.Outcome, "more than is left")
	require.Equal(t, "provider_refused", more.Failure.Code)
}

func TestFindRefund_WithoutOurReferenceOnlyWhatIsUnambiguous(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.sandbox.Sim.RefundRowsWithoutID = true })
	origin := b.paid(t)
	first := application(t, origin, 1000)
	lost := b.gateway.Refund(t.Context(), first).ProviderTransactionID

	q := question(first)
	found, err := b.gateway.FindRefund(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, lost, found.ProviderTransactionID, "the only one of its payment and amount")
	q.Rivals = 1
	found, err = b.gateway.FindRefund(t.Context(), q)
	require.NoError(t, err)
	require.True(t, found.Ambiguous, "it may be the other's")
	require.Empty(t, found.ProviderTransactionID)
	q.Rivals, q.Bound = 0, []string{lost}
	found, err = b.gateway.FindRefund(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, orders.RefundOutcomeNotFound, found.Outcome, "it is another's")

	second := b.gateway.Refund(t.Context(), application(t, origin, 1000)).ProviderTransactionID
	q.Bound = nil
	found, err = b.gateway.FindRefund(t.Context(), q)
	require.NoError(t, err)
	require.True(t, found.Ambiguous)
	q.Bound = []string{second}
	found, err = b.gateway.FindRefund(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, lost, found.ProviderTransactionID)

	q = question(application(t, origin, 999))
	found, err = b.gateway.FindRefund(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, orders.RefundOutcomeNotFound, found.Outcome, "another amount")
}

func TestRefund_ClassesOfFailure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err     error
		budget  error
		outcome orders.RefundOutcome
	}{
		"not a byte was written": {err: &onerway.Error{Class: onerway.NeverSent}, outcome: orders.RefundOutcomeNeverSent},
		"no leave in time":       {budget: ratelimit.ErrBusy, outcome: orders.RefundOutcomeNeverSent},
		"refused":                {err: &onerway.Error{Class: onerway.Refused, RespCode: "40000"}, outcome: orders.RefundOutcomeDeclined},
		"anything later":         {err: &onerway.Error{Class: onerway.Unknown}, outcome: orders.RefundOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, &provider{err: test.err}, &observer{}, &budget{err: test.budget}, gateway.Transactions)
			require.Equal(t, test.outcome, g.Refund(t.Context(), application(t, "1", 1000)).Outcome)
		})
	}
	g := newGateway(t, &provider{}, &observer{}, &budget{}, gateway.Transactions)
	require.NoError(t, g.AcceptsRefund(amount(t, 50, "KRW")), "less than a charge may be")
	require.ErrorContains(t, g.AcceptsRefund(amount(t, 150, "HUF")), "multiple of 100")
}

func TestWithdraw_TakesAnApplicationBackWhileItIsInReview(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.sandbox = sandbox.Config{Strict: true, RefundDelay: time.Hour} })
	origin := b.paid(t)
	a := application(t, origin, 1000)
	ev := b.gateway.Refund(t.Context(), a)
	withdrawal := a
	withdrawal.OriginTransactionID = ev.ProviderTransactionID
	require.NoError(t, b.gateway.Withdraw(t.Context(), withdrawal))
	found, err := b.gateway.FindRefund(t.Context(), question(a))
	require.NoError(t, err)
	require.Equal(t, orders.RefundOutcomeWithdrawn, found.Outcome)
	require.ErrorContains(t, b.gateway.Withdraw(t.Context(), withdrawal), "refund_not_cancelable")
}

func TestNews_OfRefundsIsNamedBySignedMembersOnly(t *testing.T) {
	t.Parallel()
	g := newGateway(t, &provider{}, &observer{}, &budget{}, gateway.Transactions)
	done, err := g.News(t.Context(), onerway.Notification{
		NotifyType: "TXN", TxnType: "REFUND", TransactionID: "9", MerchantTxnID: "re_1", Status: "S", OrderAmount: "16.00",
		OrderCurrency: "USD", OriginTransactionID: "1", OriginMerchantTxnID: "pay_1",
	})
	require.NoError(t, err)
	refund, ok := done.(orders.RefundNews)
	require.True(t, ok)
	require.Equal(t, orders.RefundName{MerchantTxnID: "re_1", ProviderTransactionID: "9"}, refund.Name)
	require.Equal(t, orders.RefundOutcomeSucceeded, refund.Evidence.Outcome)
	require.Equal(t, amount(t, 1600, "USD"), refund.Evidence.Amount)

	audit, err := g.News(t.Context(), onerway.Notification{NotifyType: "REFUND_AUDIT", TransactionID: "9", Status: "F"})
	require.NoError(t, err)
	rejected, ok := audit.(orders.RefundNews)
	require.True(t, ok)
	require.Equal(t, orders.RefundOutcomeRejected, rejected.Evidence.Outcome)
	require.Equal(t, orders.RefundName{ProviderTransactionID: "9"}, rejected.Name)
}
