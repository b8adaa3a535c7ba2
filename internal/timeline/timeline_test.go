package timeline_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/timeline"
)

var update = flag.Bool("update", false, "rewrite the told stories in testdata")

// provider answers the next sale, and the next question, with what the story says.
type provider struct {
	answer orders.Evidence
	found  orders.Evidence
}

func (*provider) Accepts(money.Amount) error { return nil }

func (*provider) Admit(context.Context, orders.Initiator) error { return nil }

func (p *provider) Sale(context.Context, orders.Sale) orders.Evidence { return p.answer }

func (p *provider) Find(context.Context, orders.Query) (orders.Evidence, error) { return p.found, nil }

// refunds takes applications into review, and says of them what the story says.
type refunds struct{ outcome orders.RefundOutcome }

func (*refunds) AcceptsRefund(money.Amount) error { return nil }

func (r *refunds) Refund(_ context.Context, a orders.RefundApplication) orders.RefundEvidence {
	return orders.RefundEvidence{
		Source: orders.SourceAnswer, Outcome: r.outcome, Amount: a.Amount, ProviderTransactionID: "t-" + a.MerchantTxnID,
	}
}

func (*refunds) Withdraw(context.Context, orders.RefundApplication) error { return nil }

func (r *refunds) FindRefund(_ context.Context, q orders.RefundQuery) (orders.RefundEvidence, error) {
	return orders.RefundEvidence{
		Source: orders.SourceQuery, Outcome: r.outcome, Amount: q.Amount, ProviderTransactionID: "t-" + q.MerchantTxnID,
	}, nil
}

// testBundle is a story in the making: a service on a database of its own, whose clock the story moves.
type testBundle struct {
	t        *testing.T
	provider *provider
	refunds  *refunds
	service  *orders.Service
	order    ids.Order
	// modifications answers captures and voids; capture is how the story's payments are captured.
	modifications *modifications
	capture       orders.CaptureMethod
	method        orders.MethodType // "": a card

	mu  sync.Mutex
	now time.Time
}

func setup(t *testing.T, adjust ...func(*orders.CreateOrder)) *testBundle {
	t.Helper()
	b := &testBundle{t: t, provider: &provider{}, refunds: &refunds{}, modifications: &modifications{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	pool, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	b.service = orders.New(pool, b.provider, nil, slog.New(slog.DiscardHandler), b.clock, orders.Config{
		PublicURL: "https://pay.example.com", ReturnURLAllowed: func(string) bool { return true }, MaxAmount: 99_999_999,
		CallerDeadline: 5 * time.Second, ChargeTimeout: 10 * time.Second, NotFoundAfter: 15 * time.Minute,
		Schedule: orders.Schedule{3 * time.Second, 30 * time.Second, 10 * time.Minute}, Confirm: orders.ConfirmMismatch,
		SecretKey: []byte("a key of thirty-two bytes for us"), Refunds: b.refunds,
		Modifications: b.modifications, Cancellations: cancellations{}, PartialCapture: true, LocalMethods: []string{"PromptPay"}, HoldLasts: 72 * time.Hour, ApprovalAbove: orders.ApprovalThresholds{"": 2000},
	})
	request := orders.CreateOrder{
		Amount: 2700, Currency: "eur", CorrelationID: "test",
		Billing: &details.Contact{Email: "buyer@example.com", Address: &details.Address{Country: "DE"}},
	}
	for _, a := range adjust {
		a(&request)
	}
	created, err := b.service.Create(t.Context(), request)
	require.NoError(t, err)
	b.order = created.Order.ID
	return b
}

func (b *testBundle) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *testBundle) wait(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// pay tries a card, with the provider's answer to it, as the merchant or as the shopper's browser.
func (b *testBundle) pay(principal string, answer orders.Evidence) orders.Payment {
	b.t.Helper()
	answer.Source = orders.SourceAnswer
	b.provider.answer = answer
	b.wait(time.Second)
	request := orders.PayRequest{
		Order: b.order, CorrelationID: "test",
		Idempotency:   orders.Idempotency{Principal: principal, Key: "key-" + b.clock().String()},
		CaptureMethod: b.capture, Method: b.method,
	}
	switch b.method {
	case orders.MethodLocal:
		request.Local = orders.Local{Method: "PromptPay"}
	case "":
		request.Card = cards.Card{Number: "4761344136141390", ExpMonth: 12, ExpYear: 2030, CVC: "123", HolderName: "A B"}
	}
	result, err := b.service.Pay(b.t.Context(), request)
	require.NoError(b.t, err)
	return result.Payment
}

func (b *testBundle) notified(p orders.Payment, ev orders.Evidence) {
	b.t.Helper()
	ev.Source = orders.SourceNotification
	_, err := b.service.Apply(b.t.Context(), p.MerchantTxnID, ev, nil)
	require.NoError(b.t, err)
}

func (b *testBundle) asked(p orders.Payment, ev orders.Evidence) {
	b.t.Helper()
	ev.Source = orders.SourceQuery
	b.provider.found = ev
	_, err := b.service.Ask(b.t.Context(), p, time.Second)
	require.NoError(b.t, err)
}

func (b *testBundle) tell(p orders.Page) timeline.Timeline {
	b.t.Helper()
	h, err := b.service.History(b.t.Context(), b.order, p)
	require.NoError(b.t, err)
	return timeline.Tell(h, b.clock())
}

// requireTold holds the story to its golden file.
func (b *testBundle) requireTold(name string) {
	b.t.Helper()
	var text strings.Builder
	told := b.tell(orders.Page{Limit: 100})
	for _, e := range told.Data {
		fmt.Fprintf(&text, "%s  %s (%s)\n    %s\n", time.Unix(e.At, 0).UTC().Format(time.DateTime), e.Kind, e.Actor, e.Text)
	}
	text.WriteString("next\n")
	for _, step := range told.Next {
		at := "-"
		if step.At != nil {
			at = time.Unix(*step.At, 0).UTC().Format(time.DateTime)
		}
		fmt.Fprintf(&text, "  %s\n    %s\n", at, step.Text)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(b.t, os.MkdirAll("testdata", 0o755))
		require.NoError(b.t, os.WriteFile(path, []byte(text.String()), 0o644))
	}
	golden, err := os.ReadFile(path)
	require.NoError(b.t, err)
	require.Equal(b.t, string(golden), text.String(), "run go test ./internal/timeline -update and read what changed")
}

func eur(t *testing.T, minor int64) money.Amount {
	t.Helper()
	c, err := money.ParseCurrency("eur")
	require.NoError(t, err)
	return money.New(minor, c)
}

func succeeded(t *testing.T, transaction string) orders.Evidence {
	t.Helper()
	return orders.Evidence{
		Outcome: orders.OutcomeSucceeded, Amount: eur(t, 2700), ProviderTransactionID: transaction, ProviderStatus: "S",
		CardBrand: "visa",
	}
}

func declined() orders.Evidence {
	return orders.Evidence{Outcome: orders.OutcomeDeclined, Failure: &orders.Failure{
		Code: "insufficient_funds", DeclineCode: "insufficient_funds", Message: "The card has insufficient funds.",
		Category: orders.FailureSoft, ProviderCode: "20051",
	}}
}

const merchant = "key_merchant"

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
