package customers

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/page"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// PaymentMethod is a card that the provider keeps for later charges.
type PaymentMethod struct {
	ID       ids.PaymentMethod
	Livemode bool
	// Customer is whose it is, or was before it was detached; zero for nobody.
	Customer ids.Customer
	// ProviderCustomer is under whose name the provider keeps it.
	ProviderCustomer string
	Status           Status
	Card             cards.Summary
	Billing          *details.Contact
	Metadata         details.Metadata
	Failure          Failure
	CorrelationID    string
	CreatedAt        time.Time
	UpdatedAt        time.Time

	sealed []byte
}

// MethodResource is the public form of a payment method (API.md §2); internal/api adds links.
type MethodResource struct {
	ID             ids.PaymentMethod `json:"id"`
	Object         string            `json:"object"`
	Created        int64             `json:"created"`
	Updated        int64             `json:"updated"`
	Livemode       bool              `json:"livemode"`
	Type           string            `json:"type"`
	Status         Status            `json:"status"`
	Customer       *string           `json:"customer"`
	Card           cards.Resource    `json:"card"`
	BillingDetails *details.Contact  `json:"billing_details"`
	Metadata       details.Metadata  `json:"metadata"`
}

// Resource returns the method's public form. A detached one is nobody's.
func (m PaymentMethod) Resource() MethodResource {
	r := MethodResource{
		ID: m.ID, Object: "payment_method", Created: m.CreatedAt.Unix(), Updated: m.UpdatedAt.Unix(), Livemode: m.Livemode,
		Type: "card", Status: m.Status, Card: m.Card.Resource(), BillingDetails: m.Billing, Metadata: m.Metadata,
	}
	if m.Status == StatusActive {
		r.Customer = nilIfEmpty(m.Customer.String())
	}
	return r
}

// Attachable reports whether the method can be given to a customer, Detachable whether it can be taken back.
func (m PaymentMethod) Attachable() bool { return m.Status == StatusActive && m.Customer.IsZero() }

// Detachable reports whether the method can be taken back.
func (m PaymentMethod) Detachable() bool {
	_, ok := m.Status.On(EventDetach)
	return ok
}

// shown reports whether the row ever became a method.
func (m PaymentMethod) shown() bool { return m.Status == StatusActive || m.Status == StatusDetached }

func missingMethod(id ids.PaymentMethod) error { return fault.Missing("payment method", id.String()) }

// notAllowed refuses a method for what it was meant for.
func notAllowed(format string, args ...any) error {
	return fault.New(fault.Refused, "payment_method_not_allowed", format, args...).WithParam("payment_method")
}

// Method returns a payment method, a detached one too, or a fault NotFound.
func (s *Service) Method(ctx context.Context, id ids.PaymentMethod) (PaymentMethod, error) {
	row, err := s.queries.MethodGet(ctx, id.UUID())
	if postgres.IsNoRows(err) {
		return PaymentMethod{}, missingMethod(id)
	}
	if err != nil {
		return PaymentMethod{}, fmt.Errorf("read payment method %s: %w", id, postgres.Translate(err))
	}
	m, err := methodFromRow(row)
	if err == nil && !m.shown() {
		err = missingMethod(id)
	}
	return m, err
}

// Methods returns a page of a customer's payment methods, newest first, without the detached. It returns a fault NotFound for
// a customer who is not there.
func (s *Service) Methods(ctx context.Context, customer ids.Customer, p page.Request) (page.List[PaymentMethod], error) {
	if _, err := s.there(ctx, customer); err != nil {
		return page.List[PaymentMethod]{}, err
	}
	k, err := page.Keyset[ids.PaymentMethodEntity](p, "payment_methods")
	if err != nil {
		return page.List[PaymentMethod]{}, err
	}
	k.Where("customer_id = %s", customer.UUID())
	k.Where("status = %s", string(StatusActive))
	return page.Read(ctx, s.pool, k, methodFromRow, s.queries.MethodExists)
}

func methodFromRow(r dbsqlc.PaymentMethod) (PaymentMethod, error) {
	m := PaymentMethod{
		ID: ids.From[ids.PaymentMethodEntity](r.ID), Livemode: r.Livemode, Customer: ids.FromNullable[ids.CustomerEntity](r.CustomerID),
		ProviderCustomer: r.ProviderCustomer, Status: Status(r.Status),
		Card: cards.Summary{
			Brand: r.CardBrand, Last4: r.CardLast4, ExpMonth: int(r.CardExpMonth), ExpYear: int(r.CardExpYear),
		},
		CorrelationID: r.CorrelationID, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		sealed: r.TokenSealed,
	}
	if !m.Status.Valid() {
		return PaymentMethod{}, fmt.Errorf("read payment method %s: unknown status %q", r.ID, r.Status)
	}
	if r.FailureCode != nil && r.FailureDeclineCode != nil && r.FailureMessage != nil {
		m.Failure = Failure{
			Code: *r.FailureCode, DeclineCode: *r.FailureDeclineCode, Message: *r.FailureMessage, Refused: r.FailureRefused,
		}
	}
	var err error
	if m.Billing, m.Metadata, err = readDetails(r.Billing, r.Metadata); err != nil {
		return PaymentMethod{}, fmt.Errorf("read payment method %s: %w", r.ID, err)
	}
	return m, nil
}
