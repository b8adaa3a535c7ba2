package orders_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// wallet is what a test says of its customers.
type wallet struct {
	contact *details.Contact
	open    func(ids.Customer, ids.PaymentMethod) (cards.Saved, error)
	save    func(context.Context, cards.Keeping) (ids.PaymentMethod, error)
}

func (w *wallet) Contact(context.Context, ids.Customer) (*details.Contact, error) {
	return w.contact, nil
}

func (w *wallet) Open(_ context.Context, customer ids.Customer, method ids.PaymentMethod) (cards.Saved, error) {
	return w.open(customer, method)
}

func (w *wallet) Save(ctx context.Context, k cards.Keeping) (ids.PaymentMethod, error) {
	return w.save(ctx, k)
}

func setupWallet(t *testing.T, w *wallet) *testBundle {
	t.Helper()
	return setup(t, func(c *orders.Config) { c.Wallet = w })
}

func (b *testBundle) orderOf(customer ids.Customer) orders.Order {
	b.t.Helper()
	return b.order(func(r *orders.CreateOrder) {
		r.Customer, r.Billing = customer, &details.Contact{FirstName: "Ada", Email: "order@example.com"}
	})
}

func TestPay_WhatTheOrderDoesNotSayIsTheCustomers(t *testing.T) {
	t.Parallel()
	b := setupWallet(t, &wallet{contact: &details.Contact{
		FirstName: "Other", Email: "customer@example.com", Phone: "+1", Address: &details.Address{Country: "IE"},
	}})
	b.pay(b.orderOf(b.customer()), "k")
	require.Equal(t, details.Contact{
		FirstName: "Ada", Email: "order@example.com", Phone: "+1", Address: &details.Address{Country: "IE"},
	}, b.gateway.sent()[0].Billing)

	nobody := setupWallet(t, &wallet{})
	_, err := nobody.service.Pay(t.Context(), payRequest(nobody.orderOf(nobody.customer()).ID, key("k")))
	requireParam(t, err, "billing_details.address.country")
}

// The wallet may have said yes just before the method was detached: the database has the last word, and nothing is sent.
func TestPay_NothingIsChargedWithAMethodThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := &wallet{contact: &details.Contact{Address: &details.Address{Country: "IE"}}}
	w.open = func(_ ids.Customer, method ids.PaymentMethod) (cards.Saved, error) {
		return cards.Saved{
			Method: method, Token: cards.NewToken("tok"), ProviderCustomer: "cus_1",
			Card: cards.Summary{Brand: "visa", Last4: "1390", ExpMonth: 12, ExpYear: 2030},
		}, nil
	}
	b := setupWallet(t, w)
	o := b.orderOf(b.customer())
	req := payRequest(o.ID, key("k"))
	req.Card, req.Saved = cards.Card{}, ids.New[ids.PaymentMethodEntity]()
	_, err := b.service.Pay(t.Context(), req)
	require.Error(t, err)
	require.Empty(t, b.gateway.sent())
	require.Equal(t, orders.StatusOpen, b.get(o.ID).Status)
}

func TestPay_ACardIsSavedOnceItWasNotDeclined(t *testing.T) {
	t.Parallel()
	w := &wallet{contact: &details.Contact{Address: &details.Address{Country: "IE"}}}
	var asked []cards.Keeping
	method, failure := ids.New[ids.PaymentMethodEntity](), error(nil)
	w.save = func(_ context.Context, k cards.Keeping) (ids.PaymentMethod, error) {
		asked = append(asked, k)
		return method, failure
	}
	b := setupWallet(t, w)
	customer := b.customer()
	saving := func(key string) orders.Payment {
		req := payRequest(b.orderOf(customer).ID, orders.Idempotency{Principal: "s", Key: key})
		req.Save = true
		result, err := b.service.Pay(t.Context(), req)
		require.NoError(t, err)
		return result.Payment
	}
	paid := saving("1")
	require.Equal(t, method, paid.PaymentMethod)
	require.Equal(t, customer, asked[0].Customer)
	read, err := b.service.GetPayment(t.Context(), paid.ID)
	require.NoError(t, err)
	require.Equal(t, method, read.PaymentMethod)

	failure = errors.New("not now")
	paid = saving("2")
	require.Equal(t, orders.PaymentSucceeded, paid.Status)
	require.True(t, paid.PaymentMethod.IsZero(), "the payment does not depend on it")

	b.gateway.sale = declined
	require.Equal(t, orders.PaymentFailed, saving("3").Status)
	require.Len(t, asked, 2)

	_, err = b.service.Pay(t.Context(), orders.PayRequest{Order: b.order().ID, Card: testCard(), Save: true})
	requireParam(t, err, "save_payment_method")
}

// A caller whose time is over while the card is still being saved is told how the payment stands.
func TestPay_SavingKeepsNobodyFromTheOutcome(t *testing.T) {
	t.Parallel()
	w := &wallet{contact: &details.Contact{Address: &details.Address{Country: "IE"}}}
	release := make(chan struct{})
	w.save = func(context.Context, cards.Keeping) (ids.PaymentMethod, error) {
		<-release
		return ids.PaymentMethod{}, errors.New("too late")
	}
	b := setup(t, func(c *orders.Config) { c.Wallet, c.CallerDeadline = w, 500*time.Millisecond })
	t.Cleanup(func() { close(release) })
	req := payRequest(b.orderOf(b.customer()).ID, key("k"))
	req.Save = true
	result, err := b.service.Pay(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
}
