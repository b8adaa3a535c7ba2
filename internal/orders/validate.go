package orders

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/redact"
)

// Limits of API.md §1, in characters unless said otherwise.
const (
	maxMetadataPairs  = 50
	maxMetadataKey    = 40
	maxMetadataValue  = 500
	maxDescription    = 350
	maxReference      = 255
	maxItems          = 500
	maxItemQuantity   = 1_000_000
	maxText           = 1024
	maxContactText    = 256
	maxReturnURLBytes = 2048
)

// validate checks what can be wrong with a charge before the order is looked at.
func (r PayRequest) validate(c Config) error {
	if err := checkReturnURL(r.ReturnURL, c); err != nil {
		return err
	}
	if err := checkText("description", r.Description, maxDescription); err != nil {
		return err
	}
	if err := r.Card.check(); err != nil {
		return err
	}
	switch r.CaptureMethod {
	case "", CaptureAutomatic, CaptureManual:
	default:
		return fault.InvalidParam("capture_method", "capture_method must be automatic or manual.")
	}
	switch r.ThreeDS.Strategy {
	case "", ThreeDSAuto, ThreeDSForce, ThreeDSSkip:
	default:
		return fault.InvalidParam("three_ds.strategy", "three_ds.strategy must be auto, force or skip.")
	}
	return checkMetadata(r.Metadata)
}

// payable checks what the provider needs to know of the payer (API.md §2): it is asked for when paying, not when ordering.
func payable(o Order) error {
	b := o.Billing
	switch {
	case b == nil || b.Email == "":
		return missingToPay("billing_details.email")
	case b.Address == nil || b.Address.Country == "":
		return missingToPay("billing_details.address.country")
	case (b.Address.Country == "US" || b.Address.Country == "CA") && strings.TrimSpace(b.Address.State) == "":
		return missingToPay("billing_details.address.state")
	}
	return nil
}

func missingToPay(param string) error {
	return fault.New(fault.Invalid, "parameter_missing",
		"A card payment needs %s on the order. Create the order with it.", param).WithParam(param)
}

func (c *Contact) clone() *Contact {
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

// normalize checks a contact and brings its country to upper case.
func (c *Contact) normalize(param string) error {
	if c == nil {
		return nil
	}
	for _, field := range []struct{ name, value string }{
		{"first_name", c.FirstName}, {"last_name", c.LastName}, {"email", c.Email}, {"phone", c.Phone},
	} {
		if err := checkText(param+"."+field.name, field.value, maxContactText); err != nil {
			return err
		}
	}
	if c.Email != "" && !isEmail(c.Email) {
		return fault.InvalidParam(param+".email", "%s.email is not an email address.", param)
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
		if err := checkText(param+"."+field.name, field.value, maxContactText); err != nil {
			return err
		}
	}
	a.Country = strings.ToUpper(a.Country)
	if a.Country != "" && !isCountry(a.Country) {
		return fault.InvalidParam(param+".country", "%s.country must be an ISO 3166-1 alpha-2 code such as DE.", param)
	}
	return nil
}

func isEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	return err == nil && address.Address == s
}

func isCountry(code string) bool {
	return len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z'
}

// checkItems checks each line and that the lines sum to the order's amount.
func checkItems(items []Item, amount money.Amount) error {
	if len(items) > maxItems {
		return fault.InvalidParam("items", "An order has at most %d items.", maxItems)
	}
	sum := money.New(0, amount.Currency)
	for i, item := range items {
		param := fmt.Sprintf("items[%d]", i)
		if err := item.check(param); err != nil {
			return err
		}
		line, err := money.New(item.UnitAmount, amount.Currency).Times(item.Quantity)
		if err == nil {
			sum, err = sum.Add(line)
		}
		if err != nil {
			return fault.InvalidParam(param+".unit_amount", "%s is too large.", param)
		}
	}
	if len(items) > 0 && sum != amount {
		return fault.New(fault.Refused, "items_do_not_sum",
			"The items sum to %d but amount is %d.", sum.Minor, amount.Minor).WithParam("items")
	}
	return nil
}

func (i Item) check(param string) error {
	if i.Name == "" {
		return fault.MissingParam(param + ".name")
	}
	for _, field := range []struct{ name, value string }{
		{"name", i.Name}, {"type", i.Type}, {"description", i.Description}, {"image_url", i.ImageURL},
	} {
		if err := checkText(param+"."+field.name, field.value, maxText); err != nil {
			return err
		}
	}
	if i.Quantity < 1 || i.Quantity > maxItemQuantity {
		return fault.InvalidParam(param+".quantity", "%s.quantity must be between 1 and %d.", param, maxItemQuantity)
	}
	if i.UnitAmount < 0 && i.Type != "discount" {
		return fault.InvalidParam(param+".unit_amount", "Only an item of type discount has a negative unit_amount.")
	}
	return nil
}

// checkReturnURL lets the shopper be sent only to allow-listed addresses: anything else would make us an open redirect.
func checkReturnURL(text string, c Config) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || len(text) > maxReturnURLBytes || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return fault.InvalidParam("return_url", "return_url must be an absolute https URL (http on loopback only).")
	}
	if !c.ReturnURLAllowed(text) {
		return fault.InvalidParam("return_url", "return_url is not on the allow-list. Add its origin to RETURN_URL_ALLOWLIST.")
	}
	return refuseCard("return_url", text)
}

func checkMetadata(m Metadata) error {
	if len(m) > maxMetadataPairs {
		return fault.InvalidParam("metadata", "metadata has at most %d keys.", maxMetadataPairs)
	}
	for key, value := range m {
		if key == "" || utf8.RuneCountInString(key) > maxMetadataKey || !isStorable(key) {
			return fault.InvalidParam("metadata", "A metadata key has 1 to %d characters.", maxMetadataKey)
		}
		if utf8.RuneCountInString(value) > maxMetadataValue || !isStorable(value) {
			return fault.InvalidParam("metadata."+key, "A metadata value has at most %d characters.", maxMetadataValue)
		}
		if err := refuseCard("metadata", key, value); err != nil {
			return err
		}
	}
	return nil
}

func checkText(param, value string, most int) error {
	if utf8.RuneCountInString(value) > most {
		return fault.InvalidParam(param, "%s has at most %d characters.", param, most)
	}
	if !isStorable(value) {
		return fault.InvalidParam(param, "%s contains characters that are not text.", param)
	}
	return refuseCard(param, value)
}

// refuseCard keeps card numbers out of what is stored, wherever a caller puts them.
func refuseCard(param string, values ...string) error {
	if slices.ContainsFunc(values, redact.HoldsCard) {
		return fault.InvalidParam(param, "%s seems to hold a card number. Card data belongs in payment_method.card alone.", param)
	}
	return nil
}

// isStorable refuses what PostgreSQL's text cannot hold (NUL) and other control characters but line breaks and tabs.
func isStorable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}
