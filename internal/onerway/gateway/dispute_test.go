package gateway_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
	"tillway/internal/sandbox"
)

func TestNews_OfAChargebackWhole(t *testing.T) {
	t.Parallel()
	east, err := onerway.ParseZone("+08:00")
	require.NoError(t, err)
	g, err := gateway.New(gateway.Options{Provider: &provider{}, Observer: &observer{}, Budget: &budget{}, Zone: east})
	require.NoError(t, err)
	news, err := g.News(t.Context(), onerway.Notification{
		NotifyType: "CHARGEBACK", TransactionID: "2084000000000000401", OriginTransactionID: "2084000000000000101",
		ImportTime: "2026-05-01 10:49:40", ChargebackAmount: "27.00", ChargebackCurrency: "EUR", ChargebackStatus: "NEW",
		ChargebackARN: "24011346121000000000001", ChargebackCode: "10.4", ChargebackReason: "Fraud - Card Absent",
		AppealDueTime: "2026-05-15 10:49:40",
	})
	require.NoError(t, err)
	require.Equal(t, orders.DisputeNews{Evidence: orders.DisputeEvidence{
		Source: orders.SourceNotification, Outcome: orders.DisputeOutcome(orders.PhaseRaised),
		ProviderDisputeID: "2084000000000000401", Origin: "2084000000000000101", Amount: amount(t, 2700, "EUR"),
		Reason: "Fraud - Card Absent", ReasonCode: "10.4", ARN: "24011346121000000000001", ProviderStatus: "NEW",
		RaisedAt:      time.Date(2026, 5, 1, 2, 49, 40, 0, time.UTC),
		EvidenceDueBy: time.Date(2026, 5, 15, 2, 49, 40, 0, time.UTC), // in the provider's zone
	}}, news)
}

func TestNews_OfEveryChargebackStatus(t *testing.T) {
	t.Parallel()
	for word, phase := range map[string]orders.DisputePhase{
		"NEW": orders.PhaseRaised, "FA": orders.PhaseFirstAppeal, "FAS": orders.PhaseFirstAppealWon, "FAF": orders.PhaseFirstAppealLost,
		"FAT": orders.PhaseFirstAppealLost, "SA": orders.PhaseSecondAppeal, "SAS": orders.PhaseSecondAppealWon,
		"SAF": orders.PhaseSecondAppealLost, "SAT": orders.PhaseSecondAppealLost, "ACCEPT": orders.PhaseAccepted,
		"REVOKE": orders.PhaseWithdrawn, "DELETE": orders.PhaseWithdrawn, "fa": "", "": "",
	} {
		seen := &observer{}
		news, err := newGateway(t, &provider{}, seen, &budget{}, "").News(t.Context(), onerway.Notification{
			NotifyType: "CHARGEBACK", TransactionID: "1", ChargebackStatus: word,
		})
		require.NoError(t, err)
		told, ok := news.(orders.DisputeNews)
		require.True(t, ok)
		require.Equal(t, phase, told.Evidence.Outcome.Phase(), word)
		if phase == "" {
			require.Equal(t, orders.DisputeOutcomeUnknown, told.Evidence.Outcome)
			require.Equal(t, []string{"chargeback_status"}, seen.unmapped)
		} else {
			require.Empty(t, seen.unmapped)
		}
	}
}

func TestNews_OfAWarningReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	g := newGateway(t, &provider{}, &observer{}, &budget{}, "")
	news, err := g.News(t.Context(), onerway.Notification{NotifyType: "PRE_DISPUTE", TransactionID: "7"})
	require.NoError(t, err)
	require.Equal(t, orders.DisputeNews{Evidence: orders.DisputeEvidence{
		Source: orders.SourceNotification, Outcome: orders.DisputeOutcomeWarned, ProviderDisputeID: "7", Origin: "7",
	}}, news)
	news, err = g.News(t.Context(), onerway.Notification{
		NotifyType: "PRE_DISPUTE", TransactionID: "7", OriginTransactionID: "8", OrderAmount: "5.00", OrderCurrency: "EUR",
	})
	require.NoError(t, err)
	told, ok := news.(orders.DisputeNews)
	require.True(t, ok)
	require.Equal(t, []any{"8", amount(t, 500, "EUR")}, []any{told.Evidence.Origin, told.Evidence.Amount})
}

// TestDisputes_OfTheSandbox asks the simulator, over the real client, for one chargeback and for all of a time.
func TestDisputes_OfTheSandbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.sale(cardPays, amount(t, 2700, "EUR"))
	paid := b.gateway.Sale(t.Context(), sale)
	require.Equal(t, orders.OutcomeSucceeded, paid.Outcome)
	var ids []string
	for range 12 {
		raised, err := b.sandbox.Raise(paid.ProviderTransactionID, false, sandbox.Case{Amount: "1.00"})
		require.NoError(t, err)
		ids = append(ids, raised.ChargebackID)
	}
	_, err := b.sandbox.Raise(paid.ProviderTransactionID, true, sandbox.Case{})
	require.NoError(t, err)

	ev, err := b.gateway.FindDispute(t.Context(), ids[3])
	require.NoError(t, err)
	require.Equal(t, []any{orders.SourceQuery, orders.DisputeOutcome(orders.PhaseRaised), ids[3], paid.ProviderTransactionID, amount(t, 100, "EUR")},
		[]any{ev.Source, ev.Outcome, ev.ProviderDisputeID, ev.Origin, ev.Amount})
	require.NotEmpty(t, ev.Body)
	require.Len(t, ev.Digest, 32)

	var listed []string
	for page, more := 1, true; more; page++ {
		var found []orders.DisputeEvidence
		found, more, err = b.gateway.ListDisputes(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), page)
		require.NoError(t, err)
		for _, one := range found {
			listed = append(listed, one.ProviderDisputeID)
		}
	}
	require.Equal(t, ids, listed, "every page, and no warning")
	require.Contains(t, b.budget.lanes, ratelimit.LaneReconciliation)
	require.Contains(t, b.budget.lanes, ratelimit.LaneQuery)

	ev, err = b.gateway.FindDispute(t.Context(), "17")
	require.NoError(t, err)
	require.Equal(t, orders.DisputeEvidence{
		Source: orders.SourceQuery, Outcome: orders.DisputeOutcomeNotFound, ProviderDisputeID: "17", Digest: ev.Digest,
	}, ev)
}

func TestFindDispute_AnAnswerAboutOthersIsNone(t *testing.T) {
	t.Parallel()
	others := &provider{chargebacks: onerway.Page[onerway.Chargeback]{Rows: []onerway.Chargeback{{ChargebackID: "2"}}, Current: 1, TotalPages: 1}}
	_, err := newGateway(t, others, &observer{}, &budget{}, "").FindDispute(t.Context(), "1")
	require.Error(t, err)
	_, _, err = newGateway(t, others, &observer{}, &budget{}, "").ListDisputes(t.Context(), time.Now(), time.Now(), 2)
	require.Error(t, err, "another page than the one asked for")
	away := &provider{err: errors.New("away")}
	_, err = newGateway(t, away, &observer{}, &budget{}, "").FindDispute(t.Context(), "1")
	require.Error(t, err)
}

func TestFindDispute_WithoutThePermissionIsNotNotFound(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"respCode":"40000","respMsg":"no permission","data":null}`))
	}))
	t.Cleanup(refusing.Close)
	client, err := onerway.New(onerway.Config{
		BaseURL: refusing.URL, MerchantNo: "800209", AppID: "1", SecretKey: onerway.Conceal("k"), Timezone: "+08:00", Timeout: time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	_, err = newGateway(t, client, &observer{}, &budget{}, "").FindDispute(t.Context(), "1")
	require.Error(t, err)
}
