package orders_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/orders"
)

// fakeModifications carries out every capture and void, or answers as its test says.
type fakeModifications struct {
	mu     sync.Mutex
	orders []orders.ModificationOrder
	answer func(orders.ModificationOrder) orders.Evidence
	find   func(orders.Query) (orders.Evidence, error)
}

func (g *fakeModifications) Modify(_ context.Context, order orders.ModificationOrder) orders.Evidence {
	g.mu.Lock()
	g.orders = append(g.orders, order)
	answer := g.answer
	g.mu.Unlock()
	if answer == nil {
		ev := modified(orders.SourceAnswer, orders.OutcomeSucceeded, order.MerchantTxnID)
		if !order.Amount.IsZero() {
			ev.Amount = order.Amount
		}
		return ev
	}
	return answer(order)
}

func (g *fakeModifications) FindModification(_ context.Context, q orders.Query) (orders.Evidence, error) {
	if g.find == nil {
		return orders.Evidence{}, errors.New("the provider does not answer")
	}
	return g.find(q)
}

func (g *fakeModifications) sent() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.orders)
}

// modified is news of a capture or void of 27.00 EUR, as the provider's transaction "m-" and our reference.
func modified(source orders.Source, outcome orders.Outcome, merchantTxnID string) orders.Evidence {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	ev := taken(source, money.New(2700, eur), merchantTxnID)
	ev.Outcome, ev.ProviderTransactionID = outcome, "m-"+merchantTxnID
	return ev
}

// holdBundle is a service with an order of 27.00 EUR whose money is held.
type holdBundle struct {
	*testBundle

	modifications *fakeModifications
	held          orders.Payment
}

const holdLasts = 72 * time.Hour

func setupHold(t *testing.T, adjust ...func(*orders.Config)) *holdBundle {
	t.Helper()
	fake := &fakeModifications{}
	b := setup(t, append(adjust, func(c *orders.Config) { c.Modifications, c.HoldLasts = fake, holdLasts })...)
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		require.Equal(t, orders.CaptureManual, sale.CaptureMethod)
		ev := taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
		ev.Outcome = orders.OutcomeAuthorized
		return ev
	}
	o := b.order(func(c *orders.CreateOrder) { c.ExpiresIn = 200 * time.Hour })
	req := payRequest(o.ID, key("pay"))
	req.CaptureMethod = orders.CaptureManual
	result, err := b.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentAuthorized, result.Payment.Status)
	require.Equal(t, orders.StatusAuthorized, b.get(o.ID).Status)
	ev := taken(orders.SourceNotification, o.Amount, result.Payment.MerchantTxnID)
	ev.Outcome = orders.OutcomeAuthorized
	b.apply(result.Payment, ev)
	return &holdBundle{testBundle: b, modifications: fake, held: b.payment(result.Payment.ID)}
}

func (b *holdBundle) request(name string) orders.CaptureRequest {
	req := orders.CaptureRequest{Payment: b.held.ID, CorrelationID: "test"}
	if name != "" {
		req.Idempotency = key(name)
	}
	return req
}

func (b *holdBundle) status() (orders.PaymentStatus, orders.Status) {
	b.t.Helper()
	return b.payment(b.held.ID).Status, b.get(b.held.Order).Status
}

// loseAnswers lets no answer to a capture or void come back.
func (b *holdBundle) loseAnswers() {
	b.modifications.answer = func(orders.ModificationOrder) orders.Evidence {
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
	}
}

// sweep asks about the captures and voids that are due.
func (b *holdBundle) sweep() {
	b.t.Helper()
	due, err := b.service.ClaimDueModifications(b.t.Context(), 10)
	require.NoError(b.t, err)
	for _, m := range due {
		_ = b.service.SettleModification(b.t.Context(), m, time.Second)
	}
}

func TestCapture_TakesWhatIsHeldOnce(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	first, err := b.service.Capture(t.Context(), b.request("capture"))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, first.Payment.Status)
	require.EqualValues(t, 2700, first.Payment.AmountCaptured)
	require.EqualValues(t, 2700, b.get(b.held.Order).AmountPaid)
	require.Contains(t, b.events(b.held.Order), "order.paid")

	again, err := b.service.Capture(t.Context(), b.request("capture"))
	require.NoError(t, err)
	require.True(t, again.Replayed)
	_, err = b.service.Capture(t.Context(), b.request("another"))
	requireFault(t, err, fault.Conflict, "payment_not_capturable")
	_, err = b.service.Void(t.Context(), b.request("void"))
	requireFault(t, err, fault.Conflict, "payment_not_cancelable")
	require.Equal(t, 1, b.modifications.sent())
}

func TestVoid_GivesTheHoldUp(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	result, err := b.service.Void(t.Context(), b.request("void"))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentCanceled, result.Payment.Status)
	payment, order := b.status()
	require.Equal(t, orders.PaymentCanceled, payment)
	require.Equal(t, orders.StatusOpen, order)
	require.True(t, result.Payment.NextCheckAt.IsZero())

	again, err := b.service.Void(t.Context(), b.request("again"))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentCanceled, again.Payment.Status)
	require.Equal(t, 1, b.modifications.sent())

	old := taken(orders.SourceNotification, b.held.Amount, b.held.MerchantTxnID)
	old.Outcome = orders.OutcomeAuthorized
	require.Equal(t, orders.VerdictStale, b.apply(b.held, old).Verdict, "the authorization is told of late, and holds nothing")
	payment, _ = b.status()
	require.Equal(t, orders.PaymentCanceled, payment)
}

func TestCaptureAndVoid_AtOnceAreOneOfThem(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	release := make(chan struct{})
	b.modifications.answer = func(o orders.ModificationOrder) orders.Evidence {
		<-release
		return modified(orders.SourceAnswer, orders.OutcomeSucceeded, o.MerchantTxnID)
	}
	const requests = 24
	failures := make(chan error, requests)
	for i := range requests {
		go func() { // ends with its request
			do := b.service.Capture
			if i%2 == 1 {
				do = b.service.Void
			}
			_, err := do(t.Context(), b.request(""))
			failures <- err
		}()
	}
	refused := 0
	for range requests {
		if err := <-failures; err != nil {
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Equal(t, fault.Conflict, f.Kind, f.Message)
			refused++
		}
		if refused == requests-1 {
			select {
			case <-release:
			default:
				close(release)
			}
		}
	}
	require.Equal(t, requests-1, refused)
	require.Equal(t, 1, b.modifications.sent())
}

func TestCapture_OneKeyManyTimesAtOnceIsOneCapture(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	const requests = 24
	failures := make(chan error, requests)
	for range requests {
		go func() { // ends with its request
			_, err := b.service.Capture(t.Context(), b.request("k"))
			failures <- err
		}()
	}
	for range requests {
		if err := <-failures; err != nil {
			requireFault(t, err, fault.Conflict, "idempotency_in_flight")
		}
	}
	require.Equal(t, 1, b.modifications.sent())
}

func TestCapture_RefusesAnAmountThatIsNotHeld(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	for amount, code := range map[int64]string{2701: "capture_exceeds_authorized", 100: "partial_capture_not_supported"} {
		req := b.request("")
		req.Amount = &amount
		_, err := b.service.Capture(t.Context(), req)
		requireFault(t, err, fault.Refused, code)
	}
	none := int64(0)
	req := b.request("")
	req.Amount = &none
	_, err := b.service.Capture(t.Context(), req)
	requireParam(t, err, "amount")
	require.Zero(t, b.modifications.sent())
}

func TestCapture_WhoseAnswerIsLostIsAskedAboutAndNeverSentAgain(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	b.loseAnswers()
	result, err := b.service.Capture(t.Context(), b.request("capture"))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentAuthorized, result.Payment.Status)
	_, err = b.service.Void(t.Context(), b.request("void"))
	requireFault(t, err, fault.Conflict, "payment_not_cancelable")

	b.modifications.find = func(q orders.Query) (orders.Evidence, error) {
		return modified(orders.SourceQuery, orders.OutcomeSucceeded, q.MerchantTxnID), nil
	}
	b.clock.advance(4 * time.Second)
	b.sweep()
	payment, order := b.status()
	require.Equal(t, orders.PaymentSucceeded, payment)
	require.Equal(t, orders.StatusPaid, order)
	require.Equal(t, 1, b.modifications.sent())
}

func TestCapture_ThatIsDeclinedOrNeverArrivedLeavesTheHold(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	b.modifications.answer = func(o orders.ModificationOrder) orders.Evidence {
		return modified(orders.SourceAnswer, orders.OutcomeDeclined, o.MerchantTxnID)
	}
	_, err := b.service.Capture(t.Context(), b.request("declined"))
	requireFault(t, err, fault.Refused, "provider_refused")

	b.loseAnswers()
	_, err = b.service.Capture(t.Context(), b.request("lost"))
	require.NoError(t, err)
	b.modifications.find = func(orders.Query) (orders.Evidence, error) {
		return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
	}
	for range 3 {
		b.clock.advance(24 * time.Hour)
		b.sweep()
	}
	payment, _ := b.status()
	require.Equal(t, orders.PaymentAuthorized, payment)

	b.modifications.answer = nil
	_, err = b.service.Capture(t.Context(), b.request("works"))
	require.NoError(t, err)
	payment, _ = b.status()
	require.Equal(t, orders.PaymentSucceeded, payment)
	require.Equal(t, 3, b.modifications.sent())
}

// The provider lets one transaction of an original id succeed, and a hold that was given up was one.
func TestVoid_LetsTheOrderBePaidAnew(t *testing.T) {
	t.Parallel()
	b := setupHold(t)
	_, err := b.service.Void(t.Context(), b.request("void"))
	require.NoError(t, err)
	require.Equal(t, orders.StatusOpen, b.get(b.held.Order).Status)

	b.gateway.sale = declined
	b.pay(b.get(b.held.Order), "declined")
	b.gateway.sale = nil
	p := b.pay(b.get(b.held.Order), "paid")

	require.Equal(t, orders.PaymentSucceeded, p.Status)
	id, originals := b.held.Order.String(), []string{}
	for _, sale := range b.gateway.sent() {
		originals = append(originals, sale.OriginalID)
	}
	require.Equal(t, []string{id, id + "-2", id + "-2"}, originals, "a decline is no success; the brake holds for what follows it")
}
