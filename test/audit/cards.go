package audit

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tillway/internal/ids"
)

// method is what we say of a saved card.
type method struct {
	ID               uuid.UUID
	ProviderCustomer string
	Status           string
	Last4            string
	HasToken         bool
}

func (m *method) name() string { return ids.From[ids.PaymentMethodEntity](m.ID).String() }

const methodsSQL = `SELECT id, provider_customer, status, card_last4, token_sealed IS NOT NULL FROM payment_methods`

const borrowedSQL = `
SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id JOIN payment_methods m ON m.id = p.payment_method_id
WHERE m.customer_id IS DISTINCT FROM o.customer_id`

func (s *ours) readCards(ctx context.Context, tx pgx.Tx) error {
	methods, err := collect(ctx, tx, methodsSQL, pgx.RowToAddrOfStructByPos[method])
	if err != nil {
		return err
	}
	for _, m := range methods {
		s.methods[m.name()] = m
	}
	customers, err := collect(ctx, tx, `SELECT id FROM customers`, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, id := range customers {
		s.customers[ids.From[ids.CustomerEntity](id).String()] = true
	}
	s.borrowed, err = collect(ctx, tx, borrowedSQL, pgx.RowTo[uuid.UUID])
	return err
}

// kept is a card as both sides can name it: under whose name the provider keeps it, and its last digits.
type kept struct{ customer, last4 string }

// cards holds the saved cards to those that the provider keeps: each of theirs is one of ours, and each of ours is there.
func (a *auditor) cards() {
	here, there := map[kept]int{}, map[kept]int{}
	for _, m := range a.ours.methods {
		switch {
		case m.Status == "pending":
			a.find("payment method %s is still being saved", m.name())
		case m.Status == "active":
			a.report.Cards++
			here[kept{m.ProviderCustomer, m.Last4}]++
		case m.HasToken:
			a.find("payment method %s is %s and its card not removed", m.name(), m.Status)
		}
	}
	for _, t := range a.c.Books.Tokens {
		if !t.Removed {
			there[kept{t.MerchantCustID, t.CardLast4}]++
		}
	}
	for k, n := range here {
		if there[k] < n {
			a.find("customer %s has %d cards saved that end in %s, of which the provider keeps %d", k.customer, n, k.last4, there[k])
		}
	}
	for k, n := range there {
		if here[k] < n {
			a.find("the provider keeps %d cards of customer %s that end in %s, of which %d are saved here", n, k.customer, k.last4, here[k])
		}
	}
	for _, id := range a.ours.borrowed {
		a.find("payment %s was made with a card that is not its customer's", ids.From[ids.PaymentEntity](id))
	}
}
