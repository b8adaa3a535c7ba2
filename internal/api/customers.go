package api

import (
	"context"
	"log/slog"
	"net/http"

	"tillway/internal/api/strictjson"
	"tillway/internal/customers"
	"tillway/internal/details"
	"tillway/internal/telemetry"
)

// customerResource is a customer with what can be done with it now.
type customerResource struct {
	customers.Resource

	Links links `json:"_links"`
}

type createCustomerBody struct {
	Email          string            `json:"email"`
	Name           string            `json:"name"`
	Phone          string            `json:"phone"`
	Description    string            `json:"description"`
	BillingDetails *details.Contact  `json:"billing_details"`
	Metadata       map[string]string `json:"metadata"`
}

func (s *server) createCustomer(ctx context.Context, in *call[createCustomerBody]) (*answer, error) {
	b := &in.Body
	created, err := s.Customers.Create(ctx, customers.CreateRequest{
		Idempotency: in.Idempotency, CorrelationID: in.CorrelationID, Email: b.Email, Name: b.Name, Phone: b.Phone,
		Description: b.Description, Billing: b.BillingDetails, Metadata: b.Metadata,
	})
	if err != nil {
		return nil, err
	}
	return &answer{
		Status: http.StatusCreated, Body: s.customer(ctx, created.Customer, in.Caller), Replayed: created.Replayed,
	}, nil
}

// getCustomer shows of a deleted customer that it was deleted.
func (s *server) getCustomer(ctx context.Context, in *call[none]) (*answer, error) {
	c, err := s.Customers.Get(ctx, in.Customer)
	if err != nil {
		return nil, err
	}
	if c.Deleted() {
		return &answer{Body: c.DeletedResource()}, nil
	}
	return &answer{Body: s.customer(ctx, c, in.Caller)}, nil
}

// patchCustomerBody updates a customer. A null clears; a null in metadata removes that key.
type patchCustomerBody struct {
	Email          strictjson.Nullable[string]             `json:"email"`
	Name           strictjson.Nullable[string]             `json:"name"`
	Phone          strictjson.Nullable[string]             `json:"phone"`
	Description    strictjson.Nullable[string]             `json:"description"`
	BillingDetails strictjson.Nullable[*details.Contact]   `json:"billing_details"`
	Metadata       strictjson.Nullable[map[string]*string] `json:"metadata"`
}

func (b *patchCustomerBody) patch() customers.Patch {
	p := customers.Patch{
		Patch:   (&patchBody{Description: b.Description, Metadata: b.Metadata}).patch(),
		Billing: b.BillingDetails.Value, ClearBilling: b.BillingDetails.Null,
	}
	for _, field := range []struct {
		to   **string
		from *strictjson.Nullable[string]
	}{{&p.Email, &b.Email}, {&p.Name, &b.Name}, {&p.Phone, &b.Phone}} {
		if field.from.Set {
			*field.to = &field.from.Value
		}
	}
	return p
}

func (s *server) updateCustomer(ctx context.Context, in *call[patchCustomerBody]) (*answer, error) {
	c, err := s.Customers.Update(ctx, in.Customer, in.Body.patch())
	if err != nil {
		return nil, err
	}
	return &answer{Body: s.customer(ctx, c, in.Caller)}, nil
}

func (s *server) deleteCustomer(ctx context.Context, in *call[none]) (*answer, error) {
	c, err := s.Customers.Delete(ctx, in.Customer)
	if err != nil {
		return nil, err
	}
	return &answer{Body: c.DeletedResource()}, nil
}

func (s *server) listCustomers(ctx context.Context, in *call[none], q *query) (*answer, error) {
	page := q.page()
	filter := customers.Filter{Email: q.folded("email"), Created: q.created()}
	if err := q.finish(); err != nil {
		return nil, err
	}
	found, err := s.Customers.List(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	return listOf(in.Path, q, page, found, func(c customers.Customer) (string, any) {
		return c.ID.String(), s.customer(ctx, c, in.Caller)
	}), nil
}

func (s *server) customer(ctx context.Context, c customers.Customer, caller principal) *customerResource {
	telemetry.AddField(ctx, slog.String("customer", c.ID.String()))
	return &customerResource{Resource: c.Resource(), Links: s.customerLinks(c, caller)}
}
