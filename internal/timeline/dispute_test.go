package timeline_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

func TestTell_ADisputeFromItsWarningToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.pay(merchant, succeeded(t, "t-1"))
	b.wait(time.Second)
	b.notified(p, succeeded(t, "t-1"))
	says := func(source orders.Source, outcome orders.DisputeOutcome, number string) {
		b.wait(24 * time.Hour)
		_, _, err := b.service.ApplyDispute(t.Context(), orders.DisputeEvidence{
			Source: source, Outcome: outcome, ProviderDisputeID: number, Origin: "t-1", Amount: eur(t, 2000), Reason: "Fraud",
			ReasonCode: "10.4", ProviderStatus: "X", EvidenceDueBy: b.clock().Add(14 * 24 * time.Hour).Truncate(24 * time.Hour),
		}, nil)
		require.NoError(t, err)
	}
	says(orders.SourceNotification, orders.DisputeOutcomeWarned, "6")
	b.requireTold("dispute_warned")
	says(orders.SourceQuery, orders.DisputeOutcome(orders.PhaseRaised), "7")
	b.requireTold("disputed")
	says(orders.SourceNotification, orders.DisputeOutcome(orders.PhaseFirstAppeal), "7")
	says(orders.SourceNotification, orders.DisputeOutcome(orders.PhaseRaised), "7")
	b.requireTold("dispute_appealed")
	says(orders.SourceNotification, orders.DisputeOutcome(orders.PhaseFirstAppealWon), "7")
	b.requireTold("dispute_won")
}
