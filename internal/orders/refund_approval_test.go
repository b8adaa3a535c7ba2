package orders_test

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/orders"
)

const (
	asker    = "key_asks"
	approver = "key_approves"
)

// setupApprovals is a shop where more than 10.00 EUR of a payment goes back only with a second person.
func setupApprovals(t *testing.T) *refundBundle {
	t.Helper()
	return setupRefunds(t, func(c *orders.Config) { c.ApprovalAbove = orders.ApprovalThresholds{"": 1, "EUR": 1000} })
}

func (b *refundBundle) ask(amount int64) orders.Refund {
	b.t.Helper()
	req := b.request(amount, "")
	req.AllowDuplicate, req.Principal = true, asker
	result, err := b.service.Refund(b.t.Context(), req)
	require.NoError(b.t, err)
	return result.Refund
}

func TestApproval_ARefundAboveTheThresholdWaitsForASecondPerson(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	r := b.ask(1001)
	require.Equal(t, orders.RefundPending, r.Status)
	require.Equal(t, &orders.RefundApproval{Status: orders.RefundApprovalRequired}, r.Approval)
	require.Equal(t, asker, r.CreatedBy)
	require.True(t, r.Approvable(approver))
	require.False(t, r.Approvable(asker))
	require.Equal(t, [3]int64{2700, 0, 1001}, b.amounts(), "reserved")
	b.clock.advance(30 * 24 * time.Hour)
	b.sweep()
	require.Empty(t, b.refunds.sent(), "nobody sends it, however long it waits")

	_, err := b.service.ApproveRefund(t.Context(), r.ID, asker)
	requireFault(t, err, fault.Forbidden, "forbidden")
	_, err = b.service.RejectRefund(t.Context(), r.ID, asker)
	requireFault(t, err, fault.Forbidden, "forbidden")
	require.Equal(t, orders.RefundApprovalRequired, b.getRefund(r.ID).Approval.Status)

	b.tracer.since()
	approved, err := b.service.ApproveRefund(t.Context(), r.ID, approver)
	require.NoError(t, err)
	require.Equal(t, orders.RefundInReview, approved.Status)
	require.Equal(t, &orders.RefundApproval{Status: orders.RefundApprovalApproved, DecidedBy: approver, DecidedAt: b.clock.Now().UTC().Truncate(time.Microsecond)}, approved.Approval)
	require.Len(t, b.refunds.sent(), 1)
	again, err := b.service.ApproveRefund(t.Context(), r.ID, approver)
	require.NoError(t, err, "the same again is a success")
	require.Equal(t, approved, again)
	require.Len(t, b.refunds.sent(), 1)
	_, err = b.service.ApproveRefund(t.Context(), r.ID, "key_third")
	requireFault(t, err, fault.Conflict, "refund_not_awaiting_approval")
	_, err = b.service.RejectRefund(t.Context(), r.ID, approver)
	requireFault(t, err, fault.Conflict, "refund_not_awaiting_approval")

	b.hear(r, orders.SourceNotification, orders.RefundOutcomeSucceeded)
	require.Equal(t, [3]int64{2700, 1001, 0}, b.amounts())
	require.Equal(t, []string{"refund.created", "refund.succeeded", "order.partially_refunded"}, b.events(b.paid.ID)[4:])
}

func TestApproval_PartsOfAPaymentCountTogether(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	first := b.ask(400)
	b.hear(b.ask(600), orders.SourceNotification, orders.RefundOutcomeSucceeded)
	require.Len(t, b.refunds.sent(), 2, "up to the threshold nobody needs to approve")
	require.True(t, b.ask(1).AwaitsApproval())
	b.hear(first, orders.SourceNotification, orders.RefundOutcomeRejected)
	require.False(t, b.ask(100).AwaitsApproval(), "what was rejected gives nothing back")
}

func TestApproval_FiftyAtOnceStayBelowTheThresholdTogether(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	var sent, waiting, refused atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			req := b.request(400, "")
			req.AllowDuplicate, req.Principal = true, asker
			result, err := b.process().Refund(t.Context(), req)
			switch {
			case fault.KindOf(err) == fault.Refused:
				refused.Add(1)
			case err == nil && result.Refund.AwaitsApproval():
				waiting.Add(1)
			case err == nil:
				sent.Add(1)
			}
		})
	}
	wg.Wait()
	require.Equal(t, [3]int64{2, 4, 44}, [3]int64{sent.Load(), waiting.Load(), refused.Load()})
	require.Len(t, b.refunds.sent(), 2)
	require.Equal(t, [3]int64{2700, 0, 2400}, b.amounts())
}

func TestApproval_RejectedGivesTheAmountBack(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	r := b.ask(2000)
	rejected, err := b.service.RejectRefund(t.Context(), r.ID, approver)
	require.NoError(t, err)
	require.Equal(t, orders.RefundRejected, rejected.Status)
	require.Equal(t, orders.RefundApprovalRejected, rejected.Approval.Status)
	require.Equal(t, "refund_not_approved", rejected.Failure.Code)
	require.Equal(t, rejected, b.getRefund(r.ID))
	require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
	require.Equal(t, []string{"refund.created", "refund.rejected"}, b.events(b.paid.ID)[4:])
	require.Zero(t, b.count("SELECT count(*) FROM evidence WHERE refund_id IS NOT NULL"), "nobody brought news")

	again, err := b.service.RejectRefund(t.Context(), r.ID, approver)
	require.NoError(t, err)
	require.Equal(t, rejected, again)
	require.Len(t, b.events(b.paid.ID), 6)
	_, err = b.service.ApproveRefund(t.Context(), r.ID, approver)
	requireFault(t, err, fault.Conflict, "refund_not_awaiting_approval")
	_, err = b.service.CancelRefund(t.Context(), r.ID)
	requireFault(t, err, fault.Conflict, "refund_not_cancelable")
	b.clock.advance(30 * 24 * time.Hour)
	b.sweep()
	require.Empty(t, b.refunds.sent())
}

func TestApproval_WithdrawnWhileItWaits(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	r := b.ask(2000)
	canceled, err := b.service.CancelRefund(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, orders.RefundCanceled, canceled.Status)
	require.Equal(t, canceled, b.getRefund(r.ID))
	require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
	require.Equal(t, []string{"refund.created", "refund.canceled"}, b.events(b.paid.ID)[4:])
	_, err = b.service.ApproveRefund(t.Context(), r.ID, approver)
	requireFault(t, err, fault.Conflict, "refund_not_awaiting_approval")
	require.Empty(t, b.refunds.sent())
}

func TestApproval_OfWhatNeedsNone(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	_, err := b.service.ApproveRefund(t.Context(), b.ask(1000).ID, approver)
	requireFault(t, err, fault.Conflict, "refund_not_awaiting_approval")
}

func TestApproval_OfEverythingAtOnceOneWins(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	b.refunds.withdraw = func(orders.RefundApplication) error { return fault.New(fault.Conflict, "refund_not_cancelable", "No.") }
	r := b.ask(2000)
	var approved, rejected, canceled atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := b.process().ApproveRefund(t.Context(), r.ID, approver); err == nil {
				approved.Add(1)
			}
		})
		wg.Go(func() {
			if _, err := b.process().RejectRefund(t.Context(), r.ID, "key_rejects"); err == nil {
				rejected.Add(1)
			}
		})
	}
	wg.Go(func() {
		if c, err := b.process().CancelRefund(t.Context(), r.ID); err == nil && c.Status == orders.RefundCanceled {
			canceled.Add(1)
		}
	})
	wg.Wait()
	require.False(t, approved.Load() > 0 && rejected.Load() > 0, "%d approved, %d rejected", approved.Load(), rejected.Load())
	require.Positive(t, approved.Load()+rejected.Load()+canceled.Load())
	end, sent := b.getRefund(r.ID), len(b.refunds.sent())
	switch {
	case canceled.Load() > 0: // before the decision, or between an approval and the sending
		require.Equal(t, orders.RefundCanceled, end.Status)
		require.Zero(t, sent)
	case rejected.Load() > 0:
		require.Equal(t, orders.RefundRejected, end.Status)
		require.Zero(t, sent)
	default:
		require.Equal(t, orders.RefundInReview, end.Status)
		require.Equal(t, 1, sent)
	}
	require.Equal(t, end.Status.Open(), b.amounts()[2] == 2000)
	b.events(b.paid.ID)
}

// A process dies between the commit of the approval and the sending.
func TestApproval_IsCarriedOutByTheSweepWhenItsProcessDies(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	r := b.ask(2000)
	b.tracer.after = func(trip string) {
		if strings.Contains(trip, "RefundApply") && strings.HasSuffix(trip, "commit") {
			runtime.Goexit()
		}
	}
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		_, _ = b.service.ApproveRefund(t.Context(), r.ID, approver)
	}()
	<-dead
	b.tracer.after = nil
	require.Equal(t, orders.RefundApprovalApproved, b.getRefund(r.ID).Approval.Status)
	require.Empty(t, b.refunds.sent())
	again, err := b.process().ApproveRefund(t.Context(), r.ID, approver)
	require.NoError(t, err, "repeated, it is a success")
	require.Equal(t, orders.RefundPending, again.Status)

	b.clock.advance(31 * time.Second)
	b.sweep()
	b.sweep()
	require.Len(t, b.refunds.sent(), 1)
	require.Equal(t, orders.RefundInReview, b.getRefund(r.ID).Status)
}

// Whatever the code does, the database lets nobody send what nobody approved, or decide on what they asked for.
func TestApproval_IsHeldByTheDatabase(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	r := b.ask(2000)
	for constraint, sql := range map[string]string{
		"refunds_sent_when_approved":   "UPDATE refunds SET sent_at = now(), sends = 1 WHERE id = $1",
		"refunds_decided_by_another":   "UPDATE refunds SET approval = 'approved', decided_by = created_by, decided_at = now(), next_check_at = now() WHERE id = $1",
		"refunds_decided_whole":        "UPDATE refunds SET approval = 'approved', next_check_at = now() WHERE id = $1",
		"refunds_approval_of_someones": "UPDATE refunds SET created_by = NULL WHERE id = $1",
		"refunds_approval_known":       "UPDATE refunds SET approval = 'perhaps', decided_by = 'x', decided_at = now(), next_check_at = now() WHERE id = $1",
	} {
		_, err := b.pool.Exec(t.Context(), sql, r.ID.UUID())
		require.ErrorContains(t, err, constraint)
	}
}

func TestApproval_IsListed(t *testing.T) {
	t.Parallel()
	b := setupApprovals(t)
	b.ask(500)
	r := b.ask(2000)
	waiting, err := b.service.ListRefunds(t.Context(), orders.RefundFilter{Approval: orders.RefundApprovalRequired}, orders.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, waiting.Data, 1)
	require.Equal(t, r, waiting.Data[0])
}
