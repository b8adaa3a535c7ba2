package customers

import (
	"context"
	"fmt"

	"tillway/internal/details"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
)

// CreateRequest asks for a new customer. Everything may be absent.
type CreateRequest struct {
	Idempotency                     idempotency.Claim
	CorrelationID                   string
	Email, Name, Phone, Description string
	Billing                         *details.Contact
	Metadata                        details.Metadata
}

// Created is a new customer. Replayed: the key had created this customer before.
type Created struct {
	Customer Customer
	Replayed bool
}

// Create records a new customer; two may have the same email. It returns a fault: Invalid for a bad field, or Refused
// idempotency_key_reused.
func (s *Service) Create(ctx context.Context, req CreateRequest) (Created, error) {
	now := s.now()
	c := Customer{
		ID: ids.New[ids.CustomerEntity](), Livemode: s.config.Livemode, Email: req.Email, Name: req.Name, Phone: req.Phone,
		Description: req.Description, Billing: req.Billing, Metadata: req.Metadata, CorrelationID: req.CorrelationID,
		CreatedAt: now, UpdatedAt: now,
	}
	if c.Metadata == nil {
		c.Metadata = details.Metadata{}
	}
	if err := c.check(); err != nil {
		return Created{}, err
	}
	principal, key, fingerprint := req.Idempotency.Columns()
	args, err := insertParams(c, principal, key, fingerprint, now)
	if err != nil {
		return Created{}, err
	}
	err = s.queries.CustomerInsert(ctx, args)
	if postgres.IsUnique(err, "customers_idempotency_key") {
		return s.replay(ctx, req.Idempotency)
	}
	if err != nil {
		return Created{}, fmt.Errorf("create a customer: %w", postgres.Translate(err))
	}
	return Created{Customer: c}, nil
}

// replay answers a repeated request from the row that its key created.
func (s *Service) replay(ctx context.Context, claim idempotency.Claim) (Created, error) {
	row, err := s.queries.CustomerByIdempotencyKey(ctx, dbsqlc.CustomerByIdempotencyKeyParams{
		Principal: claim.Principal, Key: claim.Key,
	})
	if err != nil {
		return Created{}, fmt.Errorf("read the customer of a repeated key: %w", postgres.Translate(err))
	}
	if err := claim.Matches(row.IdempotencyFingerprint); err != nil {
		return Created{}, err
	}
	c, err := fromRow(row)
	return Created{Customer: c, Replayed: true}, err
}
