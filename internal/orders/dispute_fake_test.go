package orders_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// fakeDisputes is the provider's list of chargebacks.
type fakeDisputes struct {
	mu    sync.Mutex
	cases map[string]orders.DisputeEvidence
	asked []string
}

func (g *fakeDisputes) FindDispute(_ context.Context, id string) (orders.DisputeEvidence, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, id)
	if g.cases == nil {
		return orders.DisputeEvidence{}, errors.New("the provider does not answer")
	}
	if ev, known := g.cases[id]; known {
		return ev, nil
	}
	return orders.DisputeEvidence{Source: orders.SourceQuery, Outcome: orders.DisputeOutcomeNotFound, ProviderDisputeID: id}, nil
}

func (g *fakeDisputes) ListDisputes(_ context.Context, _, _ time.Time, page int) ([]orders.DisputeEvidence, bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []orders.DisputeEvidence
	for _, ev := range g.cases {
		all = append(all, ev)
	}
	return all, page < 1, nil
}

func (g *fakeDisputes) knows(cases ...orders.DisputeEvidence) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cases = map[string]orders.DisputeEvidence{}
	for _, ev := range cases {
		ev.Source = orders.SourceQuery
		g.cases[ev.ProviderDisputeID] = ev
	}
}

// disputeBundle is a service with a paid order of 27.00 EUR, whose refunds and disputes a test tells.
type disputeBundle struct {
	*refundBundle

	disputes *fakeDisputes
}

func setupDisputes(t *testing.T) *disputeBundle {
	t.Helper()
	disputes := &fakeDisputes{}
	b := setupRefunds(t, func(c *orders.Config) { c.Disputes = disputes })
	return &disputeBundle{refundBundle: b, disputes: disputes}
}

const caseID = "2084000000000000401"

// told is what the provider says of the whole payment's chargeback.
func (b *disputeBundle) told(source orders.Source, phase orders.DisputePhase) orders.DisputeEvidence {
	return orders.DisputeEvidence{
		Source: source, Outcome: orders.DisputeOutcome(phase), ProviderDisputeID: caseID, Origin: b.payment.ProviderTransactionID,
		Amount: b.paid.Amount, Reason: "Fraud - Card Absent", ReasonCode: "10.4", ARN: "24011346121000000000001",
		ProviderStatus: string(phase), RaisedAt: time.Unix(1_777_603_780, 0).UTC(),
		EvidenceDueBy: time.Unix(1_778_813_380, 0).UTC(), Digest: []byte("digest"), Body: []byte(`{"a":"b"}`),
	}
}

func (b *disputeBundle) hears(ev orders.DisputeEvidence) (orders.Dispute, orders.Verdict) {
	b.t.Helper()
	d, verdict, err := b.service.ApplyDispute(b.t.Context(), ev, nil)
	require.NoError(b.t, err)
	return d, verdict
}

// state is what a dispute comes to: its own status, what is disputed and claimed, and whether somebody is asked to look.
func (b *disputeBundle) state() string {
	b.t.Helper()
	o, p := b.get(b.paid.ID), b.testBundle.payment(b.payment.ID)
	require.Equal(b.t, o.AmountDisputed, p.AmountDisputed)
	require.LessOrEqual(b.t, p.AmountRefunded+p.AmountRefundPending+p.AmountDisputed, p.AmountCaptured)
	require.EqualValues(b.t, p.AmountClaimed,
		b.count("SELECT coalesce(sum(amount_claimed), 0) FROM disputes WHERE payment_id = $1", p.ID.UUID()))
	open, err := b.service.ListDiscrepancies(b.t.Context(),
		orders.DiscrepancyFilter{Status: orders.DiscrepancyOpen, Order: o.ID}, orders.Page{Limit: 10})
	require.NoError(b.t, err)
	classes := []string{}
	for _, d := range open.Data {
		classes = append(classes, fmt.Sprintf("%s:%d", d.Class, d.AtRisk.Minor))
	}
	slices.Sort(classes)
	require.Equal(b.t, len(classes) > 0, o.NeedsReview)
	found, err := b.service.ListDisputes(b.t.Context(), orders.DisputeFilter{Order: o.ID}, orders.Page{Limit: 10})
	require.NoError(b.t, err)
	statuses := []string{}
	for _, d := range found.Data {
		statuses = append(statuses, fmt.Sprintf("%s/%s:%d", d.Stage, d.Status, d.Amount.Minor))
	}
	return fmt.Sprintf("%v disputed %d of %d %v", statuses, p.AmountDisputed, p.AmountClaimed, classes)
}
