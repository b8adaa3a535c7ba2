package customers

import (
	"time"

	"tillway/internal/details"
	"tillway/internal/ids"
)

// Limits in characters.
const (
	maxName  = 256
	maxPhone = 64
)

// Customer is somebody who buys from the merchant.
type Customer struct {
	ID            ids.Customer
	Livemode      bool
	Email         string
	Name          string
	Phone         string
	Description   string
	Billing       *details.Contact
	Metadata      details.Metadata
	CorrelationID string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// DeletedAt is when the customer was deleted; zero for one that is there.
	DeletedAt time.Time
}

// Deleted reports whether nothing is left of the customer but the id.
func (c Customer) Deleted() bool { return !c.DeletedAt.IsZero() }

// check holds what a caller gave to its limits, and brings it to its normal form. It returns a fault Invalid.
func (c *Customer) check() error {
	if err := details.CheckEmail("email", c.Email); err != nil {
		return err
	}
	if err := details.CheckText("name", c.Name, maxName); err != nil {
		return err
	}
	if err := details.CheckText("phone", c.Phone, maxPhone); err != nil {
		return err
	}
	if err := details.CheckText("description", c.Description, details.MaxDescription); err != nil {
		return err
	}
	c.Billing = c.Billing.Clone()
	if err := c.Billing.Normalize("billing_details"); err != nil {
		return err
	}
	return c.Metadata.Check()
}

// Resource is the public form of a customer (API.md §2); internal/api adds links.
type Resource struct {
	ID             ids.Customer     `json:"id"`
	Object         string           `json:"object"`
	Created        int64            `json:"created"`
	Updated        int64            `json:"updated"`
	Livemode       bool             `json:"livemode"`
	Email          *string          `json:"email"`
	Name           *string          `json:"name"`
	Phone          *string          `json:"phone"`
	Description    *string          `json:"description"`
	BillingDetails *details.Contact `json:"billing_details"`
	Metadata       details.Metadata `json:"metadata"`
}

// Resource returns the public form of a customer that is there.
func (c Customer) Resource() Resource {
	return Resource{
		ID: c.ID, Object: "customer", Created: c.CreatedAt.Unix(), Updated: c.UpdatedAt.Unix(), Livemode: c.Livemode,
		Email: nilIfEmpty(c.Email), Name: nilIfEmpty(c.Name), Phone: nilIfEmpty(c.Phone),
		Description: nilIfEmpty(c.Description), BillingDetails: c.Billing, Metadata: c.Metadata,
	}
}

// DeletedResource is all that is shown of a deleted customer.
type DeletedResource struct {
	ID      ids.Customer `json:"id"`
	Object  string       `json:"object"`
	Deleted bool         `json:"deleted"`
}

// DeletedResource returns the public form of a deleted customer.
func (c Customer) DeletedResource() DeletedResource {
	return DeletedResource{ID: c.ID, Object: "customer", Deleted: true}
}

func nilIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
