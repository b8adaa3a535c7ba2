package customers

import (
	"context"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
)

// Contact returns what is known of a customer as a payer; nil of one who is not there.
func (s *Service) Contact(ctx context.Context, customer ids.Customer) (*details.Contact, error) {
	c, err := s.there(ctx, customer)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil //nolint:nilnil // nobody is known
	}
	if err != nil {
		return nil, err
	}
	contact := c.contact()
	return &contact, nil
}

// Open returns what is needed to charge a customer's card. It returns a fault Refused payment_method_not_allowed for a method
// that does not exist, belongs to somebody else, or is detached: who asks learns no more than that.
func (s *Service) Open(ctx context.Context, customer ids.Customer, method ids.PaymentMethod) (cards.Saved, error) {
	m, err := s.Method(ctx, method)
	if fault.KindOf(err) == fault.NotFound || (err == nil && (m.Status != StatusActive || m.Customer != customer || customer.IsZero())) {
		return cards.Saved{}, fault.New(fault.Refused, "payment_method_not_allowed",
			"This order cannot be paid with that payment method. It must be one of the order's customer, and not detached.").
			WithParam("payment_method.payment_method")
	}
	if err != nil {
		return cards.Saved{}, err
	}
	token, err := s.sealer.Open(m.ID.UUID(), m.sealed)
	if err != nil {
		return cards.Saved{}, err
	}
	return cards.Saved{Method: m.ID, Card: m.Card, Token: token, ProviderCustomer: m.ProviderCustomer}, nil
}

// Save has a card kept for a customer who has just paid with it. What it returns is no answer to the payment: the money has
// moved, or not, whatever becomes of this.
func (s *Service) Save(ctx context.Context, k cards.Keeping) (ids.PaymentMethod, error) {
	kept, err := s.Keep(ctx, KeepRequest{
		CorrelationID: k.CorrelationID, Customer: k.Customer, Card: k.Card, Billing: &k.Contact, IP: k.IP,
	})
	return kept.Method.ID, err
}
