package reconcile_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/reconcile"
)

var errSilent = errors.New("no answer")

// provider loses the answer of every sale and answers questions as its test says.
type provider struct {
	mu    sync.Mutex
	find  func(orders.Query) (orders.Evidence, error)
	sales atomic.Int64
	asked map[string]int
}

func (*provider) Accepts(money.Amount) error { return nil }

func (*provider) Admit(context.Context, orders.Initiator) error { return nil }

func (g *provider) Sale(context.Context, orders.Sale) orders.Evidence {
	g.sales.Add(1)
	return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
}

func (g *provider) Find(_ context.Context, q orders.Query) (orders.Evidence, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked[q.MerchantTxnID]++
	return g.find(q)
}

func (g *provider) answer(find func(orders.Query) (orders.Evidence, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.find = find
}

func (g *provider) questions(p orders.Payment) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[p.MerchantTxnID]
}

func charged(q orders.Query) (orders.Evidence, error) {
	return orders.Evidence{
		Source: orders.SourceQuery, Outcome: orders.OutcomeSucceeded, Amount: q.Amount, ProviderTransactionID: "tx-" + q.MerchantTxnID,
	}, nil
}

func notFound(orders.Query) (orders.Evidence, error) {
	return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
}

func declined(orders.Query) (orders.Evidence, error) {
	return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeDeclined}, nil
}

func silent(orders.Query) (orders.Evidence, error) { return orders.Evidence{}, errSilent }

// testBundle has a clock that tests turn.
type testBundle struct {
	pool     *pgxpool.Pool
	provider *provider
	orders   *orders.Service
	settler  *reconcile.Settler
	clock    atomic.Int64
}

func (b *testBundle) now() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) }

func (b *testBundle) pass(d time.Duration) { b.clock.Add(int64(d)) }

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{pool: pgtest.New(t), provider: &provider{find: silent, asked: map[string]int{}}}
	log := slog.New(slog.DiscardHandler)
	b.orders = orders.New(b.pool, b.provider, nil, log, b.now, orders.Config{
		PublicURL: "https://pay.example.com", ReturnURLAllowed: func(string) bool { return true }, MaxAmount: 99_999_999,
		CallerDeadline: 5 * time.Second, ChargeTimeout: 10 * time.Second, NotFoundAfter: 15 * time.Minute,
		Schedule: orders.Schedule{10 * time.Second, time.Minute, 5 * time.Minute, 20 * time.Minute},
		Confirm:  orders.ConfirmMismatch, SecretKey: make([]byte, 32),
	})
	b.settler = reconcile.New(b.orders, log, b.now, reconcile.Options{})
	return b
}

// lost makes an order with a payment whose answer was lost.
func (b *testBundle) lost(t *testing.T) orders.Payment {
	t.Helper()
	created, err := b.orders.Create(t.Context(), orders.CreateOrder{
		Amount: 2700, Currency: "eur", CorrelationID: "test", ExpiresIn: 48 * time.Hour,
		Billing: &details.Contact{Email: "buyer@example.com", Address: &details.Address{Country: "DE"}},
	})
	require.NoError(t, err)
	result, err := b.orders.Pay(t.Context(), orders.PayRequest{
		Order: created.Order.ID, CorrelationID: "test",
		Card: cards.Card{Number: "4761344136141390", ExpMonth: 12, ExpYear: 2030, CVC: "123", HolderName: "A B"},
	})
	require.NoError(t, err)
	require.Equal(t, orders.PaymentUnknown, result.Payment.Status)
	return result.Payment
}

func (b *testBundle) settle(t *testing.T) int {
	t.Helper()
	swept, err := b.settler.Settle(t.Context())
	require.NoError(t, err)
	return swept.Done
}

func (b *testBundle) payment(t *testing.T, p orders.Payment) orders.Payment {
	t.Helper()
	got, err := b.orders.GetPayment(t.Context(), p.ID)
	require.NoError(t, err)
	return got
}

func (b *testBundle) order(t *testing.T, p orders.Payment) orders.Order {
	t.Helper()
	got, err := b.orders.Get(t.Context(), p.Order)
	require.NoError(t, err)
	return got
}

func TestSettle_ALostAnswerIsFoundAndPaidOnce(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.lost(t)
	b.provider.answer(charged)
	require.Zero(t, b.settle(t), "not due yet")
	b.pass(10 * time.Second)
	require.Equal(t, 1, b.settle(t))

	got := b.payment(t, p)
	require.Equal(t, orders.PaymentSucceeded, got.Status)
	require.True(t, got.Confirmed)
	require.Zero(t, got.NextCheckAt)
	o := b.order(t, p)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.EqualValues(t, 2700, o.AmountPaid)
	require.EqualValues(t, 1, b.provider.sales.Load(), "asked about, never sent again")

	b.pass(48 * time.Hour)
	require.Zero(t, b.settle(t), "a confirmed end is not asked about")
	require.Equal(t, o.LastSequence, b.order(t, p).LastSequence)
}

func TestSettle_NotFoundIsBelievedOnlyOftenAndLateEnough(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.lost(t)
	b.provider.answer(notFound)
	for _, wait := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute} {
		b.pass(wait)
		require.Equal(t, 1, b.settle(t))
		require.Equal(t, orders.PaymentUnknown, b.payment(t, p).Status, "three answers, but too early")
		require.Equal(t, orders.StatusPending, b.order(t, p).Status)
	}
	b.pass(20 * time.Minute)
	require.Equal(t, 1, b.settle(t))

	got := b.payment(t, p)
	require.Equal(t, orders.PaymentFailed, got.Status)
	require.Equal(t, orders.FailureTechnical, got.Failure.Category)
	require.Equal(t, orders.StatusOpen, b.order(t, p).Status, "it may be paid again")
	require.Equal(t, 4, b.provider.questions(p))
}

func TestSettle_NotFoundLateButOnceIsNotBelieved(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.lost(t)
	b.provider.answer(notFound)
	b.pass(time.Hour)
	require.Equal(t, 1, b.settle(t))
	require.Equal(t, orders.PaymentUnknown, b.payment(t, p).Status)
}

func TestSettle_RacingSettlersAskOnceEach(t *testing.T) {
	t.Parallel()

	b := setup(t)
	var payments []orders.Payment
	for range 12 {
		payments = append(payments, b.lost(t))
	}
	b.provider.answer(charged)
	b.pass(10 * time.Second)
	other := reconcile.New(b.orders, slog.New(slog.DiscardHandler), b.now, reconcile.Options{Batch: 5})
	var asked atomic.Int64
	var wg sync.WaitGroup
	for _, settler := range []*reconcile.Settler{b.settler, other, other} {
		wg.Go(func() {
			for {
				swept, err := settler.Settle(context.WithoutCancel(t.Context()))
				if asked.Add(int64(swept.Done)); err != nil || swept.Done == 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 12, asked.Load())
	for _, p := range payments {
		require.Equal(t, 1, b.provider.questions(p))
		require.Equal(t, orders.PaymentSucceeded, b.payment(t, p).Status)
	}
}

func TestSettle_AnUnansweredQuestionIsAskedAgainSoon(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.lost(t)
	b.pass(10 * time.Second)
	require.Equal(t, 1, b.settle(t))
	got := b.payment(t, p)
	require.Equal(t, orders.PaymentUnknown, got.Status, "silence says nothing")
	require.WithinDuration(t, p.SentAt.Add(25*time.Second), got.NextCheckAt, time.Second, "not after a minute, as the schedule has it")
	require.Zero(t, got.NotFoundCount)

	require.Zero(t, b.settle(t))
	b.pass(12 * time.Hour)
	require.Equal(t, 1, b.settle(t), "and again, however long it goes on")
	require.WithinDuration(t, time.Now().Add(12*time.Hour+72*time.Minute), b.payment(t, p).NextCheckAt, time.Minute,
		"after a tenth of its age")
	b.pass(2 * time.Hour)
	b.provider.answer(charged)
	require.Equal(t, 1, b.settle(t))
	require.Equal(t, orders.PaymentSucceeded, b.payment(t, p).Status)
}

func TestSettle_ClaimsOfADeadWorkerAreTakenAgain(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.lost(t)
	b.provider.answer(charged)
	b.pass(10 * time.Second)
	claimed, err := b.orders.ClaimDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, claimed, 1) // and then its worker dies

	require.Zero(t, b.settle(t), "while the claim lasts it is nobody else's")
	b.pass(3 * time.Minute)
	require.Equal(t, 1, b.settle(t))
	require.Equal(t, orders.PaymentSucceeded, b.payment(t, p).Status)
}

func TestOldestUnresolved_IsTheAgeOfTheOldestOpenPayment(t *testing.T) {
	t.Parallel()

	b := setup(t)
	age, err := b.orders.OldestUnresolved(t.Context())
	require.NoError(t, err)
	require.Zero(t, age)

	b.lost(t)
	b.pass(time.Hour)
	b.lost(t)
	age, err = b.orders.OldestUnresolved(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, age, time.Hour)
	require.Less(t, age, time.Hour+time.Minute)

	b.provider.answer(charged)
	require.Equal(t, 1, b.settle(t))
	age, err = b.orders.OldestUnresolved(t.Context())
	require.NoError(t, err)
	require.Less(t, age, time.Minute)
}

func TestRun_SettlesExpiresAndStops(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.lost(t)
	idle, err := b.orders.Create(t.Context(), orders.CreateOrder{Amount: 100, Currency: "eur", ExpiresIn: time.Second})
	require.NoError(t, err)
	b.provider.answer(charged)
	b.pass(10 * time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.settler.Run(ctx) }()
	require.Eventually(t, func() bool {
		o, err := b.orders.Get(t.Context(), idle.Order.ID)
		return err == nil && o.Status == orders.StatusExpired && b.order(t, p).Status == orders.StatusPaid
	}, 20*time.Second, 20*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
}

func TestRun_GoesOnAfterTheDatabaseFailed(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.lost(t)
	b.provider.answer(charged)
	b.pass(10 * time.Second)
	_, err := b.pool.Exec(t.Context(), "ALTER TABLE payments RENAME TO away")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.settler.Run(ctx) }()
	_, err = b.settler.Settle(t.Context())
	require.Error(t, err)

	_, err = b.pool.Exec(t.Context(), "ALTER TABLE away RENAME TO payments")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return b.payment(t, p).Status == orders.PaymentSucceeded }, 20*time.Second, 20*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
}

func TestSettle_AFailureIsLookedAtAgainAnHourAndADayAfterItsEnd(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.lost(t)
	b.provider.answer(declined)
	b.pass(10 * time.Second)
	require.Equal(t, 1, b.settle(t))
	failed := b.payment(t, p)
	require.Equal(t, orders.PaymentFailed, failed.Status)
	require.WithinDuration(t, failed.FinalAt.Add(time.Hour), failed.NextCheckAt, time.Millisecond)

	b.pass(59 * time.Minute)
	require.Zero(t, b.settle(t))
	b.pass(2 * time.Minute)
	require.Equal(t, 1, b.settle(t))
	again := b.payment(t, p)
	require.Equal(t, orders.PaymentFailed, again.Status)
	require.WithinDuration(t, failed.FinalAt.Add(24*time.Hour), again.NextCheckAt, time.Millisecond)

	b.pass(24 * time.Hour)
	require.Equal(t, 1, b.settle(t))
	require.Zero(t, b.payment(t, p).NextCheckAt, "then it is over")
	require.Equal(t, 3, b.provider.questions(p))
}

func TestSettle_ALateSuccessThatNobodyTellsOfIsFound(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(*testBundle){
		"after a decline": func(b *testBundle) { b.provider.answer(declined) },
		"after denials":   func(b *testBundle) { b.provider.answer(notFound) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := b.lost(t)
			ends(b)
			for range 4 {
				if b.payment(t, p).Status == orders.PaymentFailed {
					break
				}
				b.pass(24 * time.Hour)
				b.settle(t)
			}
			require.Equal(t, orders.PaymentFailed, b.payment(t, p).Status)

			b.provider.answer(charged)
			b.pass(25 * time.Hour)
			require.Equal(t, 1, b.settle(t))
			got := b.payment(t, p)
			require.Equal(t, orders.PaymentSucceeded, got.Status)
			require.EqualValues(t, 2700, b.order(t, p).AmountPaid)
		})
	}
}
