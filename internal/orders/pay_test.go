package orders_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/orders"
)

func TestPay_SaleSucceedsAndOrderIsPaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(func(r *orders.CreateOrder) { r.ReturnURL = "https://shop.example.com/done" })

	p := b.pay(o, "k")

	require.Equal(t, orders.PaymentSucceeded, p.Status)
	require.False(t, p.Confirmed)
	require.Equal(t, 1, p.Attempt)
	require.Equal(t, "https://shop.example.com/done", p.ReturnURL)
	require.Equal(t, cards.Summary{Brand: "visa", Last4: "1390", ExpMonth: 12, ExpYear: 2030}, p.Card)
	require.Equal(t, b.payment(p.ID), p, "the answer is what is stored")
	o = b.get(o.ID)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.EqualValues(t, 2700, o.AmountPaid)
	require.Equal(t, p.ID, o.LatestPayment)
	require.Equal(t, []string{"order.created", "payment.processing", "payment.succeeded", "order.paid"}, b.events(o.ID))
	require.Equal(t, 1, b.count(`SELECT count(*) FROM events WHERE type = 'order.paid' AND object->>'confirmed' = 'false'
		AND object->>'status' = 'paid' AND object->>'amount_paid' = '2700'`))
	require.Equal(t, 1, b.count("SELECT count(*) FROM evidence WHERE source = 'answer' AND verdict = 'move' AND amount = 2700"))

	b.apply(p, taken(orders.SourceNotification, o.Amount, p.MerchantTxnID))
	require.True(t, b.payment(p.ID).Confirmed)
	require.Len(t, b.events(o.ID), 4, "confirming is no event")
}

func TestPay_TellsTheProviderEverythingAboutTheSale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(func(r *orders.CreateOrder) {
		r.Items = []orders.Item{{Name: "Tea", UnitAmount: 2700, Quantity: 1}}
		r.Shipping = &details.Contact{FirstName: "Else"}
	})
	p := b.pay(o, "k")

	sale := b.gateway.sent()[0]
	require.Equal(t, p.MerchantTxnID, sale.MerchantTxnID)
	require.Equal(t, o.ID.String(), sale.OriginalID, "the provider's own brake against a second success")
	require.Equal(t, o.Amount, sale.Amount)
	require.Equal(t, testCard(), sale.Card)
	require.Equal(t, o.Items, sale.Items)
	require.Equal(t, "buyer@example.com", sale.Billing.Email)
	require.Equal(t, "Else", sale.Shipping.FirstName)
	require.Equal(t, "https://pay.example.com/v1/payments/"+p.ID.String()+"/return", sale.ReturnURL)
	require.Equal(t, "https://pay.example.com/v1/webhooks/onerway", sale.NotifyURL)
}

func TestPay_DeclineIsAResultAndOrderIsOpenAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.order()

	p := b.pay(o, "first")

	require.Equal(t, orders.PaymentFailed, p.Status)
	require.Equal(t, "insufficient_funds", p.Failure.Code)
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)
	require.Equal(t, p, b.payment(p.ID))

	repeated, err := b.service.Pay(t.Context(), payRequest(o.ID, key("first")))
	require.NoError(t, err)
	require.True(t, repeated.Replayed)
	require.Equal(t, p.ID, repeated.Payment.ID, "a decline is the answer to its key for good")

	b.gateway.sale = nil
	second := b.pay(o, "second")
	require.Equal(t, 2, second.Attempt)
	require.Equal(t, orders.PaymentSucceeded, second.Status)
	require.Equal(t, []string{
		"order.created", "payment.processing", "payment.failed", "payment.processing", "payment.succeeded", "order.paid",
	}, b.events(o.ID))
	require.Len(t, b.gateway.sent(), 2)
}

func TestPay_NeverSentChargesNothingAndFreesItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = answer(orders.OutcomeNeverSent)
	o := b.order()

	result, err := b.service.Pay(t.Context(), payRequest(o.ID, key("k")))
	requireFault(t, err, fault.Unavailable, "provider_unavailable")
	require.Equal(t, orders.PaymentFailed, result.Payment.Status)
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)

	b.gateway.sale = nil
	p := b.pay(o, "k")
	require.Equal(t, orders.PaymentSucceeded, p.Status)
	require.NotEqual(t, result.Payment.ID, p.ID)
	require.Equal(t, 2, p.Attempt)
}

func TestPay_UnknownIsSettledByAQueryWithoutASecondSale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = answer(orders.OutcomeUnknown)
	o := b.order()
	p := b.pay(o, "k")
	require.Equal(t, orders.PaymentUnknown, p.Status)
	require.Equal(t, orders.StatusPending, b.get(o.ID).Status)

	_, err := b.service.Pay(t.Context(), payRequest(o.ID, key("another")))
	requireFault(t, err, fault.Conflict, "payment_in_progress")

	b.gateway.find = func(_ context.Context, q orders.Query) (orders.Evidence, error) {
		require.Equal(t, p.MerchantTxnID, q.MerchantTxnID)
		return taken(orders.SourceQuery, q.Amount, q.MerchantTxnID), nil
	}
	settled, err := b.service.Settle(t.Context(), p.ID, time.Second)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, settled.Status)
	require.True(t, settled.Confirmed)
	require.Equal(t, orders.StatusPaid, b.get(o.ID).Status)
	require.Len(t, b.gateway.sent(), 1)

	b.gateway.find = nil
	again, err := b.service.Settle(t.Context(), p.ID, time.Second)
	require.NoError(t, err, "what is final and confirmed is not asked about")
	require.Equal(t, settled, again)
}

func TestPay_QuestionThatIsNotAnsweredChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = answer(orders.OutcomeUnknown)
	p := b.pay(b.order(), "k")
	away := errors.New("no route")
	b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) { return orders.Evidence{}, away }

	settled, err := b.service.Settle(t.Context(), p.ID, time.Second)
	require.ErrorIs(t, err, away)
	require.Equal(t, p, settled)
	require.Equal(t, p, b.payment(p.ID))
}

func TestPay_RefusesWhatCannotBePaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pay := func(o orders.Order) error {
		_, err := b.service.Pay(t.Context(), payRequest(o.ID, key("k-"+o.ID.String())))
		return err
	}

	requireFault(t, pay(orders.Order{}), fault.NotFound, "resource_missing")

	canceled := b.order()
	_, err := b.service.Cancel(t.Context(), orders.CancelOrder{Order: canceled.ID, Idempotency: key("c"), CorrelationID: "test"})
	require.NoError(t, err)
	requireFault(t, pay(canceled), fault.Conflict, "order_not_payable")

	paid := b.order()
	b.pay(paid, "p")
	requireFault(t, pay(paid), fault.Conflict, "order_not_payable")

	late := b.order(func(r *orders.CreateOrder) { r.ExpiresIn = time.Second })
	b.clock.advance(time.Second)
	requireFault(t, pay(late), fault.Conflict, "order_not_payable")

	for param, billing := range map[string]*details.Contact{
		"billing_details.email":           {Address: &details.Address{Country: "DE"}},
		"billing_details.address.country": {Email: "a@example.com"},
		"billing_details.address.state":   {Email: "a@example.com", Address: &details.Address{Country: "us"}},
	} {
		requireParam(t, pay(b.order(func(r *orders.CreateOrder) { r.Billing = billing })), param)
	}
	blank := &details.Contact{Email: "a@example.com", Address: &details.Address{Country: "CA", State: " "}}
	requireParam(t, pay(b.order(func(r *orders.CreateOrder) { r.Billing = blank })), "billing_details.address.state")
	requireParam(t, pay(b.order(func(r *orders.CreateOrder) { r.Billing = nil })), "billing_details.email")
	require.Len(t, b.gateway.sent(), 1)
}

func TestPay_RefusesABadRequestBeforeItLooksAtTheOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	for name, tc := range map[string]struct {
		param string
		spoil func(*orders.PayRequest)
	}{
		"no card":           {"payment_method.card.number", func(r *orders.PayRequest) { r.Card = cards.Card{} }},
		"short number":      {"payment_method.card.number", func(r *orders.PayRequest) { r.Card.Number = "4111" }},
		"letters":           {"payment_method.card.number", func(r *orders.PayRequest) { r.Card.Number = "4761344136141٣90" }},
		"month 13":          {"payment_method.card.exp_month", func(r *orders.PayRequest) { r.Card.ExpMonth = 13 }},
		"year of two":       {"payment_method.card.exp_year", func(r *orders.PayRequest) { r.Card.ExpYear = 30 }},
		"year of overflow":  {"payment_method.card.exp_year", func(r *orders.PayRequest) { r.Card.ExpYear = 65536 + 2030 }},
		"long cvc":          {"payment_method.card.cvc", func(r *orders.PayRequest) { r.Card.CVC = "12345" }},
		"NUL in the name":   {"payment_method.card.holder_name", func(r *orders.PayRequest) { r.Card.HolderName = "A\x00" }},
		"odd capture":       {"capture_method", func(r *orders.PayRequest) { r.CaptureMethod = "later" }},
		"odd strategy":      {"three_ds.strategy", func(r *orders.PayRequest) { r.ThreeDS.Strategy = "maybe" }},
		"foreign return":    {"return_url", func(r *orders.PayRequest) { r.ReturnURL = "https://evil.example.org" }},
		"script as return":  {"return_url", func(r *orders.PayRequest) { r.ReturnURL = "javascript://shop.example.com" }},
		"long description":  {"description", func(r *orders.PayRequest) { r.Description = fmt.Sprintf("%351s", "") }},
		"nameless metadata": {"metadata", func(r *orders.PayRequest) { r.Metadata = details.Metadata{"": "x"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			req := payRequest(o.ID, key(name))
			tc.spoil(&req)
			_, err := b.service.Pay(t.Context(), req)
			requireParam(t, err, tc.param)
			require.NotContains(t, err.Error(), "4761344136141")
		})
	}
	t.Cleanup(func() { require.Empty(t, b.gateway.sent()) })
}

func TestPay_ProviderThatTakesNothingNowIsToldBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.order()
	first := b.pay(o, "first")
	b.gateway.admit = func(context.Context, orders.Initiator) error {
		return fault.Down("provider_unavailable", time.Second, nil, "The circuit is open.")
	}

	_, err := b.service.Pay(t.Context(), payRequest(o.ID, key("second")))
	requireFault(t, err, fault.Unavailable, "provider_unavailable")
	require.Equal(t, 1, b.get(o.ID).Attempts)

	repeated, err := b.service.Pay(t.Context(), payRequest(o.ID, key("first")))
	require.NoError(t, err, "an answer that exists needs no provider")
	require.True(t, repeated.Replayed)
	require.Equal(t, first.ID, repeated.Payment.ID)
}

func TestPay_KeyWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	b.pay(o, "k")
	other := key("k")
	other.Fingerprint[31]++

	_, err := b.service.Pay(t.Context(), payRequest(o.ID, other))
	requireFault(t, err, fault.Refused, "idempotency_key_reused")

	stranger := key("k")
	stranger.Principal = "another principal"
	_, err = b.service.Pay(t.Context(), payRequest(o.ID, stranger))
	requireFault(t, err, fault.Conflict, "order_not_payable")
	require.Len(t, b.gateway.sent(), 1)
}

func TestPay_TransactionOfAnotherPaymentIsDoubtNotLoss(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		return taken(orders.SourceAnswer, sale.Amount, "the same")
	}
	first, second := b.order(), b.order()
	b.pay(first, "k")
	p := b.pay(second, "k")

	require.Equal(t, orders.PaymentUnknown, p.Status)
	require.Empty(t, p.ProviderTransactionID)
	o := b.get(second.ID)
	require.Equal(t, orders.StatusPending, o.Status)
	require.True(t, o.NeedsReview)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM discrepancies WHERE class = 'provider_transaction_id' AND payment_id = $1
		AND money_at_risk = 2700 AND status = 'open'`, p.ID.UUID()))
	require.Equal(t, 1, b.count("SELECT count(*) FROM evidence WHERE payment_id = $1 AND verdict = 'mismatch'", p.ID.UUID()))
	require.Equal(t, []string{"order.created", "payment.processing", "payment.unknown", "reconciliation.discrepancy", "order.needs_review"}, b.events(second.ID))
	require.False(t, b.get(first.ID).NeedsReview)
}

func TestPay_AnswerThatPostgresCannotHoldIsRecordedAllTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		ev := taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
		ev.ProviderCode, ev.CardBrand, ev.Body = "20\x00000", "vi\xffsa", []byte(`{"name":"a\u0000b","low":"\udc00"}`)
		return ev
	}
	require.Equal(t, orders.PaymentSucceeded, b.pay(b.order(), "k").Status)
	require.Equal(t, 1, b.count("SELECT count(*) FROM evidence WHERE body->>'name' = E'a\\ufffdb'"))
}

func TestPay_NewsThatOvertakesTheAnswerIsNotTakenBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = func(ctx context.Context, sale orders.Sale) orders.Evidence {
		ev := taken(orders.SourceNotification, sale.Amount, sale.MerchantTxnID)
		_, err := b.service.Apply(ctx, sale.MerchantTxnID, ev, nil)
		require.NoError(t, err)
		ev.Source = orders.SourceAnswer
		return ev
	}
	o := b.order()
	p := b.pay(o, "k")

	require.Equal(t, orders.PaymentSucceeded, p.Status)
	require.True(t, p.Confirmed)
	require.Equal(t, []string{"order.created", "payment.processing", "payment.succeeded", "order.paid"}, b.events(o.ID))
	require.Equal(t, 2, b.count("SELECT count(*) FROM evidence"))
}

func TestPay_DriftOfMoneyIsNeverPaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = func(_ context.Context, sale orders.Sale) orders.Evidence {
		return taken(orders.SourceAnswer, money.New(sale.Amount.Minor*100, sale.Amount.Currency), sale.MerchantTxnID)
	}
	o := b.order()
	require.Equal(t, orders.PaymentUnknown, b.pay(o, "k").Status)
	require.Zero(t, b.get(o.ID).AmountPaid)
	require.Equal(t, 1, b.count("SELECT count(*) FROM discrepancies WHERE class = 'amount' AND theirs->>'amount' = '270000'"))
}
