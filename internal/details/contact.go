// Package details holds what a caller tells us to keep beside the money: who pays or receives, a description, metadata.
// It says what each may be, and refuses card numbers wherever a caller puts them: card data belongs in a card alone.
//
// It is pure and knows no resource: orders and customers use it alike.
package details

import (
	"net/mail"
	"strings"

	"tillway/internal/fault"
)

// Address is a postal address; Country is ISO 3166-1 alpha-2.
type Address struct {
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"`
}

// Contact is who pays or receives.
type Contact struct {
	FirstName string   `json:"first_name,omitempty"`
	LastName  string   `json:"last_name,omitempty"`
	Email     string   `json:"email,omitempty"`
	Phone     string   `json:"phone,omitempty"`
	Address   *Address `json:"address,omitempty"`
}

// maxContactText bounds each line of a contact, in characters.
const maxContactText = 256

// Clone returns a copy that shares nothing with the contact; nil for none.
func (c *Contact) Clone() *Contact {
	if c == nil {
		return nil
	}
	contact := *c
	if c.Address != nil {
		address := *c.Address
		contact.Address = &address
	}
	return &contact
}

// Over returns the contact with everything that the other one knows in place of its own; nil knows nothing. An address is taken
// as a whole: half of one and half of another lead nowhere.
func (c Contact) Over(other *Contact) Contact {
	if other == nil {
		return c
	}
	if other.FirstName != "" || other.LastName != "" {
		c.FirstName, c.LastName = other.FirstName, other.LastName
	}
	if other.Email != "" {
		c.Email = other.Email
	}
	if other.Phone != "" {
		c.Phone = other.Phone
	}
	if other.Address != nil {
		c.Address = other.Address
	}
	return c
}

// Normalize checks a contact and brings its country to upper case. It returns a fault Invalid whose param begins with the
// one given.
func (c *Contact) Normalize(param string) error {
	if c == nil {
		return nil
	}
	for _, field := range []struct{ name, value string }{
		{"first_name", c.FirstName}, {"last_name", c.LastName}, {"phone", c.Phone},
	} {
		if err := CheckText(param+"."+field.name, field.value, maxContactText); err != nil {
			return err
		}
	}
	if err := CheckEmail(param+".email", c.Email); err != nil {
		return err
	}
	return c.Address.normalize(param + ".address")
}

func (a *Address) normalize(param string) error {
	if a == nil {
		return nil
	}
	for _, field := range []struct{ name, value string }{
		{"line1", a.Line1}, {"line2", a.Line2}, {"city", a.City}, {"state", a.State}, {"postal_code", a.PostalCode},
	} {
		if err := CheckText(param+"."+field.name, field.value, maxContactText); err != nil {
			return err
		}
	}
	a.Country = strings.ToUpper(a.Country)
	if a.Country != "" && !isCountry(a.Country) {
		return fault.InvalidParam(param+".country", "%s.country must be an ISO 3166-1 alpha-2 code such as DE.", param)
	}
	return nil
}

// CheckEmail refuses what is no email address; an absent one passes.
func CheckEmail(param, email string) error {
	if err := CheckText(param, email, maxContactText); err != nil {
		return err
	}
	if address, err := mail.ParseAddress(email); email != "" && (err != nil || address.Address != email) {
		return fault.InvalidParam(param, "%s is not an email address.", param)
	}
	return nil
}

func isCountry(code string) bool {
	return len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z'
}
