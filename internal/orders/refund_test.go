package orders_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/orders"
)

func TestRefund_GoesFromReviewToTheShopper(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	b.tracer.since()
	r := b.refund(0)

	require.Equal(t, orders.RefundInReview, r.Status)
	require.Equal(t, b.paid.Amount, r.Amount, "all that remains")
	require.Equal(t, r.ID.String(), r.MerchantTxnID)
	require.Equal(t, [3]int64{2700, 0, 2700}, b.amounts())
	require.Equal(t, orders.StatusPaid, b.get(b.paid.ID).Status)
	require.Contains(t, b.tracer.since(), "OrderLock+RefundBegin", "T1 is one round trip")

	done := b.hear(r, orders.SourceNotification, orders.RefundOutcomeSucceeded)
	require.Equal(t, orders.RefundSucceeded, done.Status)
	require.Equal(t, done, b.getRefund(r.ID))
	require.Equal(t, [3]int64{2700, 2700, 0}, b.amounts())
	require.Equal(t, orders.StatusRefunded, b.get(b.paid.ID).Status)
	require.Equal(t, []string{"refund.created", "refund.succeeded", "order.refunded"}, b.events(b.paid.ID)[4:])
	require.Equal(t, 2, b.count("SELECT count(*) FROM evidence WHERE refund_id = $1", r.ID.UUID()))

	before := len(b.events(b.paid.ID))
	b.hear(r, orders.SourceNotification, orders.RefundOutcomeSucceeded)
	require.Len(t, b.events(b.paid.ID), before, "the same news twice is nothing")
}

func TestRefund_ManyPartsUpToTheWhole(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	for _, part := range []int64{700, 700, 1300} {
		b.hear(b.refund(part), orders.SourceNotification, orders.RefundOutcomeSucceeded)
	}
	require.Equal(t, [3]int64{2700, 2700, 0}, b.amounts())
	require.Equal(t, []string{
		"refund.created", "refund.succeeded", "order.partially_refunded",
		"refund.created", "refund.succeeded", "order.partially_refunded",
		"refund.created", "refund.succeeded", "order.refunded",
	}, b.events(b.paid.ID)[4:])
	_, err := b.service.Refund(t.Context(), b.request(1, ""))
	requireFault(t, err, fault.Refused, "refund_exceeds_remaining")
	_, err = b.service.Refund(t.Context(), b.request(0, ""))
	requireFault(t, err, fault.Refused, "refund_exceeds_remaining")
}

func TestRefund_OfFiftyAtOnceOneIsAccepted(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	var accepted, refused atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			req := b.request(1620, "") // 60 %
			req.AllowDuplicate = true
			_, err := b.process().Refund(t.Context(), req)
			if err == nil {
				accepted.Add(1)
			} else if errors.Is(err, fault.New(fault.Refused, "refund_exceeds_remaining", "")) {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, accepted.Load())
	require.EqualValues(t, 49, refused.Load())
	require.Len(t, b.refunds.sent(), 1)
	require.Equal(t, [3]int64{2700, 0, 1620}, b.amounts())
	b.events(b.paid.ID) // without gaps
}

func TestRefund_TwoClicksAtOnceAreOneRefund(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	var accepted, duplicate atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := b.service.Refund(t.Context(), b.request(100, ""))
			if err == nil {
				accepted.Add(1)
			} else if fault.KindOf(err) == fault.Conflict {
				duplicate.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, accepted.Load())
	require.EqualValues(t, 7, duplicate.Load())

	_, err := b.service.Refund(t.Context(), b.request(100, ""))
	requireFault(t, err, fault.Conflict, "possible_duplicate_refund")
	meant := b.request(100, "")
	meant.AllowDuplicate = true
	_, err = b.service.Refund(t.Context(), meant)
	require.NoError(t, err)
	b.clock.advance(11 * time.Minute)
	_, err = b.service.Refund(t.Context(), b.request(100, ""))
	require.NoError(t, err, "long after")
}

func TestRefund_UnsuccessfulEndsGiveTheReservationBack(t *testing.T) {
	t.Parallel()
	for outcome, status := range map[orders.RefundOutcome]orders.RefundStatus{
		orders.RefundOutcomeDeclined: orders.RefundFailed, orders.RefundOutcomeRejected: orders.RefundRejected,
		orders.RefundOutcomeWithdrawn: orders.RefundCanceled,
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := setupRefunds(t)
			r := b.hear(b.refund(1000), orders.SourceNotification, outcome)
			require.Equal(t, status, r.Status)
			require.Equal(t, [3]int64{2700, 0, 0}, b.amounts())
			o := b.get(b.paid.ID)
			require.Equal(t, orders.StatusPaid, o.Status, "an order never fails because a refund failed")
			require.False(t, o.NeedsReview)
			require.Equal(t, "refund."+string(status), b.events(o.ID)[5])
			require.Equal(t, status != orders.RefundCanceled, r.Failure != nil)
			require.Equal(t, orders.RefundInReview, b.refund(2700).Status, "its amount is free again")
		})
	}
}

func TestRefund_RepeatedKeyAnswersFromTheRow(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	first, err := b.service.Refund(t.Context(), b.request(0, "k"))
	require.NoError(t, err)
	require.False(t, first.Replayed)
	again, err := b.service.Refund(t.Context(), b.request(0, "k"))
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, first.Refund.ID, again.Refund.ID)
	other := b.request(0, "k")
	other.Idempotency.Fingerprint[0]++
	_, err = b.service.Refund(t.Context(), other)
	requireFault(t, err, fault.Refused, "idempotency_key_reused")
	require.Len(t, b.refunds.sent(), 1)
}

// No caller may take the refund of its own request for another's: told of a duplicate, it would insist and refund twice.
func TestRefund_OneKeyManyTimesAtOnceIsOneRefund(t *testing.T) {
	t.Parallel()
	for name, amount := range map[string]int64{"a part, asked for twice": 100, "all that remains": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupRefunds(t)
			const requests = 24
			failures := make(chan error, requests)
			for range requests {
				go func() { // ends with its request
					_, err := b.process().Refund(t.Context(), b.request(amount, "k"))
					failures <- err
				}()
			}
			for range requests {
				if err := <-failures; err != nil {
					requireFault(t, err, fault.Conflict, "idempotency_in_flight")
				}
			}
			require.Len(t, b.refunds.sent(), 1)
		})
	}
}

func TestRefund_OfWhatHasNoMoney(t *testing.T) {
	t.Parallel()
	b := setupRefunds(t)
	open := b.order()
	_, err := b.service.Refund(t.Context(), orders.RefundRequest{Order: open.ID})
	requireFault(t, err, fault.Refused, "refund_exceeds_remaining")
	_, err = b.service.Refund(t.Context(), orders.RefundRequest{Order: open.ID, Payment: b.payment.ID})
	requireParam(t, err, "order")
	_, err = b.service.Refund(t.Context(), orders.RefundRequest{})
	requireParam(t, err, "payment")
	whole, err := b.service.Refund(t.Context(), orders.RefundRequest{Order: b.paid.ID})
	require.NoError(t, err)
	require.Equal(t, b.payment.ID, whole.Refund.Payment)
	require.Equal(t, orders.RefundOther, whole.Refund.Reason)
}
