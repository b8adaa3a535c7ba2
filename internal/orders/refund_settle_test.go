package orders_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/orders"
)

func outcomes(outcome orders.RefundOutcome) func(orders.RefundApplication) orders.RefundEvidence {
	return func(orders.RefundApplication) orders.RefundEvidence {
		return orders.RefundEvidence{Source: orders.SourceAnswer, Outcome: outcome}
	}
}

func TestSettleRefund_SendsWhatAProcessRecordedAndDidNotSend(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	b.refunds.answer = outcomes(orders.RefundOutcomeNeverSent)
	r := b.refund(1000)
	require.Equal(t, orders.RefundPending, r.Status)
	require.True(t, r.SentAt.IsZero(), "not one byte has left us")
	require.Equal(t, [3]int64{2700, 0, 1000}, b.amounts(), "it stays reserved")

	b.sweep()
	require.Len(t, b.refunds.sent(), 1, "not before its time")
	b.refunds.answer = nil
	b.clock.advance(16 * time.Second)
	b.sweep()
	sent := b.refunds.sent()
	require.Len(t, sent, 2)
	require.Equal(t, sent[0], sent[1], "under the same reference")
	require.Equal(t, orders.RefundInReview, b.getRefund(r.ID).Status)
}

func TestSettleRefund_OnlyAsksAboutWhatWasSent(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	b.refunds.answer = outcomes(orders.RefundOutcomeUnknown)
	r := b.refund(1000)
	require.Equal(t, orders.RefundUnknown, r.Status)

	b.clock.advance(4 * time.Second)
	b.refunds.find = func(q orders.RefundQuery) (orders.RefundEvidence, error) {
		require.Equal(t, r.MerchantTxnID, q.MerchantTxnID)
		require.Equal(t, b.payment.ProviderTransactionID, q.OriginTransactionID)
		return refundNews(orders.SourceQuery, orders.RefundOutcomeSucceeded, orders.RefundApplication{MerchantTxnID: r.MerchantTxnID, Amount: q.Amount}), nil
	}
	b.sweep()
	require.Equal(t, orders.RefundSucceeded, b.getRefund(r.ID).Status)
	require.Len(t, b.refunds.sent(), 1, "a lost answer is never a second application")
	require.Equal(t, orders.StatusPartiallyRefunded, b.get(b.paid.ID).Status)
}

func TestSettleRefund_ThatNeverArrivedIsFreeAgain(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	b.refunds.answer = outcomes(orders.RefundOutcomeUnknown)
	b.refunds.find = func(orders.RefundQuery) (orders.RefundEvidence, error) {
		return orders.RefundEvidence{Source: orders.SourceQuery, Outcome: orders.RefundOutcomeNotFound}, nil
	}
	r := b.refund(1000)
	for range 3 {
		require.True(t, b.getRefund(r.ID).Status.Open())
		b.clock.advance(24 * time.Hour)
		b.sweep()
	}
	failed := b.getRefund(r.ID)
	require.Equal(t, orders.RefundFailed, failed.Status)
	require.Equal(t, "refund_not_received", failed.Failure.Code)
	require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())

	b.hear(r, orders.SourceQuery, orders.RefundOutcomeInReview)
	require.True(t, b.get(b.paid.ID).NeedsReview, "it has it after all: a person must look")
	b.hear(r, orders.SourceQuery, orders.RefundOutcomeSucceeded)
	require.Equal(t, [3]int64{2700, 1000, 0}, b.amounts(), "and counts while the money is there")
	require.False(t, b.get(b.paid.ID).NeedsReview)
}

func TestSettleRefund_LateSuccessNeverRefundsMoreThanWasCaptured(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	r := b.hear(b.refund(2000), orders.SourceNotification, orders.RefundOutcomeRejected)
	b.hear(b.refund(2000), orders.SourceNotification, orders.RefundOutcomeSucceeded)
	late := b.hear(r, orders.SourceNotification, orders.RefundOutcomeSucceeded)

	require.Equal(t, orders.RefundRejected, late.Status)
	require.Equal(t, [3]int64{2700, 2000, 0}, b.amounts())
	require.True(t, b.get(b.paid.ID).NeedsReview)
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'over_refund' AND money_at_risk = 2000 AND refund_id = $1", r.ID.UUID()))
}

func TestSettleRefund_ALateSuccessThatNobodyTellsOfIsFound(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	r := b.hear(b.refund(2000), orders.SourceNotification, orders.RefundOutcomeDeclined)
	require.Equal(t, orders.RefundFailed, r.Status)
	require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
	b.refunds.find = func(q orders.RefundQuery) (orders.RefundEvidence, error) {
		return refundNews(orders.SourceQuery, orders.RefundOutcomeSucceeded,
			orders.RefundApplication{MerchantTxnID: q.MerchantTxnID, Amount: q.Amount}), nil
	}
	b.sweep()
	require.Equal(t, orders.RefundFailed, b.getRefund(r.ID).Status, "not asked about yet")

	b.clock.advance(time.Hour + time.Second)
	b.sweep()
	require.Equal(t, orders.RefundSucceeded, b.getRefund(r.ID).Status)
	require.Equal(t, [3]int64{2700, 2000, 0}, b.amounts())
	require.Zero(t, b.getRefund(r.ID).NextCheckAt)
}

func TestSettleRefund_QueryRefutesASuccess(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	r := b.hear(b.refund(0), orders.SourceNotification, orders.RefundOutcomeSucceeded)
	doubted := b.hear(r, orders.SourceNotification, orders.RefundOutcomeDeclined)
	require.Equal(t, orders.RefundSucceeded, doubted.Status, "a notification is not enough")
	require.False(t, doubted.NextCheckAt.IsZero(), "the provider is asked")
	refuted := b.hear(r, orders.SourceQuery, orders.RefundOutcomeDeclined)
	require.Equal(t, orders.RefundFailed, refuted.Status)
	require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
	o := b.get(b.paid.ID)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.True(t, o.NeedsReview)
	events := b.events(o.ID)
	require.NotContains(t, events[5:], "order.paid", "a merchant would ship again")
}

func TestSettleRefund_OneOfManyWorkersSends(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	b.refunds.answer = outcomes(orders.RefundOutcomeNeverSent)
	r := b.refund(1000)
	b.refunds.answer = nil
	b.clock.advance(time.Minute)
	done := make(chan struct{})
	for range 6 {
		go func() {
			_ = b.process().SettleRefund(t.Context(), r, time.Second) // as if each had claimed it
			done <- struct{}{}
		}()
	}
	for range 6 {
		<-done
	}
	require.Len(t, b.refunds.sent(), 2, "the first try and one of the six")
}

func TestCancelRefund(t *testing.T) {
	t.Parallel()
	t.Run("one that was never sent ends at once", func(t *testing.T) {
		t.Parallel()
		b := setupRefunds(t)
		b.refunds.answer = outcomes(orders.RefundOutcomeNeverSent)
		r := b.refund(1000)
		canceled, err := b.service.CancelRefund(t.Context(), r.ID)
		require.NoError(t, err)
		require.Equal(t, orders.RefundCanceled, canceled.Status)
		require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
		b.clock.advance(time.Hour)
		b.sweep()
		require.Len(t, b.refunds.sent(), 1, "and is never sent")
		again, err := b.service.CancelRefund(t.Context(), r.ID)
		require.NoError(t, err)
		require.Equal(t, canceled, again)
	})
	t.Run("one in review is withdrawn at the provider", func(t *testing.T) {
		t.Parallel()
		b := setupRefunds(t)
		r := b.refund(1000)
		b.refunds.withdraw = func(a orders.RefundApplication) error {
			require.Equal(t, r.ProviderTransactionID, a.OriginTransactionID)
			return nil
		}
		b.refunds.find = func(q orders.RefundQuery) (orders.RefundEvidence, error) {
			return refundNews(orders.SourceQuery, orders.RefundOutcomeWithdrawn, orders.RefundApplication{MerchantTxnID: q.MerchantTxnID, Amount: q.Amount}), nil
		}
		canceled, err := b.service.CancelRefund(t.Context(), r.ID)
		require.NoError(t, err)
		require.Equal(t, orders.RefundCanceled, canceled.Status)
		require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
	})
	t.Run("one that is decided stays", func(t *testing.T) {
		t.Parallel()
		b := setupRefunds(t)
		r := b.hear(b.refund(1000), orders.SourceNotification, orders.RefundOutcomeSucceeded)
		_, err := b.service.CancelRefund(t.Context(), r.ID)
		requireFault(t, err, fault.Conflict, "refund_not_cancelable")
	})
}

func TestLatePayment_IsRefundedByPolicyWithoutAnybodyAsking(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	b.gateway.sale = declined
	o := b.order()
	p := b.pay(o, "late")
	_, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: o.ID, Idempotency: key("c"), CorrelationID: "test"})
	require.NoError(t, err)
	b.apply(p, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID))

	o = b.get(o.ID)
	require.EqualValues(t, 2700, o.AmountPaid)
	require.EqualValues(t, 2700, o.AmountRefundPending)
	require.NotContains(t, b.events(o.ID), "order.paid")
	b.sweep()
	sent := b.refunds.sent()
	require.Len(t, sent, 1)
	require.Equal(t, "t-"+p.MerchantTxnID, sent[0].OriginTransactionID)

	list, err := b.service.ListRefunds(t.Context(), orders.RefundFilter{Order: o.ID}, orders.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, list.Data, 1)
	r := list.Data[0]
	require.Equal(t, orders.RefundFromLatePayment, r.Origin)
	failed := b.hear(r, orders.SourceNotification, orders.RefundOutcomeRejected)
	require.Equal(t, orders.RefundRejected, failed.Status)
	require.True(t, b.get(o.ID).NeedsReview, "a policy refund that fails is for a person")
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'refund' AND status = 'open'"))

	req := orders.RefundRequest{Payment: p.ID}
	again, err := b.service.Refund(t.Context(), req)
	require.NoError(t, err)
	b.hear(again.Refund, orders.SourceNotification, orders.RefundOutcomeSucceeded)
	o = b.get(o.ID)
	require.Equal(t, orders.StatusRefunded, o.Status)
	require.False(t, o.NeedsReview, "all of it is back")
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'refund' AND status = 'auto_resolved'"))
	b.events(o.ID)
}

func TestSurplus_GoesBackAndTheOrderIsAsBefore(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	b.gateway.sale = declined
	o := b.order()
	first := b.pay(o, "first")
	b.gateway.sale = nil
	b.pay(o, "second")
	b.apply(first, taken(orders.SourceNotification, o.Amount, first.MerchantTxnID))
	b.sweep()
	list, err := b.service.ListRefunds(t.Context(), orders.RefundFilter{Payment: first.ID}, orders.Page{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, orders.RefundFromSurplus, list.Data[0].Origin)
	b.hear(list.Data[0], orders.SourceNotification, orders.RefundOutcomeSucceeded)

	o = b.get(o.ID)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.Zero(t, o.AmountRefunded)
	require.EqualValues(t, 2700, b.testBundle.payment(first.ID).AmountRefunded)
	require.NotContains(t, b.events(o.ID), "order.refunded")
}
