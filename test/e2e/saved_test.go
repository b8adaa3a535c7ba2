package e2e

import (
	"crypto/rand"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

type method struct {
	ID       string
	Status   string
	Customer *string
	Card     struct{ Brand, Last4 string }
}

// saveCall asks for a card of the customer's to be kept.
func (c *client) saveCall(who customer, number, key string) call {
	c.world.cards.remember(number)
	return call{method: http.MethodPost, path: "/v1/payment_methods", key: key, body: object{
		"type": "card", "customer": who.ID, "card": object{
			"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123", "holder_name": "Ford Prefect",
		},
	}}
}

func (c *client) saveCard(who customer, number string) method {
	c.world.t.Helper()
	return into[method](c.world.t, c.send(c.saveCall(who, number, rand.Text())).requireStatus(c.world.t, http.StatusCreated))
}

// paySaved pays an order with a saved card.
func (c *client) paySaved(order, method, key string) call {
	return call{method: http.MethodPost, path: "/v1/orders/" + order + "/payments", key: key, body: object{
		"payment_method": object{"type": "saved", "payment_method": method},
	}}
}

// billed is an order of the customer's that says nothing of who pays.
func (c *client) billed(who customer) order {
	c.world.t.Helper()
	return c.createOrder(object{"customer": who.ID, "billing_details": nil})
}

type savedPayment struct {
	payment

	PaymentMethod        *string `json:"payment_method"`
	PaymentMethodDetails struct {
		Type string
		Card struct{ Brand, Last4 string }
	} `json:"payment_method_details"`
}

func TestSaved_PaysForItsCustomerOnly(t *testing.T) {
	t.Parallel()
	w := start(t)
	who, other := w.service.createCustomer(), w.service.createCustomer()
	m := w.service.saveCard(who, goodCard)
	require.Equal(t, []string{"active", "visa", "1390"}, []string{m.Status, m.Card.Brand, m.Card.Last4})
	o := w.service.billed(who)

	pay := w.service.paySaved(o.ID, m.ID, "k")
	pay.as = o.ClientSecret
	paid := into[savedPayment](t, w.service.send(pay).requireStatus(t, http.StatusCreated))
	require.Equal(t, "succeeded", paid.Status)
	require.Equal(t, m.ID, *paid.PaymentMethod)
	require.Equal(t, []string{"card", "visa", "1390"}, []string{
		paid.PaymentMethodDetails.Type, paid.PaymentMethodDetails.Card.Brand, paid.PaymentMethodDetails.Card.Last4,
	})
	w.requirePaidOnce(o.ID)
	w.service.awaitPayment(paid.ID, "succeeded")
	again := into[savedPayment](t, w.service.send(pay).requireStatus(t, http.StatusCreated))
	require.Equal(t, paid.ID, again.ID)

	foreign := w.service.billed(other)
	steal := w.service.paySaved(foreign.ID, m.ID, "steal")
	steal.as = foreign.ClientSecret
	refused := into[refusal](t, w.service.send(steal).requireStatus(t, http.StatusUnprocessableEntity))
	require.Equal(t, []string{"payment_method_not_allowed", "payment_method.payment_method"}, []string{refused.Error.Code, refused.Error.Param})
	require.Empty(t, w.provider.books(foreign.ID).Transactions)

	w.service.send(call{method: http.MethodPost, path: "/v1/payment_methods/" + m.ID + "/detach"}).requireStatus(t, http.StatusOK)
	late := w.service.billed(who)
	w.service.send(w.service.paySaved(late.ID, m.ID, "late")).requireStatus(t, http.StatusUnprocessableEntity)
	again = into[savedPayment](t, w.service.send(pay).requireStatus(t, http.StatusCreated))
	require.Equal(t, paid.ID, again.ID, "what was paid stays paid")
	w.service.awaiting(func() string { return "the provider still keeps the card" }, func() bool {
		return w.provider.tokens(who.ID) == 0
	})
}

// tokens is how many cards the provider keeps for a customer.
func (p *provider) tokens(customer string) int {
	p.t.Helper()
	kept := 0
	for _, token := range p.books("").Tokens {
		if token.MerchantCustID == customer && !token.Removed {
			kept++
		}
	}
	return kept
}

func TestSaved_3DSAndDeclinesAndLostAnswers(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", soon))
	who := w.service.createCustomer()

	challenge := w.service.saveCard(who, challengeCard)
	o := w.service.billed(who)
	p := into[payment](t, w.service.send(w.service.paySaved(o.ID, challenge.ID, "3ds")).requireStatus(t, http.StatusCreated))
	require.Equal(t, "requires_action", p.Status)
	comeBack(t, w.provider.press(p, "approve"))
	w.requirePaidOnce(o.ID)

	poor := w.service.saveCard(who, "4000000000009995")
	o = w.service.billed(who)
	declined := into[refusal](t, w.service.send(w.service.paySaved(o.ID, poor.ID, "poor")).requireStatus(t, http.StatusPaymentRequired))
	require.Equal(t, "insufficient_funds", declined.Error.Code)
	require.Equal(t, "open", w.service.order(o.ID).Status)

	lost := w.service.saveCard(who, "4000009900000103") // charges, and loses the answer
	o = w.service.billed(who)
	w.provider.arm(sandbox.Fault{Name: "no_notification"}) // it may be quicker than our answer
	p = into[payment](t, w.service.send(w.service.paySaved(o.ID, lost.ID, "lost")).requireStatus(t, http.StatusAccepted))
	require.Equal(t, "unknown", p.Status)
	w.requirePaidOnce(o.ID)
}

func TestSaved_ALostBindingIsFoundByRepeating(t *testing.T) {
	t.Parallel()
	w := start(t)
	who := w.service.createCustomer()
	w.provider.arm(sandbox.Fault{Name: "lose_answer", Match: sandbox.Match{Path: "/v1/txn/bindCard"}})
	ask := w.service.saveCall(who, goodCard, "k")
	lost := into[refusal](t, w.service.send(ask).requireStatus(t, http.StatusServiceUnavailable))
	require.Equal(t, "payment_method_unconfirmed", lost.Error.Code)
	require.Equal(t, 1, w.provider.tokens(who.ID))
	found := into[method](t, w.service.send(ask).requireStatus(t, http.StatusCreated))
	require.Equal(t, 1, w.provider.tokens(who.ID), "what was kept is taken, not kept twice")
	o := w.service.billed(who)
	w.service.send(w.service.paySaved(o.ID, found.ID, "k")).requireStatus(t, http.StatusCreated)
	w.requirePaidOnce(o.ID)
}

func TestSaved_ACardIsKeptWhenItPays(t *testing.T) {
	t.Parallel()
	w := start(t)
	who := w.service.createCustomer()
	o := w.service.billed(who)
	paid := into[savedPayment](t, w.service.pay(o.ID, goodCard, object{"save_payment_method": true}).requireStatus(t, http.StatusCreated))
	require.Equal(t, "succeeded", paid.Status)
	require.NotNil(t, paid.PaymentMethod)
	next := w.service.billed(who)
	w.service.send(w.service.paySaved(next.ID, *paid.PaymentMethod, "k")).requireStatus(t, http.StatusCreated)
	w.requirePaidOnce(next.ID)

	// A card that could not be kept has paid all the same.
	w.provider.arm(sandbox.Fault{Name: "http_500", Match: sandbox.Match{Path: "/v1/txn/bindCard"}})
	o = w.service.billed(who)
	unsaved := into[savedPayment](t, w.service.pay(o.ID, goodCard, object{"save_payment_method": true}).requireStatus(t, http.StatusCreated))
	require.Equal(t, "succeeded", unsaved.Status)
	require.Nil(t, unsaved.PaymentMethod)
	w.requirePaidOnce(o.ID)

	// One that is declined is not kept.
	o = w.service.billed(who)
	kept := w.provider.tokens(who.ID)
	w.service.pay(o.ID, declinedCard, object{"save_payment_method": true}).requireStatus(t, http.StatusPaymentRequired)
	require.Equal(t, kept, w.provider.tokens(who.ID))
}

func TestSaved_ErasedWithItsCustomer(t *testing.T) {
	t.Parallel()
	w := start(t)
	who := w.service.createCustomer()
	m := w.service.saveCard(who, goodCard)
	o := w.service.billed(who)
	w.service.send(w.service.paySaved(o.ID, m.ID, "k")).requireStatus(t, http.StatusCreated)
	w.service.send(call{method: http.MethodDelete, path: "/v1/customers/" + who.ID}).requireStatus(t, http.StatusOK)
	require.Equal(t, "detached", get[method](w.service.client, "/v1/payment_methods/"+m.ID).Status)
	w.service.awaiting(func() string { return "the customer is still known" }, func() bool {
		return len(w.knows(ford)) == 0 && w.provider.tokens(who.ID) == 0
	})
	w.requirePaidOnce(o.ID)
	refused := w.service.paySaved(w.service.createOrder(nil).ID, m.ID, "late")
	w.service.send(refused).requireStatus(t, http.StatusUnprocessableEntity)
}
