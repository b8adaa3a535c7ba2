package api

import (
	"context"
	"log/slog"
	"net/http"

	"tillway/internal/api/strictjson"
	"tillway/internal/customers"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/telemetry"
)

// methodResource is a payment method with what can be done with it now.
type methodResource struct {
	customers.MethodResource

	Links links `json:"_links"`
}

// createMethodBody asks for a card to be kept. It carries card data: it lives as long as the request and is never written.
type createMethodBody struct {
	Type           string            `json:"type" strict:"required"`
	Card           *cardBody         `json:"card" strict:"required"`
	Customer       ids.Customer      `json:"customer"`
	BillingDetails *details.Contact  `json:"billing_details"`
	Metadata       map[string]string `json:"metadata"`
}

// cardParam names where the body brings a card, which it is there for.
func (b *createMethodBody) cardParam() string { return "card" }

func (b *createMethodBody) withoutCards() string { return hostedInstead }

func (b *createMethodBody) checkShape() error {
	if b.Type != "card" {
		return fault.InvalidParam("type", "type must be card.")
	}
	return b.Card.checkShape("card")
}

func (s *server) createMethod(ctx context.Context, in *call[createMethodBody]) (*answer, error) {
	b := &in.Body
	kept, err := s.Customers.Keep(ctx, customers.KeepRequest{
		Idempotency: in.Idempotency, CorrelationID: in.CorrelationID, Customer: b.Customer, Card: b.Card.card(),
		Billing: b.BillingDetails, Metadata: b.Metadata, IP: in.RemoteIP,
	})
	if err != nil {
		return &answer{Replayed: kept.Replayed}, err
	}
	return &answer{Status: http.StatusCreated, Body: s.method(ctx, kept.Method, in.Caller), Replayed: kept.Replayed}, nil
}

func (s *server) getMethod(ctx context.Context, in *call[none]) (*answer, error) {
	m, err := s.Customers.Method(ctx, in.Method)
	return s.methodAnswer(ctx, m, err, in.Caller)
}

// patchMethodBody updates a payment method. A null clears; a null in metadata removes that key.
type patchMethodBody struct {
	BillingDetails strictjson.Nullable[*details.Contact]   `json:"billing_details"`
	Metadata       strictjson.Nullable[map[string]*string] `json:"metadata"`
}

func (s *server) updateMethod(ctx context.Context, in *call[patchMethodBody]) (*answer, error) {
	b := &in.Body
	m, err := s.Customers.UpdateMethod(ctx, in.Method, customers.MethodPatch{
		Billing: b.BillingDetails.Value, ClearBilling: b.BillingDetails.Null,
		Metadata: b.Metadata.Value, ClearMetadata: b.Metadata.Null,
	})
	return s.methodAnswer(ctx, m, err, in.Caller)
}

type attachBody struct {
	Customer ids.Customer `json:"customer" strict:"required"`
}

func (s *server) attachMethod(ctx context.Context, in *call[attachBody]) (*answer, error) {
	m, err := s.Customers.Attach(ctx, in.Method, in.Body.Customer)
	return s.methodAnswer(ctx, m, err, in.Caller)
}

func (s *server) detachMethod(ctx context.Context, in *call[none]) (*answer, error) {
	m, err := s.Customers.Detach(ctx, in.Method)
	return s.methodAnswer(ctx, m, err, in.Caller)
}

func (s *server) listCustomerMethods(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Customers.Methods(ctx, in.Customer, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(m customers.PaymentMethod) (string, any) {
		return m.ID.String(), s.method(ctx, m, in.Caller)
	}), nil
}

func (s *server) methodAnswer(ctx context.Context, m customers.PaymentMethod, err error, caller principal) (*answer, error) {
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.method(ctx, m, caller)}, nil
}

func (s *server) method(ctx context.Context, m customers.PaymentMethod, caller principal) *methodResource {
	telemetry.AddField(ctx, slog.String("payment_method", m.ID.String()))
	return &methodResource{MethodResource: m.Resource(), Links: s.methodLinks(m, caller)}
}
