package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// Cards of the simulator; `GET /sandbox/cards` lists them with what they do.
const (
	goodCard         = "4761344136141390"
	from50Card       = "4000027891380961" // 3DS from 50.00
	challengeCard    = "4000000000001091"
	failingCard      = "4000000000001109" // fails 3DS even when it is approved
	frictionlessCard = "4000009900000020"
	declinedCard     = "4021937195658141"
)

func TestOrder_IsPaidByCardAndConfirmedByTheNotification(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(object{"reference": "web-1", "amount": 4999, "items": []object{
		{"name": "Mug", "unit_amount": 2250, "quantity": 2, "type": "physical"},
		{"name": "Shipping", "unit_amount": 499, "quantity": 1, "type": "shipping_fee"},
	}})
	require.Equal(t, "open", o.Status)
	require.Contains(t, o.Links, "order:pay")

	paid := w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	p := into[payment](t, paid)
	require.Equal(t, "succeeded", p.Status)
	require.EqualValues(t, 4999, p.AmountCaptured)
	require.Equal(t, 1, p.Attempt)
	require.NotContains(t, paid.body, goodCard)
	require.Regexp(t, `psp;dur=[0-9.]+`, paid.header.Get("Server-Timing"))

	p = w.service.awaitPayment(p.ID, "succeeded") // nothing is queried here: the notification confirms
	w.requirePaidOnce(o.ID)
	require.Equal(t, []string{"order.created", "payment.processing", "payment.succeeded", "order.paid"}, w.service.history(o.ID))
	require.Equal(t, p.ID, w.service.order(o.ID).LatestPayment)
	require.NotContains(t, w.service.order(o.ID).Links, "order:pay")

	booked := w.provider.books(o.ID).Transactions[0]
	require.Equal(t, p.ProviderTransactionID, booked.TransactionID)
	require.Equal(t, p.MerchantTxnID, booked.MerchantTxnID)
	require.Equal(t, "49.99", booked.OrderAmount)
	eventually(t, patience, "the notification is acknowledged", func() bool {
		sent := w.provider.deliveries(booked.TransactionID)
		return len(sent) == 1 && sent[0].Acknowledged && sent[0].Answer == booked.TransactionID
	})
}

func TestOrder_OfAZeroDecimalCurrencyIsChargedExactly(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(object{"amount": 3500, "currency": "JPY"})
	w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	w.requirePaidOnce(o.ID)
	require.Equal(t, "3500", w.provider.books(o.ID).Transactions[0].OrderAmount)
}

func TestOrder_IsPaidByTheShoppersBrowserWithItsClientSecret(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, other := w.service.createOrder(nil), w.service.createOrder(nil)
	pay := w.service.payCall(o.ID, goodCard, "browser-1", nil)
	pay.as = other.ClientSecret
	require.GreaterOrEqual(t, w.service.send(pay).status, 401, "the secret of another order opens nothing")
	require.Empty(t, w.provider.books(o.ID).Transactions)

	pay.as = o.ClientSecret
	w.service.send(pay).requireStatus(t, http.StatusCreated)
	w.requirePaidOnce(o.ID)
}

func TestDecline_TellsWhyAndLetsTheNextAttemptPay(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, c := range map[string]struct{ card, code, decline, category, provider string }{
		"insufficient funds": {declinedCard, "insufficient_funds", "insufficient_funds", "soft", "20051"},
		"do not honor":       {"4000000000000002", "card_declined", "do_not_honor", "soft", "20005"},
		"expired":            {"4000000000000069", "expired_card", "expired_card", "hard", "20054"},
		"wrong code":         {"4000000000000127", "incorrect_cvc", "incorrect_cvc", "soft", "20082"},
		"bank away":          {"4000000000000119", "processing_error", "issuer_unavailable", "technical", "20096"},
		"generic":            {"4000128449498204", "card_declined", "generic_decline", "hard", "70002"},
		"3DS refused":        {"4000009900000012", "authentication_rejected", "authentication_rejected", "hard", "40203"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			o := w.service.createOrder(nil)
			declined := w.service.pay(o.ID, c.card, nil).requireStatus(t, http.StatusPaymentRequired)
			got := into[refusal](t, declined).Error
			require.Equal(t, "card_error", got.Type)
			require.Equal(t, c.code, got.Code)
			require.Equal(t, c.decline, got.DeclineCode)
			require.NotEmpty(t, got.Message)

			require.Contains(t, w.service.send(call{method: http.MethodGet, path: "/docs", as: "none"}).body, "error-"+got.Code)
			require.Equal(t, declined.header.Get("X-Correlation-Id"), got.CorrelationID)

			var shown payment
			require.NoError(t, json.Unmarshal(got.Payment, &shown))
			require.Equal(t, lasting(t, string(got.Payment)),
				lasting(t, w.service.send(call{method: http.MethodGet, path: "/v1/payments/" + shown.ID}).body), "the whole payment")
			require.Equal(t, "failed", shown.Status)
			require.Equal(t, o.ID, shown.Order)
			require.Equal(t, c.code, shown.Failure.Code)
			require.Equal(t, c.decline, shown.Failure.DeclineCode)
			require.Equal(t, c.category, shown.Failure.Category)
			require.Equal(t, shown.ID, w.service.awaitPayment(shown.ID, "failed").ID, "the notification confirms it")
			require.Equal(t, "open", w.service.order(o.ID).Status)
			require.Contains(t, w.service.order(o.ID).Links, "order:pay")

			second := w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
			require.Equal(t, 2, into[payment](t, second).Attempt)
			w.service.awaitOrder(o.ID, "paid")
			books := w.provider.books(o.ID)
			require.Equal(t, c.provider, books.Transactions[0].ReasonCode)
			require.Equal(t, 2, books.Orders[0].Attempts)
			require.Equal(t, 1, books.Orders[0].Successes)
			require.Equal(t, []string{
				"order.created", "payment.processing", "payment.failed",
				"payment.processing", "payment.succeeded", "order.paid",
			}, w.service.history(o.ID))
		})
	}
}

func TestDecline_IsADeclineInEitherOfTheProvidersForms(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.arm(sandbox.Fault{Name: "decline_by_status"})
	o := w.service.createOrder(nil)
	declined := w.service.pay(o.ID, declinedCard, nil).requireStatus(t, http.StatusPaymentRequired)
	require.Equal(t, "card_error", into[refusal](t, declined).Error.Type)
	w.service.awaitOrder(o.ID, "open")
}

func TestRefusal_OfTheProviderIsNotADeclineAndTheOrderStaysPayable(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.arm(sandbox.Fault{Name: "force", Status: "F", Code: "12002", Message: "merchant disabled"})
	o := w.service.createOrder(nil)
	refused := w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusUnprocessableEntity)
	got := into[refusal](t, refused).Error
	require.Equal(t, "provider_refused", got.Code)
	require.NotEmpty(t, got.Payment)
	w.service.awaitOrder(o.ID, "open")
	w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated)
}

// lasting is a payment without what the notification may have told since.
func lasting(t *testing.T, body string) object {
	t.Helper()
	whole := into[object](t, answer{body: body})
	require.Greater(t, len(whole), 15)
	delete(whole, "confirmed")
	delete(whole, "updated")
	delete(whole["payment_method_details"].(object)["card"].(object), "country")
	return whole
}
