package orders_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// settle claims what is due among the payments, and settles it.
func (b *holdBundle) settle(count int) {
	b.t.Helper()
	due, err := b.service.ClaimDue(b.t.Context(), 10)
	require.NoError(b.t, err)
	require.Len(b.t, due, count)
	for _, p := range due {
		require.NoError(b.t, b.service.SettlePayment(b.t.Context(), p, time.Second))
	}
}

// standing is what the provider's record says of the authorization, for ever.
func (b *holdBundle) standing() {
	b.gateway.find = func(_ context.Context, q orders.Query) (orders.Evidence, error) {
		ev := taken(orders.SourceQuery, q.Amount, q.MerchantTxnID)
		ev.Outcome = orders.OutcomeAuthorized
		return ev, nil
	}
}

func TestHold_IsWarnedOfOnceAndLapses(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	b.standing()
	require.WithinDuration(t, b.held.SentAt.Add(holdLasts-12*time.Hour), b.held.NextCheckAt, time.Second)
	b.clock.advance(holdLasts - 12*time.Hour - time.Minute)
	b.settle(0)
	b.clock.advance(2 * time.Minute)
	_, err := b.service.Ask(t.Context(), b.payment(b.held.ID), time.Second)
	require.NoError(t, err, "whoever asks now does not take the warning away")
	b.settle(1)
	require.Contains(t, b.events(b.held.Order), "payment.authorization_expiring")
	warned := len(b.events(b.held.Order))
	b.settle(0)
	payment, order := b.status()
	require.Equal(t, orders.PaymentAuthorized, payment)
	require.Equal(t, orders.StatusAuthorized, order)

	b.clock.advance(13 * time.Hour)
	b.settle(1)
	lapsed := b.payment(b.held.ID)
	require.Equal(t, orders.PaymentCanceled, lapsed.Status)
	require.Equal(t, "authorization_lapsed", lapsed.Failure.DeclineCode)
	require.Zero(t, lapsed.NextCheckAt)
	require.Equal(t, orders.StatusOpen, b.get(b.held.Order).Status)
	require.NotContains(t, b.events(b.held.Order)[warned:], "payment.authorization_expiring")
	require.EqualValues(t, len(b.events(b.held.Order)), b.get(b.held.Order).LastSequence)
}

func TestHold_IsWarnedOfAlthoughSomebodyAskedMeanwhile(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	b.standing()
	b.clock.advance(holdLasts - 11*time.Hour)
	due, err := b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	_, err = b.service.Ask(t.Context(), due[0], time.Second)
	require.NoError(t, err)
	require.NoError(t, b.service.SettlePayment(t.Context(), due[0], time.Second))
	require.Contains(t, b.events(b.held.Order), "payment.authorization_expiring")
}

func TestHold_IsNotWarnedOfOnceItWasCaptured(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	b.clock.advance(holdLasts - 11*time.Hour)
	due, err := b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	_, err = b.service.Capture(t.Context(), b.request(""))
	require.NoError(t, err)
	require.NoError(t, b.service.SettlePayment(t.Context(), due[0], time.Second))
	require.NotContains(t, b.events(b.held.Order), "payment.authorization_expiring")
	payment, _ := b.status()
	require.Equal(t, orders.PaymentSucceeded, payment)
}

func TestHold_IsGivenUpBeforeItLapses(t *testing.T) {
	t.Parallel()
	b := setupHold(t, func(c *orders.Config) { c.AuthExpiry = orders.AuthExpiryVoid })
	b.clock.advance(holdLasts - 11*time.Hour)
	b.settle(1)
	p := b.payment(b.held.ID)
	require.Equal(t, orders.PaymentCanceled, p.Status)
	require.Equal(t, "authorization_voided", p.Failure.DeclineCode)
	require.Equal(t, 1, b.modifications.sent())
	b.settle(0)
}

func TestHold_WhoseVoidIsRefusedLapsesAndOneThatNeverLeftIsGivenUpAgain(t *testing.T) {
	t.Parallel()
	b := setupHold(t, func(c *orders.Config) { c.AuthExpiry = orders.AuthExpiryVoid })
	b.clock.advance(holdLasts - 11*time.Hour)
	b.modifications.answer = func(orders.ModificationOrder) orders.Evidence {
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeNeverSent}
	}
	due, err := b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Error(t, b.service.SettlePayment(t.Context(), due[0], time.Second))
	require.WithinDuration(t, b.clock.Now().Add(15*time.Minute), b.payment(b.held.ID).NextCheckAt, time.Second)

	b.clock.advance(16 * time.Minute)
	b.modifications.answer = func(o orders.ModificationOrder) orders.Evidence {
		return modified(orders.SourceAnswer, orders.OutcomeDeclined, o.MerchantTxnID)
	}
	due, err = b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Error(t, b.service.SettlePayment(t.Context(), due[0], time.Second))
	require.WithinDuration(t, b.held.SentAt.Add(holdLasts+time.Hour), b.payment(b.held.ID).NextCheckAt, time.Second)
	require.Equal(t, 2, b.modifications.sent())
}

func TestHold_DoesNotLapseWhileItsCaptureIsOpen(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	b.standing()
	b.loseAnswers()
	_, err := b.service.Capture(t.Context(), b.request(""))
	require.NoError(t, err)
	b.clock.advance(holdLasts + 2*time.Hour)
	b.settle(0)
	b.modifications.find = func(q orders.Query) (orders.Evidence, error) {
		return modified(orders.SourceQuery, orders.OutcomeSucceeded, q.MerchantTxnID), nil
	}
	p, err := b.service.Ask(t.Context(), b.payment(b.held.ID), time.Second)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, p.Status, "whoever asks about the payment asks about its capture")
}

func TestCapture_ThatFailedIsLookedAtAgainAndItsLateSuccessFound(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	b.modifications.answer = func(o orders.ModificationOrder) orders.Evidence {
		return modified(orders.SourceAnswer, orders.OutcomeDeclined, o.MerchantTxnID)
	}
	_, err := b.service.Capture(t.Context(), b.request("declined"))
	require.Error(t, err)
	b.modifications.find = func(q orders.Query) (orders.Evidence, error) {
		return modified(orders.SourceQuery, orders.OutcomeDeclined, q.MerchantTxnID), nil
	}
	b.clock.advance(time.Hour + time.Minute)
	b.sweep()
	b.sweep()
	payment, _ := b.status()
	require.Equal(t, orders.PaymentAuthorized, payment)

	b.modifications.find = func(q orders.Query) (orders.Evidence, error) {
		return modified(orders.SourceQuery, orders.OutcomeSucceeded, q.MerchantTxnID), nil
	}
	b.clock.advance(23 * time.Hour)
	b.sweep()
	payment, order := b.status()
	require.Equal(t, orders.PaymentSucceeded, payment)
	require.Equal(t, orders.StatusPaid, order)
}

func TestCapture_ThatNeverArrivedLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	b.loseAnswers()
	_, err := b.service.Capture(t.Context(), b.request("key"))
	require.NoError(t, err)
	b.modifications.find = func(orders.Query) (orders.Evidence, error) {
		return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
	}
	for range 3 {
		b.clock.advance(24 * time.Hour)
		b.sweep()
	}
	b.modifications.answer = nil
	result, err := b.service.Capture(t.Context(), b.request("key"))
	require.NoError(t, err)
	require.False(t, result.Replayed)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	require.Equal(t, 2, b.modifications.sent())
}
