package orders_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/cards"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// contract is one that the provider has told of.
func contract() *orders.Contract {
	return &orders.Contract{
		ID: "1813837154846384128", Token: cards.NewToken("tok-secret"), ProviderCustomer: "cus_1",
		Card: cards.Summary{Brand: "visa", Last4: "1390", ExpMonth: 12, ExpYear: 2039},
	}
}

// renewal asks for the nth charge of an order by its contract.
func renewal(o orders.Order, n int) orders.PayRequest {
	return orders.PayRequest{Order: o.ID, CorrelationID: "test", Charge: &orders.SubscriptionCharge{
		ID:       ids.Derive[ids.PaymentEntity](o.Period.Start, o.ID.String(), fmt.Sprint(n)),
		Contract: contract(),
	}}
}

// purchase asks for the charge that begins a contract.
func purchase(o orders.Order) orders.PayRequest {
	req := payRequest(o.ID, orders.Idempotency{})
	req.Charge = &orders.SubscriptionCharge{
		ID:    ids.New[ids.PaymentEntity](),
		Terms: &orders.Terms{ProviderCustomer: "cus_1", ProductName: "Plus", FrequencyDays: 30},
	}
	return req
}

// periodic creates the order of a subscription's period.
func (b *testBundle) periodic(adjust ...func(*orders.CreateOrder)) orders.Order {
	b.t.Helper()
	return b.order(append([]func(*orders.CreateOrder){periodOrder(ids.New[ids.SubscriptionEntity](), march())}, adjust...)...)
}

func TestPay_RenewsASubscriptionWithoutTheCardholder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var lanes []orders.Initiator
	b.gateway.admit = func(_ context.Context, by orders.Initiator) error { lanes = append(lanes, by); return nil }
	o := b.periodic(func(r *orders.CreateOrder) { r.Billing = nil }) // whoever is billed need not be known
	req := renewal(o, 1)
	result, err := b.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.False(t, result.Replayed)
	p := result.Payment
	require.Equal(t, []any{req.Charge.ID, orders.PaymentSucceeded, orders.InitiatorMerchant, contract().Card}, []any{p.ID, p.Status, p.Initiator, p.Card})
	require.Equal(t, p, b.payment(p.ID))
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	require.Equal(t, []orders.Initiator{orders.InitiatorMerchant}, lanes)

	sale := b.gateway.sent()[0]
	require.Equal(t, contract(), sale.Contract)
	require.Nil(t, sale.Terms)
	require.Equal(t, []any{cards.Card{}, p.ID.String(), o.ID.String(), o.ID}, []any{sale.Card, sale.MerchantTxnID, sale.OriginalID, sale.Order})

	again, err := b.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, b.payment(p.ID), again.Payment)
	_, err = b.service.Pay(t.Context(), renewal(o, 2))
	requireFault(t, err, fault.Conflict, "order_not_payable")
	require.Len(t, b.gateway.sent(), 1)
	require.Len(t, lanes, 1, "what was begun asks for no leave")
}

func TestPay_ARenewalIsSentOnceByManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.periodic()
	found := make([]orders.PayResult, 12)
	var group errgroup.Group
	for i := range found {
		service := b.process()
		group.Go(func() (err error) {
			found[i], err = service.Pay(t.Context(), renewal(o, 1))
			return err
		})
	}
	require.NoError(t, group.Wait())
	sent := 0
	for _, result := range found {
		require.Equal(t, renewal(o, 1).Charge.ID, result.Payment.ID)
		if !result.Replayed {
			sent++
		}
	}
	require.Equal(t, 1, sent)
	require.Len(t, b.gateway.sent(), 1)
	require.Equal(t, 1, b.count("SELECT count(*) FROM payments"))
}

func TestPay_ADeclinedRenewalIsTriedAgainUnderAnotherIDOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.periodic()
	first, err := b.service.Pay(t.Context(), renewal(o, 1))
	require.NoError(t, err)
	require.Equal(t, orders.PaymentFailed, first.Payment.Status)
	require.Equal(t, orders.FailureSoft, first.Payment.Failure.Category)
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)
	b.gateway.sale = nil
	again, err := b.service.Pay(t.Context(), renewal(o, 1))
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, orders.PaymentFailed, again.Payment.Status)
	second, err := b.service.Pay(t.Context(), renewal(o, 2))
	require.NoError(t, err)
	require.Equal(t, []any{orders.PaymentSucceeded, 2}, []any{second.Payment.Status, second.Payment.Attempt})
	require.Len(t, b.gateway.sent(), 2)
}

// Nobody is before a page when a subscription is renewed: an action that the provider asks for is taken by nobody.
func TestPay_NobodyIsSentToAPageByARenewal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = func(context.Context, orders.Sale) orders.Evidence {
		return orders.Evidence{
			Source: orders.SourceAnswer, Outcome: orders.OutcomeActionRequired, RedirectURL: "https://3ds.example.com/", ProviderTransactionID: "t-1",
		}
	}
	o := b.periodic(func(r *orders.CreateOrder) { r.ReturnURL = "https://shop.example.com/done" })
	result, err := b.service.Pay(t.Context(), renewal(o, 1))
	require.NoError(t, err)
	for _, source := range []orders.Source{orders.SourceQuery, orders.SourceNotification} {
		b.clock.advance(time.Second)
		b.apply(result.Payment, orders.Evidence{Source: source, Outcome: orders.OutcomeActionRequired, RedirectURL: "https://3ds.example.com/"})
		p := b.payment(result.Payment.ID)
		require.Equal(t, []any{orders.PaymentUnknown, "", ""}, []any{p.Status, p.RedirectURL, p.ReturnURL})
		require.Nil(t, p.Resource().NextAction)
		require.False(t, p.NextCheckAt.IsZero(), "it is asked until the provider closes it")
	}
	b.apply(result.Payment, orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeClosed, ProviderTransactionID: "t-1"})
	require.Equal(t, orders.PaymentCanceled, b.payment(result.Payment.ID).Status)
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)
	require.NotContains(t, strings.Join(b.events(o.ID), " "), "requires_action")
}

func TestPay_ASubscriptionsPurchaseIsAPaymentLikeAnyOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = func(context.Context, orders.Sale) orders.Evidence {
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeActionRequired, RedirectURL: "https://3ds.example.com/"}
	}
	o := b.order(func(r *orders.CreateOrder) { r.Subscription = ids.New[ids.SubscriptionEntity]() })
	req := purchase(o)
	result, err := b.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, []any{orders.PaymentRequiresAction, orders.InitiatorCustomer}, []any{result.Payment.Status, result.Payment.Initiator})
	require.NotNil(t, result.Payment.Resource().NextAction)
	sale := b.gateway.sent()[0]
	require.Equal(t, req.Charge.Terms, sale.Terms)
	require.Equal(t, testCard(), sale.Card)
	again, err := b.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.True(t, again.Replayed, "also while it is open")
	require.Equal(t, b.payment(result.Payment.ID), again.Payment)

	unknown := b.order(func(r *orders.CreateOrder) { r.Subscription, r.Billing = ids.New[ids.SubscriptionEntity](), nil })
	_, err = b.service.Pay(t.Context(), purchase(unknown))
	requireParam(t, err, "billing_details.email")
}

func TestPay_AnOrderIsChargedByItsSubscriptionAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	of, shoppers := b.periodic(), b.order()
	_, err := b.service.Pay(t.Context(), payRequest(of.ID, key("k")))
	requireFault(t, err, fault.Conflict, "order_not_payable")
	require.ErrorContains(t, err, "charged by its subscription "+of.Subscription.String())
	req := renewal(of, 1)
	req.Order = shoppers.ID
	_, err = b.service.Pay(t.Context(), req)
	requireFault(t, err, fault.Conflict, "order_not_payable")
	_, err = b.service.Cancel(t.Context(), orders.CancelOrder{Order: of.ID, CorrelationID: "test"})
	requireFault(t, err, fault.Conflict, "order_not_cancelable")
	_, err = b.service.Cancel(t.Context(), orders.CancelOrder{Order: of.ID, Subscription: ids.New[ids.SubscriptionEntity](), CorrelationID: "test"})
	requireFault(t, err, fault.Conflict, "order_not_cancelable")
	_, err = b.service.Cancel(t.Context(), orders.CancelOrder{Order: shoppers.ID, Subscription: of.Subscription, CorrelationID: "test"})
	requireFault(t, err, fault.Conflict, "order_not_cancelable")
	require.Equal(t, []bool{false, false, true, true}, []bool{b.service.Payable(of), of.Cancelable(), b.service.Payable(shoppers), shoppers.Cancelable()})
	require.Empty(t, b.gateway.sent())

	canceled, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: of.ID, Subscription: of.Subscription, CorrelationID: "test"})
	require.NoError(t, err)
	require.Equal(t, orders.StatusCanceled, canceled.Status)
	_, err = b.service.Pay(t.Context(), renewal(of, 1))
	requireFault(t, err, fault.Conflict, "order_not_payable")
}

func TestPay_RefusesChargesThatNoCodeMayAskFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.periodic()
	for name, tc := range map[string]struct {
		says  string
		spoil func(*orders.PayRequest)
	}{
		"no id":           {"id of its payment", func(r *orders.PayRequest) { r.Charge.ID = ids.Payment{} }},
		"neither":         {"either terms or a contract", func(r *orders.PayRequest) { r.Charge.Contract = nil }},
		"both":            {"either terms or a contract", func(r *orders.PayRequest) { r.Charge.Terms = &orders.Terms{ProviderCustomer: "c"} }},
		"to hold":         {"charged at once", func(r *orders.PayRequest) { r.CaptureMethod = orders.CaptureManual }},
		"to save":         {"charged at once", func(r *orders.PayRequest) { r.Save = true }},
		"by a saved card": {"charged at once", func(r *orders.PayRequest) { r.Saved = ids.New[ids.PaymentMethodEntity]() }},
		"on a page":       {"charged at once", func(r *orders.PayRequest) { r.Method = orders.MethodHosted }},
		"of nobody":       {"name at the provider", func(r *orders.PayRequest) { r.Charge.Contract.ProviderCustomer = "" }},
		"of no contract":  {"a contract with its token", func(r *orders.PayRequest) { r.Charge.Contract.ID = "" }},
		"without a token": {"a contract with its token", func(r *orders.PayRequest) { r.Charge.Contract.Token = cards.Token{} }},
		"of no card":      {"a contract with its token", func(r *orders.PayRequest) { r.Charge.Contract.Card = cards.Summary{} }},
		"by another card": {"nobody types a card", func(r *orders.PayRequest) { r.Card = testCard() }},
		"with 3DS":        {"nobody types a card", func(r *orders.PayRequest) { r.ThreeDS.Strategy = orders.ThreeDSForce }},
		"with a browser":  {"nobody types a card", func(r *orders.PayRequest) { r.Browser.IP = "203.0.113.7" }},
		"terms of nobody": {"name at the provider", func(r *orders.PayRequest) { r.Charge.Contract, r.Charge.Terms = nil, &orders.Terms{} }},
		"another's payment": {"of order", func(r *orders.PayRequest) {
			other := b.periodic()
			result, err := b.service.Pay(t.Context(), renewal(other, 1))
			require.NoError(t, err)
			r.Charge.ID = result.Payment.ID
		}},
	} {
		req := renewal(o, 1)
		tc.spoil(&req)
		_, err := b.service.Pay(t.Context(), req)
		require.ErrorContains(t, err, tc.says, name)
		require.Empty(t, fault.KindOf(err), "%s: no caller from outside can do this", name)
	}
	require.Len(t, b.gateway.sent(), 1)
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)
}

// The id of a renewal bears the time of its period, not that of its call: a test clock that was moved a month must neither have
// the provider's denial believed too early nor never.
func TestSettle_ARenewalThatNeverArrivedIsToldByRealTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	realTime := &clock{now: time.Now()}
	b.config.RealNow, b.config.Schedule = realTime.Now, orders.Schedule{3 * time.Second}
	b.service = b.process()
	b.gateway.sale = answer(orders.OutcomeUnknown)
	b.clock.advance(60 * 24 * time.Hour)
	for name, at := range map[string]time.Time{"long ago": realTime.Now().AddDate(-1, 0, 0), "far ahead": b.clock.Now()} {
		period := &orders.Period{Start: at, End: at.AddDate(0, 1, 0)}
		o := b.order(periodOrder(ids.New[ids.SubscriptionEntity](), period))
		result, err := b.service.Pay(t.Context(), renewal(o, 1))
		require.NoError(t, err, name)
		b.clock.advance(24 * time.Hour)
		deny := func() {
			for range 3 {
				b.apply(result.Payment, orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound})
			}
		}
		deny()
		require.Equal(t, orders.PaymentUnknown, b.payment(result.Payment.ID).Status, "%s: its call may be under way", name)
		realTime.advance(notFoundAfter)
		deny()
		require.Equal(t, orders.PaymentFailed, b.payment(result.Payment.ID).Status, name)
	}
}

func TestContract_ShowsItselfToNobody(t *testing.T) {
	t.Parallel()
	c := *contract()
	raw, err := json.Marshal(map[string]any{"contract": c, "evidence": orders.Evidence{Contract: c}, "sale": orders.Sale{Contract: &c}})
	require.NoError(t, err)
	shown := []string{string(raw), c.String(), c.LogValue().String(), slog.AnyValue(c).Resolve().String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, orders.Evidence{Contract: c}))
	}
	for _, text := range shown {
		require.NotContains(t, text, c.ID)
		require.NotContains(t, text, "tok-secret")
	}
}
