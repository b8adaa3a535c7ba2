package orders_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/orders"
)

func setupPartial(t *testing.T) *holdBundle {
	t.Helper()
	return setupHold(t, func(c *orders.Config) { c.PartialCapture, c.Refunds = true, &fakeRefunds{} })
}

func (b *holdBundle) capture(amount int64) (orders.PayResult, error) {
	req := b.request("")
	req.Amount = &amount
	return b.service.Capture(b.t.Context(), req)
}

// part is a sum of the held payment's currency.
func (b *holdBundle) part(minor int64) money.Amount { return money.New(minor, b.held.Amount.Currency) }

func TestPartialCapture_TakesThatMuchAndReleasesTheRest(t *testing.T) {
	t.Parallel()
	b := setupPartial(t)
	_, err := b.capture(2701)
	requireFault(t, err, fault.Refused, "capture_exceeds_authorized")
	_, err = b.capture(0)
	requireParam(t, err, "amount")

	captured, err := b.capture(1000)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, captured.Payment.Status)
	require.Equal(t, [2]int64{1000, 1000}, [2]int64{captured.Payment.AmountCaptured, captured.Payment.AmountAuthorized})
	require.Equal(t, b.part(1000), b.modifications.orders[0].Amount)
	o := b.get(b.held.Order)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.Equal(t, [2]int64{1000, 1000}, [2]int64{o.AmountPaid, o.AmountAuthorized})
	require.EqualValues(t, 2700, o.Amount.Minor)
	_, err = b.capture(1700)
	requireFault(t, err, fault.Conflict, "payment_not_capturable")

	ev := taken(orders.SourceNotification, b.held.Amount, b.held.MerchantTxnID)
	ev.Outcome = orders.OutcomeAuthorized
	b.apply(b.held, ev)
	require.False(t, b.get(o.ID).NeedsReview, "the authorization's own record stays what it was")

	_, err = b.service.Refund(t.Context(), orders.RefundRequest{Order: o.ID, Amount: new(int64(1001))})
	requireFault(t, err, fault.Refused, "refund_exceeds_remaining")
	whole, err := b.service.Refund(t.Context(), orders.RefundRequest{Order: o.ID})
	require.NoError(t, err)
	require.Equal(t, b.part(1000), whole.Refund.Amount)
	_, _, err = b.service.ApplyRefund(t.Context(), orders.RefundName{MerchantTxnID: whole.Refund.MerchantTxnID},
		refundNews(orders.SourceNotification, orders.RefundOutcomeSucceeded, orders.RefundApplication{
			MerchantTxnID: whole.Refund.MerchantTxnID, Amount: whole.Refund.Amount,
		}), nil)
	require.NoError(t, err)
	require.Equal(t, orders.StatusRefunded, b.get(o.ID).Status)
}

// A provider that takes more, or less, than it was asked to is not believed: a person compares.
func TestPartialCapture_OfAnotherSumMovesNothing(t *testing.T) {
	t.Parallel()
	b := setupPartial(t)
	b.modifications.answer = func(o orders.ModificationOrder) orders.Evidence {
		return modified(orders.SourceAnswer, orders.OutcomeSucceeded, o.MerchantTxnID) // all of it
	}
	result, err := b.capture(1000)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentAuthorized, result.Payment.Status)
	o := b.get(b.held.Order)
	require.Equal(t, orders.StatusAuthorized, o.Status)
	require.True(t, o.NeedsReview)
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'amount' AND (ours->>'amount')::int = 1000 AND (theirs->>'amount')::int = 2700"))
}

func TestPartialCapture_WhoseAnswerIsLostIsAskedAbout(t *testing.T) {
	t.Parallel()
	b := setupPartial(t)
	b.loseAnswers()
	_, err := b.capture(1000)
	require.NoError(t, err)
	b.modifications.find = func(q orders.Query) (orders.Evidence, error) {
		require.Equal(t, b.part(1000), q.Amount)
		ev := modified(orders.SourceQuery, orders.OutcomeSucceeded, q.MerchantTxnID)
		ev.Amount = q.Amount
		return ev, nil
	}
	b.clock.advance(4 * time.Second)
	b.sweep()
	require.EqualValues(t, 1000, b.get(b.held.Order).AmountPaid)
	require.Equal(t, 1, b.modifications.sent())
}

// The intents interface tells of a capture by the authorization's own state, with the sum of the authorization.
func TestPartialCapture_IsToldByTheAuthorizationsState(t *testing.T) {
	t.Parallel()
	b := setupPartial(t)
	b.loseAnswers()
	_, err := b.capture(1000)
	require.NoError(t, err)
	b.apply(b.held, taken(orders.SourceQuery, b.held.Amount, b.held.MerchantTxnID))
	p := b.payment(b.held.ID)
	require.Equal(t, orders.PaymentSucceeded, p.Status)
	require.EqualValues(t, 1000, p.AmountCaptured)
	require.EqualValues(t, 1000, b.get(b.held.Order).AmountPaid)
}

func TestPartialCapture_ThatFailsLeavesTheWholeHold(t *testing.T) {
	t.Parallel()
	b := setupPartial(t)
	b.modifications.answer = func(o orders.ModificationOrder) orders.Evidence {
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeDeclined}
	}
	_, err := b.capture(1000)
	requireFault(t, err, fault.Refused, "provider_refused")
	require.EqualValues(t, 2700, b.payment(b.held.ID).AmountAuthorized)
	b.modifications.answer = nil
	captured, err := b.service.Capture(t.Context(), b.request(""))
	require.NoError(t, err)
	require.EqualValues(t, 2700, captured.Payment.AmountCaptured, "all of it")
}

func TestPartialCapture_RefusesWhatTheProviderCannotExpress(t *testing.T) {
	t.Parallel()
	b := setupPartial(t)
	b.gateway.accepts = func(a money.Amount) error {
		require.Equal(t, b.part(999), a)
		return fault.New(fault.Refused, "currency_not_supported", "No.")
	}
	_, err := b.capture(999)
	requireFault(t, err, fault.Refused, "currency_not_supported")
	require.Zero(t, b.modifications.sent())
}

// News of the payment holds the order's lock and then wants the payment's row: a capture that held the row and wanted the order
// would end one of the two in a deadlock.
func TestPartialCapture_WaitsForNewsOfTheOrder(t *testing.T) {
	t.Parallel()
	b := setupPartial(t)
	news, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = news.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = news.Exec(t.Context(), "SELECT FROM orders WHERE id = $1 FOR UPDATE", b.held.Order.UUID())
	require.NoError(t, err)
	captured := make(chan error, 1)
	go func() {
		_, err := b.capture(1000)
		captured <- err
	}()
	require.Eventually(t, func() bool {
		return b.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
	}, 10*time.Second, 5*time.Millisecond)
	_, err = news.Exec(t.Context(), "UPDATE payments SET updated_at = now() WHERE id = $1", b.held.ID.UUID())
	require.NoError(t, err)
	require.NoError(t, news.Commit(t.Context()))
	require.NoError(t, <-captured)
	require.EqualValues(t, 1000, b.get(b.held.Order).AmountPaid)
}
