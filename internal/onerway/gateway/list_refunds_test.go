package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
)

// TestRefundBooks_OfTheSandbox reads, over the real client, a refund of ours and one that was made in the portal.
func TestRefundBooks_OfTheSandbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid := b.gateway.Sale(t.Context(), b.sale(cardPays, amount(t, 2700, "EUR")))
	require.Equal(t, orders.OutcomeSucceeded, paid.Outcome)
	ours := b.gateway.Refund(t.Context(), orders.RefundApplication{
		MerchantTxnID: "re_1", OriginTransactionID: paid.ProviderTransactionID, Amount: amount(t, 700, "EUR"),
	})
	require.Equal(t, orders.RefundOutcomeInReview, ours.Outcome)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		b.url+"/sandbox/transactions/"+paid.ProviderTransactionID+"/refund", strings.NewReader(`{"amount":"5.00"}`))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)

	found, more, err := b.gateway.ListRefunds(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), 1)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, found, 2)
	require.Equal(t, []any{"re_1", paid.ProviderTransactionID, ours.ProviderTransactionID},
		[]any{found[0].MerchantTxnID, found[0].Origin, found[0].Evidence.ProviderTransactionID})
	portal := found[1]
	require.Equal(t, []any{"", paid.ProviderTransactionID, orders.RefundOutcomeSucceeded, amount(t, 500, "EUR"), orders.SourceQuery},
		[]any{portal.MerchantTxnID, portal.Origin, portal.Evidence.Outcome, portal.Evidence.Amount, portal.Evidence.Source})
	require.Contains(t, b.budget.lanes, ratelimit.LaneReconciliation)

	one, known, err := b.gateway.FindBooked(t.Context(), portal.Evidence.ProviderTransactionID)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, portal.Origin, one.Origin)
	_, known, err = b.gateway.FindBooked(t.Context(), paid.ProviderTransactionID)
	require.NoError(t, err)
	require.False(t, known, "a sale is no refund")
	_, known, err = b.gateway.FindBooked(t.Context(), "17")
	require.NoError(t, err)
	require.False(t, known)
}

func TestListRefunds_AnotherPageThanTheOneAskedForIsNone(t *testing.T) {
	t.Parallel()
	g := newGateway(t, &provider{rows: onerway.Page[onerway.Transaction]{Current: 1, TotalPages: 3}}, &observer{}, &budget{}, "")
	_, _, err := g.ListRefunds(t.Context(), time.Now(), time.Now(), 2)
	require.Error(t, err)
	_, more, err := g.ListRefunds(t.Context(), time.Now(), time.Now(), 1)
	require.NoError(t, err)
	require.True(t, more)
}
