package orders_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// A refund was said to have failed, the bank has claimed what that freed, and the refund turns out to have succeeded: the provider
// has given the money back, and so has the bank.
func TestDispute_ARefundThatSucceedsAfterAllIsNotDenied(t *testing.T) {
	t.Parallel()
	states := map[string]string{}
	for _, first := range []string{"refund", "dispute"} {
		b := setupDisputes(t)
		r := b.refund(1000)
		b.hear(r, orders.SourceNotification, orders.RefundOutcomeDeclined)
		dispute := func() { b.hears(b.told(orders.SourceQuery, orders.PhaseRaised)) }
		succeed := func() { r = b.hear(r, orders.SourceQuery, orders.RefundOutcomeSucceeded) }
		if first == "refund" {
			succeed()
			dispute()
		} else {
			dispute()
			require.Equal(t, "[chargeback/open:2700] disputed 2700 of 2700 [dispute:2700]", b.state())
			succeed()
		}
		require.Equal(t, orders.RefundSucceeded, r.Status)
		require.Equal(t, [3]int64{2700, 1000, 0}, b.amounts())
		states[first] = b.state()

		b.hears(b.told(orders.SourceNotification, orders.PhaseWithdrawn))
		require.Equal(t, "[chargeback/withdrawn:2700] disputed 0 of 0 []", b.state())
	}
	require.Equal(t, "[chargeback/open:2700] disputed 1700 of 2700 [dispute:2700 over_dispute:1000]", states["dispute"])
	require.Equal(t, states["refund"], states["dispute"])
}

// A refund was made in the provider's portal of what the bank has taken back.
func TestDispute_ARefundFromThePortalIsNotDenied(t *testing.T) {
	t.Parallel()
	states := map[string]string{}
	for _, first := range []string{"refund", "dispute"} {
		kept := &books{}
		b := &disputeBundle{
			refundBundle: setupRefunds(t, func(c *orders.Config) { c.RefundBooks = kept }), disputes: &fakeDisputes{},
		}
		portal := &portalBundle{refundBundle: b.refundBundle, books: kept}
		dispute := func() { b.hears(b.told(orders.SourceQuery, orders.PhaseRaised)) }
		refund := func() { portal.reads(portal.row("p-1", 1000, orders.RefundOutcomeSucceeded)) }
		if first == "refund" {
			refund()
			dispute()
		} else {
			dispute()
			refund()
		}
		require.Equal(t, [3]int64{2700, 1000, 0}, b.amounts())
		states[first] = b.state()
		portal.reads(portal.row("p-1", 1000, orders.RefundOutcomeSucceeded), portal.row("p-2", 1701, orders.RefundOutcomeSucceeded))
		require.Equal(t, [3]int64{2700, 1000, 0}, b.amounts(), "what was never captured cannot have gone back")
		require.Contains(t, b.state(), "over_refund:1701")
	}
	require.Equal(t, "[chargeback/open:2700] disputed 1700 of 2700 [dispute:2700 over_dispute:1000]", states["dispute"])
	require.Equal(t, states["refund"], states["dispute"])
}
