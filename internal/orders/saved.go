package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// savePatience bounds how long a card may take to be saved once it has paid.
const savePatience = 10 * time.Second

// Wallet is what orders need to know of their customers: who they are, and the cards that are kept for them.
type Wallet interface {
	// Contact returns what is known of a customer as a payer; nil of one who is not there.
	Contact(ctx context.Context, customer ids.Customer) (*details.Contact, error)
	// Open returns what is needed to charge a customer's saved card. It returns a fault Refused payment_method_not_allowed for
	// any other method.
	Open(ctx context.Context, customer ids.Customer, method ids.PaymentMethod) (cards.Saved, error)
	// Save has a card kept for a customer.
	Save(ctx context.Context, keeping cards.Keeping) (ids.PaymentMethod, error)
}

// noWallet knows nobody.
type noWallet struct{}

// Contact knows nobody.
func (noWallet) Contact(context.Context, ids.Customer) (*details.Contact, error) {
	return nil, nil //nolint:nilnil // nobody is known
}

// Open has no card.
func (noWallet) Open(context.Context, ids.Customer, ids.PaymentMethod) (cards.Saved, error) {
	return cards.Saved{}, fault.New(fault.Refused, "payment_method_not_allowed", "No cards are saved here.").
		WithParam("payment_method.payment_method")
}

// Save keeps nothing.
func (noWallet) Save(context.Context, cards.Keeping) (ids.PaymentMethod, error) {
	return ids.PaymentMethod{}, errors.New("no cards are saved here")
}

// checkSaved checks a payment with a saved card, of which the provider documents sales only.
func (r PayRequest) checkSaved() error {
	if r.CaptureMethod == CaptureManual {
		return fault.New(fault.Refused, "payment_method_not_allowed",
			"A saved card can be charged, not held. Leave capture_method out, or send the card.").WithParam("capture_method")
	}
	return nil
}

// equip adds to a request what the order's customer brings: who pays, where the order does not say it all, and the saved card.
func (s *Service) equip(ctx context.Context, o Order, req *PayRequest) error {
	if err := s.config.admitLocal(*req); err != nil {
		return err
	}
	if req.Save && o.Customer.IsZero() {
		return fault.InvalidParam("save_payment_method", "A card is saved for a customer. Create the order with one.")
	}
	contact := o.Billing
	if payable(contact) != nil && !o.Customer.IsZero() {
		known, err := s.wallet.Contact(ctx, o.Customer)
		if err != nil {
			return fmt.Errorf("read the customer of %s: %w", o.ID, err)
		}
		if known != nil {
			whole := known.Over(o.Billing)
			contact = &whole
		}
	}
	switch err := payable(contact); {
	case err == nil:
		req.contact = *contact
	case req.initiator() == InitiatorCustomer:
		return err
	}
	if req.Saved.IsZero() {
		return nil
	}
	var err error
	req.saved, err = s.wallet.Open(ctx, o.Customer, req.Saved)
	return err
}

// save keeps the card of a payment that was not turned down, where the shopper asked for it. What comes of it says nothing
// about the payment: the money has moved, or not, and a card that could not be kept is only a card that is not kept.
func (s *Service) save(ctx context.Context, o Order, p Payment, req PayRequest) Payment {
	if !req.Save || !p.Status.Live() {
		return p
	}
	ctx, cancel := context.WithTimeoutCause(ctx, savePatience, errors.New("the card could not be saved in time"))
	defer cancel()
	method, err := s.wallet.Save(ctx, cards.Keeping{
		Customer: o.Customer, Card: req.Card, Contact: req.contact, IP: req.Browser.IP, CorrelationID: p.CorrelationID,
	})
	if err == nil {
		err = s.queries.PaymentSaved(ctx, dbsqlc.PaymentSavedParams{ID: p.ID.UUID(), PaymentMethodID: method.Nullable()})
	}
	if err != nil {
		s.log.WarnContext(ctx, "card not saved", slog.String("payment", p.ID.String()), slog.Any("error", postgres.Translate(err)))
		return p
	}
	p.PaymentMethod = method
	return p
}
