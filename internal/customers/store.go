package customers

import (
	"encoding/json"
	"fmt"
	"time"

	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/postgres/dbsqlc"
)

func fromRow(r dbsqlc.Customer) (Customer, error) {
	c := Customer{
		ID: ids.From[ids.CustomerEntity](r.ID), Livemode: r.Livemode, Email: r.Email, Name: r.Name, Phone: r.Phone,
		Description: r.Description, CorrelationID: r.CorrelationID, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.DeletedAt != nil {
		c.DeletedAt = r.DeletedAt.UTC()
	}
	var err error
	if c.Billing, c.Metadata, err = readDetails(r.Billing, r.Metadata); err != nil {
		return Customer{}, fmt.Errorf("read customer %s: %w", r.ID, err)
	}
	return c, nil
}

// readDetails decodes what a caller gave to be kept.
func readDetails(billing, metadata json.RawMessage) (*details.Contact, details.Metadata, error) {
	var contact *details.Contact
	if len(billing) > 0 {
		if err := json.Unmarshal(billing, &contact); err != nil {
			return nil, nil, fmt.Errorf("billing details: %w", err)
		}
	}
	kept := details.Metadata{}
	if err := json.Unmarshal(metadata, &kept); err != nil {
		return nil, nil, fmt.Errorf("metadata: %w", err)
	}
	return contact, kept, nil
}

// writeDetails encodes the same, for columns of which the first may be NULL.
func writeDetails(contact *details.Contact, kept details.Metadata) (billing, metadata json.RawMessage, err error) {
	if contact != nil {
		if billing, err = json.Marshal(contact); err != nil {
			return nil, nil, fmt.Errorf("encode billing details: %w", err)
		}
	}
	if kept == nil {
		kept = details.Metadata{}
	}
	if metadata, err = json.Marshal(kept); err != nil {
		return nil, nil, fmt.Errorf("encode metadata: %w", err)
	}
	return billing, metadata, nil
}

func insertParams(c Customer, principal, key *string, fingerprint []byte, now time.Time) (dbsqlc.CustomerInsertParams, error) {
	billing, metadata, err := writeDetails(c.Billing, c.Metadata)
	return dbsqlc.CustomerInsertParams{
		ID: c.ID.UUID(), Livemode: c.Livemode, Email: c.Email, Name: c.Name, Phone: c.Phone, Description: c.Description,
		Billing: billing, Metadata: metadata, IdempotencyPrincipal: principal, IdempotencyKey: key,
		IdempotencyFingerprint: fingerprint, CorrelationID: c.CorrelationID, Now: now,
	}, err
}
