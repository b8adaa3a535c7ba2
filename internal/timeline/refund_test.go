package timeline_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
	"tillway/internal/orders"
	"tillway/internal/timeline"
)

func TestTell_ARefundThatIsRejectedAndOneThatSucceeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.pay(merchant, succeeded(t, "t-1"))
	b.wait(2 * time.Second)
	b.notified(p, succeeded(t, "t-1"))
	b.wait(time.Hour)
	b.refunds.outcome = orders.RefundOutcomeInReview
	amount := int64(1000)
	ask := orders.RefundRequest{
		Payment: p.ID, CorrelationID: "test", Amount: &amount, Reason: orders.RefundRequestedByCustomer, AllowDuplicate: true,
	}
	first, err := b.service.Refund(t.Context(), ask)
	require.NoError(t, err)
	b.requireTold("refund_in_review")
	b.wait(20 * time.Hour)
	b.refunds.outcome = orders.RefundOutcomeRejected
	_, err = b.service.AskRefund(t.Context(), first.Refund, time.Second)
	require.NoError(t, err)
	b.wait(time.Hour)
	b.refunds.outcome = orders.RefundOutcomeUnknown
	second, err := b.service.Refund(t.Context(), ask)
	require.NoError(t, err)
	b.requireTold("refund_unknown")
	b.wait(time.Hour)
	b.refunds.outcome = orders.RefundOutcomeSucceeded
	_, err = b.service.AskRefund(t.Context(), second.Refund, time.Second)
	require.NoError(t, err)
	b.requireTold("refunded")
}

func TestTell_RefundsThatASecondPersonDecidesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.pay(merchant, succeeded(t, "t-1"))
	b.wait(2 * time.Second)
	b.notified(p, succeeded(t, "t-1"))
	b.refunds.outcome = orders.RefundOutcomeInReview
	ask := func() orders.Refund {
		b.wait(time.Hour)
		asked, err := b.service.Refund(t.Context(), orders.RefundRequest{
			Payment: p.ID, CorrelationID: "test", Principal: "key_asks", AllowDuplicate: true,
		})
		require.NoError(t, err)
		return asked.Refund
	}
	first := ask()
	b.requireTold("refund_awaits_approval")
	b.wait(time.Hour)
	_, err := b.service.RejectRefund(t.Context(), first.ID, "key_rejects")
	require.NoError(t, err)
	second := ask()
	b.wait(time.Hour)
	_, err = b.service.ApproveRefund(t.Context(), second.ID, "key_approves")
	require.NoError(t, err)
	b.requireTold("refund_approved")

	var paged []timeline.Entry
	cursor := ids.Event{}
	for page := (timeline.Timeline{HasMore: true}); page.HasMore; {
		page = b.tell(orders.Page{Limit: 2, StartingAfter: cursor.String()})
		paged = append(paged, page.Data...)
		for _, e := range page.Data {
			if e.Event != nil {
				cursor, err = ids.Parse[ids.EventEntity](*e.Event)
				require.NoError(t, err)
			}
		}
	}
	approvals := 0
	for _, e := range paged {
		if e.Kind == "approval" {
			approvals++
		}
	}
	require.Equal(t, 1, approvals, "on one page")
}
