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
