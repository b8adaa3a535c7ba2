package timeline_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/orders"
	"tillway/internal/timeline"
)

func TestTell_PaidAndConfirmed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.pay(merchant, succeeded(t, "t-1"))
	b.wait(2 * time.Second)
	b.notified(p, succeeded(t, "t-1"))
	b.requireTold("paid")
}

func TestTell_NoRefundCanBeAskedForAnyMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pay(merchant, succeeded(t, "t-1"))
	h, err := b.service.History(t.Context(), b.order, orders.Page{Limit: 100})
	require.NoError(t, err)
	require.False(t, h.RefundsClosed)
	h.RefundsClosed = true
	told := timeline.Tell(h, b.clock())
	require.Equal(t, "No refund can be asked for any more: the time for it, or the number of refunds, is used up.",
		told.Next[len(told.Next)-1].Text)
}

func TestTell_SucceededAndNotYetConfirmed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pay(merchant, succeeded(t, "t-1"))
	b.requireTold("unconfirmed")
}

func TestTell_DeclinedAndPaidByTheShopperWithAnotherCard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pay(b.order.String(), declined())
	b.wait(time.Minute)
	b.pay(b.order.String(), succeeded(t, "t-2"))
	b.requireTold("declined_then_paid")
}

func TestTell_AnUnknownOutcomeSaysWhenTheProviderIsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pay(merchant, orders.Evidence{Outcome: orders.OutcomeUnknown})
	b.wait(5 * time.Second)
	b.requireTold("unknown_overdue")
}

func TestTell_AnUnknownOutcomeIsSettledByAsking(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.pay(merchant, orders.Evidence{Outcome: orders.OutcomeUnknown})
	b.wait(3 * time.Second)
	b.asked(p, orders.Evidence{Outcome: orders.OutcomeNotFound})
	b.requireTold("unknown_asked_once")
	b.wait(27 * time.Second)
	b.asked(p, succeeded(t, "t-1"))
	b.requireTold("unknown_settled")
}

func TestTell_AChallengeAndItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.pay(merchant, orders.Evidence{
		Outcome: orders.OutcomeActionRequired, RedirectURL: "https://psp.example.com/3ds", ProviderTransactionID: "t-1",
	})
	b.requireTold("challenged")
	b.wait(20 * time.Minute)
	b.asked(p, orders.Evidence{Outcome: orders.OutcomeClosed, ProviderTransactionID: "t-1", ProviderStatus: "N"})
	b.requireTold("challenge_expired")
}

func TestTell_ACheckoutSessionIsTriedPaidForOrOver(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) (*testBundle, orders.Payment) {
		t.Helper()
		b := setup(t)
		b.method = orders.MethodHosted
		p := b.pay(merchant, orders.Evidence{
			Outcome: orders.OutcomeActionRequired, RedirectURL: "https://psp.example.com/checkout?key=1", ProviderTransactionID: "t-1",
		})
		tried := declined()
		tried.Outcome, tried.ProviderTransactionID = orders.OutcomeAttemptFailed, "t-1"
		b.wait(time.Minute)
		b.notified(p, tried)
		return b, p
	}
	b, p := open(t)
	b.requireTold("hosted_tried")
	b.wait(time.Minute)
	b.notified(p, succeeded(t, "t-2"))
	b.requireTold("hosted_paid")

	b, p = open(t)
	b.wait(30 * time.Minute)
	b.asked(p, orders.Evidence{Outcome: orders.OutcomeClosed, ProviderTransactionID: "t-1", ProviderStatus: "N"})
	b.requireTold("hosted_over")
}

func TestTell_ALocalPaymentIsAskedForMadeOrOver(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, what orders.Evidence) (*testBundle, orders.Payment) {
		t.Helper()
		b := setup(t)
		b.method = orders.MethodLocal
		what.Outcome, what.ProviderTransactionID = orders.OutcomeActionRequired, "t-1"
		return b, b.pay(merchant, what)
	}
	b, p := open(t, orders.Evidence{Display: orders.Display{Code: "0002-4711"}})
	b.wait(time.Minute)
	b.notified(p, succeeded(t, "t-1"))
	b.requireTold("local_paid")

	b, p = open(t, orders.Evidence{Display: orders.Display{Text: "Voucher 4711"}})
	b.wait(time.Minute)
	failed := declined()
	failed.ProviderTransactionID = "t-1"
	b.notified(p, failed)
	b.requireTold("local_declined")

	b, p = open(t, orders.Evidence{RedirectURL: "https://bank.example.com/pay"})
	b.requireTold("local_open")
	b.wait(30 * time.Minute)
	b.asked(p, orders.Evidence{Outcome: orders.OutcomeClosed, ProviderTransactionID: "t-1", ProviderStatus: "N"})
	b.requireTold("local_over")
}

func TestTell_MoneyThatComesLateOnAPaidOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.pay(merchant, declined())
	b.pay(merchant, succeeded(t, "t-2"))
	b.wait(time.Minute)
	b.notified(first, succeeded(t, "t-1"))
	b.requireTold("surplus")
}

func TestTell_MoneyThatComesLateOnACanceledOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *orders.CreateOrder) { c.LatePayment = orders.LatePaymentReview })
	p := b.pay(merchant, declined())
	_, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: b.order, CorrelationID: "test"})
	require.NoError(t, err)
	b.requireTold("canceled")
	b.wait(time.Minute)
	b.notified(p, succeeded(t, "t-1"))
	b.requireTold("late")
}

func TestTell_AnotherAmountMovesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.pay(merchant, orders.Evidence{Outcome: orders.OutcomeUnknown})
	b.wait(time.Second)
	other := succeeded(t, "t-1")
	other.Amount = eur(t, 2800)
	b.notified(p, other)
	b.requireTold("amount_differs")
}

func TestTell_ADiscrepancyThatAPersonCloses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.pay(merchant, orders.Evidence{Outcome: orders.OutcomeUnknown})
	other := succeeded(t, "t-1")
	other.Amount = eur(t, 2800)
	b.wait(time.Second)
	b.notified(p, other)
	b.wait(time.Hour)
	open, err := b.service.ListDiscrepancies(t.Context(), orders.DiscrepancyFilter{Order: b.order}, orders.Page{Limit: 1})
	require.NoError(t, err)
	_, err = b.service.ResolveDiscrepancy(t.Context(), orders.Resolve{
		Discrepancy: open.Data[0].ID, Reason: "The portal shows 27.00 EUR.", By: "key_1", CorrelationID: "test",
	})
	require.NoError(t, err)
	b.requireTold("discrepancy_closed")
}

func TestTell_NothingLeftUs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.provider.answer = orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeNeverSent}
	_, err := b.service.Pay(t.Context(), orders.PayRequest{
		Order: b.order, CorrelationID: "test",
		Card: cards.Card{Number: "4761344136141390", ExpMonth: 12, ExpYear: 2030, CVC: "123", HolderName: "A B"},
	})
	require.Error(t, err)
	b.requireTold("never_sent")
}

func TestTell_ExpiredUnpaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.requireTold("open")
	b.wait(25 * time.Hour)
	_, err := b.service.ExpireDue(t.Context(), 10)
	require.NoError(t, err)
	b.requireTold("expired")
}

func TestTell_PagesTellTheWholeStoryOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.pay(merchant, declined())
	for range 5 {
		b.pay(merchant, declined())
	}
	b.pay(merchant, succeeded(t, "t-2"))
	b.notified(first, succeeded(t, "t-1"))
	whole := b.tell(orders.Page{Limit: 100})
	require.False(t, whole.HasMore)
	for _, size := range []int{1, 2, 3, 7} {
		var texts []string
		page := orders.Page{Limit: size}
		for {
			told := b.tell(page)
			for _, e := range told.Data {
				texts = append(texts, e.Kind+": "+e.Text)
				if e.Event != nil {
					page.StartingAfter = *e.Event
				}
			}
			require.Equal(t, whole.Next, told.Next, "what is next does not depend on the page")
			if !told.HasMore {
				break
			}
		}
		want := make([]string, 0, len(whole.Data))
		for _, e := range whole.Data {
			want = append(want, e.Kind+": "+e.Text)
		}
		require.ElementsMatch(t, want, texts, "pages of %d", size)
	}
}
