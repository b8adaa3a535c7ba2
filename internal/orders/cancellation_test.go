package orders_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/orders"
)

// fakeCancellations takes every cancellation on, or answers as its test says.
type fakeCancellations struct {
	mu     sync.Mutex
	asked  []string
	answer error
	back   bool
	looked int
}

func (g *fakeCancellations) Cancel(_ context.Context, transactionID string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, transactionID)
	return g.answer
}

func (g *fakeCancellations) GivenBack(_ context.Context, q orders.GivenBackQuery) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looked++
	return g.back && q.Amount.Minor == 2700, nil
}

// stuckBundle is a service with an order of 27.00 EUR whose payment is stuck at the provider.
type stuckBundle struct {
	*testBundle

	cancellations *fakeCancellations
	stuck         orders.Payment
}

func setupStuck(t *testing.T, adjust ...func(*orders.Config)) *stuckBundle {
	t.Helper()
	fake := &fakeCancellations{}
	b := setup(t, append(adjust, func(c *orders.Config) { c.Cancellations = fake })...)
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		ev := taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
		ev.Outcome = orders.OutcomeProcessing
		return ev
	}
	o := b.order()
	p := b.pay(o, "pay")
	require.Equal(t, orders.PaymentProcessing, p.Status)
	return &stuckBundle{testBundle: b, cancellations: fake, stuck: p}
}

func (b *stuckBundle) cancel() (orders.Payment, error) {
	result, err := b.service.CancelPayment(b.t.Context(), orders.CaptureRequest{Payment: b.stuck.ID, CorrelationID: "test"})
	return result.Payment, err
}

// canceling asks for the cancellation in its time.
func (b *stuckBundle) canceling() {
	b.t.Helper()
	b.clock.advance(6 * time.Minute)
	p, err := b.cancel()
	require.NoError(b.t, err)
	require.True(b.t, p.Status.Open())
	require.False(b.t, p.CancelAskedAt.IsZero())
}

func (b *stuckBundle) tell(outcome orders.Outcome) orders.Applied {
	b.t.Helper()
	ev := taken(orders.SourceNotification, b.stuck.Amount, b.stuck.MerchantTxnID)
	ev.Outcome = outcome
	return b.apply(b.stuck, ev)
}

// query lets the provider answer a question about the payment.
func (b *stuckBundle) query(outcome orders.Outcome) orders.Payment {
	b.t.Helper()
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		ev := taken(orders.SourceQuery, b.stuck.Amount, b.stuck.MerchantTxnID)
		ev.Outcome = outcome
		return ev, nil
	}
	p, err := b.service.Ask(b.t.Context(), b.payment(b.stuck.ID), time.Second)
	require.NoError(b.t, err)
	return p
}

func TestCancelPayment_StaysOpenUntilTheProviderTells(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	b.canceling()
	require.Equal(t, []string{b.stuck.ProviderTransactionID}, b.cancellations.asked)
	require.Equal(t, orders.StatusPending, b.get(b.stuck.Order).Status, "locked")
	_, err := b.cancel()
	require.NoError(t, err, "to ask twice is to ask once")
	_, err = b.service.Pay(t.Context(), payRequest(b.stuck.Order, key("another")))
	requireFault(t, err, fault.Conflict, "payment_in_progress")

	b.tell(orders.OutcomeReversed)
	require.Equal(t, orders.PaymentCanceled, b.payment(b.stuck.ID).Status)
	o := b.get(b.stuck.Order)
	require.Equal(t, orders.StatusOpen, o.Status)
	require.False(t, o.NeedsReview, "it was asked for")
	again, err := b.cancel()
	require.NoError(t, err)
	require.Equal(t, orders.PaymentCanceled, again.Status)
	require.Len(t, b.cancellations.asked, 2)
}

func TestCancelPayment_OutsideItsTimeOrNotNamed(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	require.False(t, b.service.Cancelable(b.stuck))
	_, err := b.cancel()
	requireFault(t, err, fault.Conflict, "cancel_window_closed")
	b.clock.advance(b.stuck.SentAt.Add(5 * time.Minute).Sub(b.clock.Now()))
	require.True(t, b.service.Cancelable(b.stuck))
	b.clock.advance(25*time.Minute + time.Microsecond)
	require.False(t, b.service.Cancelable(b.stuck))
	_, err = b.cancel()
	requireFault(t, err, fault.Conflict, "cancel_window_closed")

	b.gateway.sale = func(context.Context, orders.Sale) orders.Evidence {
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
	}
	b.stuck = b.pay(b.order(), "nameless")
	b.clock.advance(6 * time.Minute)
	_, err = b.cancel()
	requireFault(t, err, fault.Conflict, "payment_not_cancelable")
	require.Empty(t, b.cancellations.asked)
	require.True(t, b.payment(b.stuck.ID).CancelAskedAt.IsZero())
}

// While the cancellation is under way a success may be the money that goes back: it is not believed, whoever tells of it.
func TestCancelPayment_ASuccessIsNotBelievedBeforeItIsClear(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	b.canceling()
	require.Equal(t, orders.VerdictUnproven, b.tell(orders.OutcomeSucceeded).Verdict)
	require.True(t, b.query(orders.OutcomeSucceeded).Status.Open())
	require.NotContains(t, b.events(b.stuck.Order), "order.paid")

	b.cancellations.back = true
	require.Equal(t, orders.PaymentCanceled, b.query(orders.OutcomeSucceeded).Status)
	require.Equal(t, orders.StatusOpen, b.get(b.stuck.Order).Status)
	require.Equal(t, orders.VerdictSame, b.tell(orders.OutcomeReversed).Verdict)
	require.Equal(t, orders.VerdictStale, b.tell(orders.OutcomeSucceeded).Verdict, "old news")
	require.Equal(t, orders.PaymentCanceled, b.query(orders.OutcomeSucceeded).Status)
	require.False(t, b.get(b.stuck.Order).NeedsReview)
	require.Zero(t, b.get(b.stuck.Order).AmountPaid)
}

func TestCancelPayment_ASuccessThatStaysIsBelievedInTheEnd(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	b.canceling()
	b.clock.advance(89 * time.Minute)
	require.True(t, b.query(orders.OutcomeSucceeded).Status.Open())
	b.clock.advance(time.Minute)
	require.Equal(t, orders.PaymentSucceeded, b.query(orders.OutcomeSucceeded).Status)
	require.Equal(t, orders.StatusPaid, b.get(b.stuck.Order).Status)
	require.Equal(t, 2, b.cancellations.looked)

	b.tell(orders.OutcomeReversed) // it went back after all
	o := b.get(b.stuck.Order)
	require.Equal(t, orders.StatusOpen, o.Status)
	require.True(t, o.NeedsReview, "it was told as paid")
}

func TestCancelPayment_ThatFailedLeavesTheWordToAQuery(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	b.canceling()
	ev := taken(orders.SourceNotification, b.stuck.Amount, b.stuck.MerchantTxnID)
	ev.Outcome, ev.NotCanceled, ev.ProviderTransactionID = orders.OutcomeProcessing, true, ""
	b.apply(b.stuck, ev)
	p := b.payment(b.stuck.ID)
	require.False(t, p.CancelFailedAt.IsZero())
	require.Equal(t, b.clock.Now().UTC().Truncate(time.Microsecond), p.NextCheckAt, "the provider is asked at once")
	require.Equal(t, orders.PaymentSucceeded, b.query(orders.OutcomeSucceeded).Status)
	require.Zero(t, b.cancellations.looked)
}

func TestCancelPayment_OfWhatReallyFailed(t *testing.T) {
	t.Parallel()
	for _, first := range []orders.Outcome{orders.OutcomeDeclined, orders.OutcomeReversed} {
		b := setupStuck(t)
		b.canceling()
		b.tell(first)
		b.tell(orders.OutcomeReversed)
		b.query(orders.OutcomeDeclined)
		require.False(t, b.payment(b.stuck.ID).Status.Live())
		require.Equal(t, orders.StatusOpen, b.get(b.stuck.Order).Status)
		require.False(t, b.get(b.stuck.Order).NeedsReview)
	}
}

func TestCancelPayment_AnAnswerThatIsLostIsHarmless(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	b.cancellations.answer = errors.New("no answer")
	b.canceling()
	require.Equal(t, orders.VerdictUnproven, b.tell(orders.OutcomeSucceeded).Verdict, "it may be under way")
}

func TestCancelPayment_RefusedOrNotAskedLeavesNoMark(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	b.clock.advance(6 * time.Minute)
	b.cancellations.answer = fault.Down("provider_unavailable", time.Second, nil, "Away.")
	_, err := b.cancel()
	requireFault(t, err, fault.Unavailable, "provider_unavailable")
	require.True(t, b.payment(b.stuck.ID).CancelAskedAt.IsZero())

	b.cancellations.answer = fault.New(fault.Conflict, "payment_not_cancelable", "No.")
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		return orders.Evidence{}, errors.New("no answer")
	}
	_, err = b.cancel()
	requireFault(t, err, fault.Conflict, "payment_not_cancelable")
	require.True(t, b.payment(b.stuck.ID).CancelAskedAt.IsZero())

	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		return taken(orders.SourceQuery, b.stuck.Amount, b.stuck.MerchantTxnID), nil
	}
	p, err := b.cancel()
	requireFault(t, err, fault.Conflict, "payment_not_cancelable")
	require.Equal(t, orders.PaymentSucceeded, p.Status, "that is why")
	require.Equal(t, orders.StatusPaid, b.get(b.stuck.Order).Status)
}

// What somebody else has asked for may have been heard, whatever we are told.
func TestCancelPayment_ARefusalLeavesTheMarkOfAnother(t *testing.T) {
	t.Parallel()
	b := setupStuck(t)
	b.canceling()
	b.cancellations.answer = fault.New(fault.Conflict, "payment_not_cancelable", "No.")
	b.cancellations.back = true
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		return taken(orders.SourceQuery, b.stuck.Amount, b.stuck.MerchantTxnID), nil
	}
	p, err := b.cancel()
	require.NoError(t, err)
	require.Equal(t, orders.PaymentCanceled, p.Status)
}
