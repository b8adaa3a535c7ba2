package orders_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/fault"
	"tillway/internal/orders"
)

// begin pays in the background and returns once the sale is under way.
func (b *testBundle) begin(ctx context.Context, req orders.PayRequest, h *held) (orders.Sale, <-chan orders.PayResult) {
	b.t.Helper()
	answered := make(chan orders.PayResult, 1)
	go func() {
		result, err := b.service.Pay(ctx, req)
		if err != nil {
			b.t.Errorf("pay: %v", err)
		}
		answered <- result
	}()
	return <-h.entered, answered
}

func TestPay_TwentyRequestsForOneOrderMakeOneSale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.gateway.hold()
	o := b.order()

	type answer struct {
		result orders.PayResult
		err    error
	}
	const requests = 20
	answers := make(chan answer, requests)
	for i := range requests {
		go func() {
			result, err := b.service.Pay(t.Context(), payRequest(o.ID, key(fmt.Sprint("k", i))))
			answers <- answer{result, err}
		}()
	}
	sale := <-h.entered
	for range requests - 1 {
		a := <-answers
		requireFault(t, a.err, fault.Conflict, "payment_in_progress")
		require.Equal(t, sale.Payment, a.result.Payment.ID, "the refusal names the live attempt")
	}
	h.release <- taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
	winner := <-answers

	require.NoError(t, winner.err)
	require.Equal(t, orders.PaymentSucceeded, winner.result.Payment.Status)
	require.Len(t, b.gateway.sent(), 1)
	require.Equal(t, 1, b.get(o.ID).Attempts)
	require.Len(t, b.events(o.ID), 4)
}

func TestPay_FiftyRequestsWithOneKeyMakeOneSale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	processes := []*orders.Service{b.service, b.process(), b.process()}

	var group errgroup.Group
	results := make([]orders.PayResult, 50)
	flights := make([]error, 50)
	for i := range results {
		group.Go(func() error {
			results[i], flights[i] = processes[i%len(processes)].Pay(t.Context(), payRequest(o.ID, key("one")))
			return nil
		})
	}
	require.NoError(t, group.Wait())

	first := 0
	for i, result := range results {
		if flights[i] != nil {
			requireFault(t, flights[i], fault.Conflict, "idempotency_in_flight")
			continue
		}
		require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
		require.Equal(t, b.get(o.ID).LatestPayment, result.Payment.ID)
		if !result.Replayed {
			first++
		}
	}
	require.Equal(t, 1, first)
	require.Len(t, b.gateway.sent(), 1)
}

func TestPay_RepetitionIsInFlightUntilTheCallersDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.gateway.hold()
	o := b.order()
	sale, answered := b.begin(t.Context(), payRequest(o.ID, key("k")), h)

	for range 10 {
		_, err := b.service.Pay(t.Context(), payRequest(o.ID, key("k")))
		requireFault(t, err, fault.Conflict, "idempotency_in_flight")
	}
	b.clock.advance(callerDeadline) // by now the first caller has been answered 202, while the call goes on
	repeated, err := b.service.Pay(t.Context(), payRequest(o.ID, key("k")))
	require.NoError(t, err)
	require.True(t, repeated.Replayed)
	require.Equal(t, orders.PaymentProcessing, repeated.Payment.Status)

	h.release <- taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
	require.Equal(t, orders.PaymentSucceeded, (<-answered).Payment.Status)
	repeated, err = b.service.Pay(t.Context(), payRequest(o.ID, key("k")))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, repeated.Payment.Status)
	require.Len(t, b.gateway.sent(), 1)
}

func TestPay_CallGoesOnAfterTheCallersDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *orders.Config) { c.CallerDeadline = 100 * time.Millisecond })
	h := b.gateway.hold()
	o := b.order()
	sale, answered := b.begin(t.Context(), payRequest(o.ID, key("k")), h)

	require.Equal(t, orders.PaymentProcessing, (<-answered).Payment.Status)
	require.Equal(t, orders.StatusPending, b.get(o.ID).Status)

	h.release <- taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
	require.NoError(t, b.service.Drain(t.Context()))
	require.NoError(t, <-h.left)
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	require.Len(t, b.events(o.ID), 4)
}

func TestPay_CallerWhoLeavesStopsNoCharge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.gateway.hold()
	o := b.order()
	ctx, leave := context.WithCancel(t.Context())
	sale, answered := b.begin(ctx, payRequest(o.ID, key("k")), h)

	leave()
	require.Equal(t, orders.PaymentProcessing, (<-answered).Payment.Status)
	h.release <- taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
	require.NoError(t, b.service.Drain(t.Context()))
	require.NoError(t, <-h.left, "the call's context outlives the caller")
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
}

func TestPay_CallerWhoLeavesWhileItIsRecordedIsCharged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	ctx, leave := context.WithCancel(t.Context())
	b.gateway.admit = func(context.Context, orders.Initiator) error { return nil }
	b.tracer.after = func(trip string) {
		if strings.HasPrefix(trip, "OrderReserve") {
			leave()
		}
	}
	_, err := b.service.Pay(ctx, payRequest(o.ID, key("k")))
	require.NoError(t, err)
	require.NoError(t, b.service.Drain(t.Context()))
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
}

func TestPay_CallerWhoLeftBeforeItIsRecordedIsNotCharged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	ctx, leave := context.WithCancel(t.Context())
	b.gateway.admit = func(context.Context, orders.Initiator) error { leave(); return nil }

	_, err := b.service.Pay(ctx, payRequest(o.ID, key("k")))
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, b.get(o.ID).Attempts)
	require.Empty(t, b.gateway.sent())
}

func TestDrain_WaitsForChargesInFlight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.gateway.hold()
	sale, answered := b.begin(t.Context(), payRequest(b.order().ID, key("k")), h)

	impatient, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("no time left"))
	defer cancel()
	require.EqualError(t, b.service.Drain(impatient), "no time left")

	h.release <- taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
	require.NoError(t, b.service.Drain(t.Context()))
	require.Equal(t, orders.PaymentSucceeded, b.payment(sale.Payment).Status, "what is drained is recorded")
	<-answered
}

func TestPay_PanicWhileChargingIsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = func(context.Context, orders.Sale) orders.Evidence { panic("defect") }
	o := b.order()

	require.Equal(t, orders.PaymentUnknown, b.pay(o, "k").Status)
	require.Equal(t, orders.StatusPending, b.get(o.ID).Status)
}

func TestPay_CallHasADeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *orders.Config) { c.ChargeTimeout = 50 * time.Millisecond })
	b.gateway.sale = func(ctx context.Context, _ orders.Sale) orders.Evidence {
		<-ctx.Done()
		require.EqualError(t, context.Cause(ctx), "the provider did not answer in time")
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
	}
	require.Equal(t, orders.PaymentUnknown, b.pay(b.order(), "k").Status)
}

func TestPay_MachineThatSleptBeforeSendingDoesNotSend(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	b.tracer.after = func(trip string) {
		if strings.HasPrefix(trip, "OrderReserve") {
			b.clock.advance(chargeTimeout)
		}
	}
	result, err := b.service.Pay(t.Context(), payRequest(o.ID, key("k")))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentFailed, result.Payment.Status)
	require.Empty(t, b.gateway.sent())
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)

	// Others may have been told of the payment since: its key is not used for another.
	again, err := b.service.Pay(t.Context(), payRequest(o.ID, key("k")))
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, result.Payment.ID, again.Payment.ID)
}

// dead returns an order whose process died right after T1: the sale never returns, and nobody waits for it.
func (b *testBundle) dead() (orders.Order, orders.Payment) {
	b.t.Helper()
	gone := make(chan struct{})
	ctx, leave := context.WithCancel(b.t.Context())
	doomed := &fakeGateway{t: b.t, sale: func(context.Context, orders.Sale) orders.Evidence {
		leave()
		<-gone
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
	}}
	process := orders.New(b.pool, doomed, nil, discard(), b.clock.Now, b.config)
	b.t.Cleanup(func() {
		close(gone)
		require.NoError(b.t, process.Drain(context.Background()))
	})
	o := b.order()
	result, err := process.Pay(ctx, payRequest(o.ID, key("k")))
	require.NoError(b.t, err)
	require.Equal(b.t, orders.PaymentProcessing, result.Payment.Status)
	return o, result.Payment
}

func TestPay_KilledAfterT1AndChargedIsFoundByTheSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.dead()
	b.gateway.find = func(_ context.Context, q orders.Query) (orders.Evidence, error) {
		return taken(orders.SourceQuery, q.Amount, q.MerchantTxnID), nil
	}
	due, err := b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, due, "not before its time")
	b.clock.advance(3 * time.Second)
	due, err = b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	require.Equal(t, p.ID, due[0].ID)
	require.Equal(t, 1, due[0].Checks)

	settled, err := b.service.Ask(t.Context(), due[0], time.Second)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, settled.Status)
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	require.Empty(t, b.gateway.sent(), "asked, never sent again")
	require.Len(t, b.events(o.ID), 4)
}

func TestPay_KilledAfterT1AndNeverSentOpensTheOrderAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.dead()
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
	}
	for range 3 {
		settled, err := b.service.Settle(t.Context(), p.ID, time.Second)
		require.NoError(t, err)
		require.Equal(t, orders.PaymentProcessing, settled.Status)
	}
	b.clock.advance(notFoundAfter)
	settled, err := b.service.Settle(t.Context(), p.ID, time.Second)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentFailed, settled.Status)
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)

	repeated, err := b.service.Pay(t.Context(), payRequest(o.ID, key("k")))
	require.NoError(t, err)
	require.True(t, repeated.Replayed, "the key keeps its failed payment")
	require.Equal(t, orders.PaymentSucceeded, b.pay(o, "another").Status)
}
