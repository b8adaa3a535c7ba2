package orders_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/orders"
	"tillway/internal/postgres"
)

// challenged returns an order whose shopper is at the challenge.
func (b *testBundle) challenged() (orders.Order, orders.Payment) {
	b.t.Helper()
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		return orders.Evidence{
			Source: orders.SourceAnswer, Outcome: orders.OutcomeActionRequired, Amount: sale.Amount,
			ProviderTransactionID: "t-" + sale.MerchantTxnID, RedirectURL: "https://3ds.example.com/" + sale.MerchantTxnID,
		}
	}
	o := b.order()
	p := b.pay(o, "k")
	require.Equal(b.t, orders.PaymentRequiresAction, p.Status)
	return o, p
}

func TestMoneyOperations_TakeOneRoundTripEach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pay(b.order(), "warm") // statements are prepared once per connection
	b.tracer.since()

	o := b.order()
	require.Equal(t, []string{"OrderInsert+EventsInsert"}, b.tracer.since(), "an order and its event")

	p := b.pay(o, "k")
	require.Equal(t, []string{
		"OrderGet", "OrderReserve+PaymentInsert+EventsInsert", "OrderMove+PaymentMove+EventsInsert+EvidenceInsert",
	}, b.tracer.since(), "T1 and T2 are one trip each")

	b.apply(p, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID))
	require.Equal(t, []string{"PaymentWithOrderByTxn", "OrderMove+PaymentMove+EvidenceInsert"}, b.tracer.since(), "news waits for no lock")

	b.apply(p, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID))
	require.Equal(t, []string{"PaymentWithOrderByTxn"}, b.tracer.since(), "a repetition writes nothing")
}

func TestApply_TwentyIdenticalNotificationsMakeOneEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.challenged()

	var group errgroup.Group
	for range 20 {
		group.Go(func() error {
			_, err := b.service.Apply(t.Context(), p.MerchantTxnID, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID), nil)
			return err
		})
	}
	require.NoError(t, group.Wait())

	require.Equal(t, []string{
		"order.created", "payment.processing", "payment.requires_action", "payment.succeeded", "order.paid",
	}, b.events(o.ID))
	require.Equal(t, 1, b.count("SELECT count(*) FROM evidence WHERE source = 'notification'"))
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
}

func TestApply_BeginsAnewUnderTheLockWhenTheOrderMovesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.pool.Exec(t.Context(), "CREATE TABLE ridden (verdict text)")
	require.NoError(t, err)
	o, p := b.challenged()
	ev := taken(orders.SourceNotification, o.Amount, p.MerchantTxnID)
	b.tracer.since()
	tries := 0
	rider := func(ctx context.Context, batch *pgx.Batch, applied orders.Applied) error {
		if tries++; tries == 1 { // between the reading and the writing, another process brings the same news
			_, err := b.process().Apply(ctx, p.MerchantTxnID, ev, nil)
			require.NoError(t, err)
		}
		batch.Queue("INSERT INTO ridden VALUES ($1)", applied.Verdict)
		return nil
	}

	applied, err := b.service.Apply(t.Context(), p.MerchantTxnID, ev, rider)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, applied.Payment.Status)
	require.Equal(t, []string{
		"PaymentWithOrderByTxn", "PaymentWithOrderByTxn", "OrderMove+PaymentMove+EventsInsert+EvidenceInsert",
		"OrderMove+PaymentMove+EventsInsert+EvidenceInsert+INSERT INTO ridden VALUES ($1)",
		"begin+OrderLockByTxn+PaymentWithOrderByTxn+DiscrepanciesOpenByTxn", "INSERT INTO ridden VALUES ($1)+commit",
	}, b.tracer.since())
	require.Equal(t, 1, b.count("SELECT count(*) FROM ridden WHERE verdict = 'same'"), "what was decided on the old order is gone")
	require.Equal(t, 1, b.count("SELECT count(*) FROM ridden"))
	require.Equal(t, 1, b.count("SELECT count(*) FROM evidence WHERE source = 'notification'"))
	require.Len(t, b.events(o.ID), 5)
}

func TestApply_NewsOfNobodysPaymentRunsNoRider(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rider := func(context.Context, *pgx.Batch, orders.Applied) error { return errors.New("must not run") }

	_, err := b.service.Apply(t.Context(), "pay_of_nobody", orders.Evidence{Source: orders.SourceNotification}, rider)
	require.ErrorIs(t, err, orders.ErrNoPayment)
	require.NotContains(t, err.Error(), "must not run")
}

func TestApply_RiderCommitsWithTheNewsOrNeither(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.pool.Exec(t.Context(), "CREATE TABLE ridden (verdict text CHECK (verdict <> 'same'))")
	require.NoError(t, err)
	o, p := b.challenged()
	ev := taken(orders.SourceNotification, o.Amount, p.MerchantTxnID)
	ride := func(verdict string) orders.Rider {
		return func(_ context.Context, batch *pgx.Batch, applied orders.Applied) error {
			require.Equal(t, o.ID, applied.Order)
			require.Equal(t, orders.PaymentSucceeded, applied.Payment.Status)
			batch.Queue("INSERT INTO ridden VALUES ($1)", verdict)
			return nil
		}
	}

	_, err = b.service.Apply(t.Context(), p.MerchantTxnID, ev, ride("same"))
	require.True(t, postgres.IsCheck(err, ""), "%v", err)
	require.Equal(t, orders.PaymentRequiresAction, b.payment(p.ID).Status, "a rider that fails takes the news along")
	require.Len(t, b.events(o.ID), 3)

	refused := errors.New("refused")
	_, err = b.service.Apply(t.Context(), p.MerchantTxnID, ev,
		func(context.Context, *pgx.Batch, orders.Applied) error { return refused })
	require.ErrorIs(t, err, refused)
	require.Equal(t, orders.PaymentRequiresAction, b.payment(p.ID).Status)

	applied, err := b.service.Apply(t.Context(), p.MerchantTxnID, ev, ride("move"))
	require.NoError(t, err)
	require.Equal(t, orders.VerdictMove, applied.Verdict)
	require.Equal(t, 1, b.count("SELECT count(*) FROM ridden"))
	require.Equal(t, orders.PaymentSucceeded, b.payment(p.ID).Status)
}

func TestApply_SameDisagreementIsOneDiscrepancy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.challenged()
	for i := range 3 {
		ev := taken(orders.SourceNotification, o.Amount, p.MerchantTxnID)
		ev.Amount.Minor += int64(i) + 1
		require.Equal(t, orders.VerdictMismatch, b.apply(p, ev).Verdict)
		b.clock.advance(time.Second)
	}
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies"))
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE theirs->>'amount' = '2703' AND last_seen > first_seen"))
	require.Equal(t, 3, b.count("SELECT count(*) FROM evidence WHERE verdict = 'mismatch'"))
	require.Equal(t, []string{"reconciliation.discrepancy", "order.needs_review"}, b.events(o.ID)[3:], "said once")
}

func TestApply_LateSuccessOfAnEarlierAttemptIsSurplus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.order()
	first := b.pay(o, "first")
	b.gateway.sale = nil
	second := b.pay(o, "second")
	require.Equal(t, orders.PaymentSucceeded, second.Status)

	applied := b.apply(first, taken(orders.SourceNotification, o.Amount, first.MerchantTxnID))
	require.Equal(t, orders.VerdictLate, applied.Verdict)
	require.True(t, applied.Payment.Surplus)
	o = b.get(o.ID)
	require.EqualValues(t, 2700, o.AmountPaid, "surplus never counts as paid")
	require.False(t, o.NeedsReview)
	require.Zero(t, o.AmountRefundPending)
	require.Equal(t, 1, b.count("SELECT count(*) FROM refunds WHERE origin = 'surplus' AND amount = 2700 AND status = 'pending'"))
	require.Equal(t, applied.Payment, b.payment(first.ID))
}

func TestPay_RefusesAnotherChargeWhileSurplusMoneyIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.order()
	first := b.pay(o, "first")
	b.gateway.sale = func(context.Context, orders.Sale) orders.Evidence {
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeProcessing}
	}
	second := b.pay(o, "second")
	require.True(t, b.apply(first, taken(orders.SourceNotification, o.Amount, first.MerchantTxnID)).Payment.Surplus)
	b.apply(second, orders.Evidence{Source: orders.SourceNotification, Outcome: orders.OutcomeDeclined})
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)

	_, err := b.service.Pay(t.Context(), payRequest(o.ID, key("third")))
	requireFault(t, err, fault.Conflict, "order_not_payable")
	require.Len(t, b.gateway.sent(), 2, "a third sale would charge the shopper twice")
}

func TestApply_LateSuccessPaysAnOrderThatWasGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.order(func(r *orders.CreateOrder) { r.LatePayment = orders.LatePaymentAccept })
	p := b.pay(o, "k")
	_, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: o.ID, Idempotency: key("c"), CorrelationID: "test"})
	require.NoError(t, err)

	b.apply(p, taken(orders.SourceQuery, o.Amount, p.MerchantTxnID))
	o = b.get(o.ID)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.False(t, o.CanceledAt.IsZero(), "that it was canceled is a fact still")
	require.False(t, o.NeedsReview)
}

func TestApply_QueryRefutesAnUnconfirmedSuccessInTheDatabaseToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	p := b.pay(o, "k")
	applied := b.apply(p, orders.Evidence{
		Source: orders.SourceQuery, Outcome: orders.OutcomeDeclined, Amount: o.Amount, ProviderTransactionID: p.ProviderTransactionID,
	})
	require.Equal(t, orders.PaymentFailed, applied.Payment.Status)
	o = b.get(o.ID)
	require.Equal(t, orders.StatusOpen, o.Status)
	require.Zero(t, o.AmountPaid)
	require.True(t, o.PaidAt.IsZero())
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'reversal'"))

	b.apply(p, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID))
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status, "and late money is money again")
}

func TestApply_KeepsTheSequenceGaplessWhateverRunsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *orders.Config) { c.CallerDeadline = time.Minute })
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		outcomes := []orders.Outcome{
			orders.OutcomeSucceeded, orders.OutcomeDeclined, orders.OutcomeDeclined, orders.OutcomeUnknown, orders.OutcomeNeverSent,
		}
		ev := taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
		ev.Outcome = outcomes[rand.IntN(len(outcomes))]
		return ev
	}
	book := []orders.Order{b.order(), b.order(), b.order()}
	var group errgroup.Group
	for worker := range 6 {
		group.Go(func() error {
			for round := range 15 {
				o := book[rand.IntN(len(book))]
				if err := b.disturb(o, fmt.Sprintf("%d-%d", worker, round)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	for _, o := range book {
		b.events(o.ID)
		b.requireBooksBalance(o)
	}
}

// disturb does one thing to the order, by chance.
func (b *testBundle) disturb(o orders.Order, name string) error {
	ctx := b.t.Context()
	switch rand.IntN(5) {
	case 0, 1:
		_, _ = b.service.Pay(ctx, payRequest(o.ID, key(name)))
	case 2:
		_, err := b.service.Update(ctx, o.ID, details.Patch{Metadata: map[string]*string{"by": &name}})
		return err
	case 3:
		if len(name)%4 == 0 { // seldom: it ends the story
			_, _ = b.service.Cancel(ctx, orders.CancelOrder{Order: o.ID, Idempotency: key(name), CorrelationID: "test"})
		}
	default:
		list, err := b.service.ListPayments(ctx, orders.PaymentFilter{Order: o.ID}, orders.Page{Limit: 10})
		if err != nil {
			return err
		}
		for _, p := range list.Data {
			ev := taken(orders.SourceNotification, p.Amount, p.MerchantTxnID)
			if name[len(name)-1]%3 == 0 {
				ev.Outcome = orders.OutcomeDeclined
			}
			if _, err := b.service.Apply(ctx, p.MerchantTxnID, ev, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// requireBooksBalance checks the order against its payments, in SQL.
func (b *testBundle) requireBooksBalance(o orders.Order) {
	b.t.Helper()
	require.Equal(b.t, 1, b.count(`
		SELECT count(*) FROM orders AS o WHERE o.id = $1
			AND o.amount_paid = (SELECT coalesce(sum(amount_captured), 0) FROM payments WHERE order_id = o.id AND NOT surplus)
			AND o.amount_authorized = (SELECT coalesce(sum(amount_authorized), 0) FROM payments WHERE order_id = o.id AND NOT surplus)
			AND o.attempts = (SELECT count(*) FROM payments WHERE order_id = o.id)
			AND (o.status = 'pending') = EXISTS (SELECT FROM payments WHERE order_id = o.id
				AND status IN ('processing', 'requires_action', 'unknown') AND o.amount_authorized = 0)`, o.ID.UUID()))
}

func TestSettlePayment_SilenceGivesTheCheckBackAndAWeekOfItIsForAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, p := b.challenged()
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
		return orders.Evidence{}, errors.New("silence")
	}
	b.clock.advance(10 * time.Second)
	due, err := b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	none, err := b.process().ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, none, "claimed by one worker")

	require.Error(t, b.service.SettlePayment(t.Context(), due[0], time.Second))
	require.Equal(t, p.SentAt.Add((10+15)*time.Second), b.payment(p.ID).NextCheckAt, "not tomorrow, when the schedule goes on")

	stale := due[0]
	stale.NextCheckAt = stale.NextCheckAt.Add(-time.Second)
	require.Error(t, b.service.SettlePayment(t.Context(), stale, time.Second), "news that moved the check stays")
	require.False(t, b.get(o.ID).NeedsReview)

	b.clock.advance(7 * 24 * time.Hour)
	due, err = b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Error(t, b.service.SettlePayment(t.Context(), due[0], time.Second))
	require.True(t, b.get(o.ID).NeedsReview)
	require.Equal(t, orders.PaymentRequiresAction, b.payment(p.ID).Status)
	require.Equal(t, []string{"reconciliation.discrepancy", "order.needs_review"}, b.events(o.ID)[3:])
	require.True(t, b.payment(p.ID).NextCheckAt.After(b.clock.Now()))
}

func TestClaimDue_TakesNoMoreThanABatchAndNoneTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 6 {
		b.challenged()
	}
	b.clock.advance(time.Minute)
	due, err := b.service.ClaimDue(t.Context(), 2)
	require.NoError(t, err)
	require.Len(t, due, 2)

	var group errgroup.Group
	claims := make([][]orders.Payment, 4)
	for i := range claims {
		process := b.process()
		group.Go(func() error {
			var err error
			claims[i], err = process.ClaimDue(t.Context(), 3)
			return err
		})
	}
	require.NoError(t, group.Wait())
	claimed := map[string]bool{due[0].MerchantTxnID: true, due[1].MerchantTxnID: true}
	for _, claim := range claims {
		require.LessOrEqual(t, len(claim), 3)
		for _, p := range claim {
			require.False(t, claimed[p.MerchantTxnID], "claimed twice")
			claimed[p.MerchantTxnID] = true
		}
	}
	b.clock.advance(3 * time.Minute) // the lease of who died is over
	due, err = b.service.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 6)
}

func TestClaimDue_LeavesARowThatItCannotReadBehind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, p := b.challenged()
	_, other := b.challenged()
	_, err := b.pool.Exec(t.Context(), "UPDATE payments SET currency = 'XQQ' WHERE id = $1", p.ID.UUID())
	require.NoError(t, err)
	b.clock.advance(time.Minute)

	due, err := b.service.ClaimDue(t.Context(), 10)
	require.ErrorContains(t, err, p.ID.UUID().String())
	require.Len(t, due, 1)
	require.Equal(t, other.ID, due[0].ID)
}
