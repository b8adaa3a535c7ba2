package orders

import (
	"fmt"
	"net/url"
	"strings"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/money"
)

// Limits of API.md §1, in characters unless said otherwise.
const (
	maxReference      = 255
	maxItems          = 500
	maxItemQuantity   = 1_000_000
	maxText           = 1024
	maxReturnURLBytes = 2048
)

// validate checks what can be wrong with a charge before the order is looked at.
func (r PayRequest) validate(c Config) error {
	if err := checkReturnURL(r.ReturnURL, c); err != nil {
		return err
	}
	if err := details.CheckText("description", r.Description, details.MaxDescription); err != nil {
		return err
	}
	if err := r.checkCharge(); err != nil {
		return err
	}
	if err := r.checkMethod(); err != nil {
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
	return r.Metadata.Check()
}

// checkMethod checks what the order is to be paid with. On the provider's page it is the provider who asks for the card, and
// decides on its authentication.
func (r PayRequest) checkMethod() error {
	switch {
	case r.initiator() == InitiatorMerchant:
		return nil
	case !r.Saved.IsZero():
		return r.checkSaved()
	case r.Method == MethodLocal:
		return r.checkLocal()
	case r.Local != (Local{}):
		return fault.InvalidParam("payment_method.local", "payment_method.local goes with payment_method.type local.")
	case r.Method == MethodCard, r.Method == "":
		return r.Card.Check("payment_method.card")
	case r.Method != MethodHosted:
		return fault.InvalidParam("payment_method.type", "payment_method.type must be card, hosted or local.")
	case r.Card != (cards.Card{}):
		return fault.InvalidParam("payment_method.card", "A hosted payment takes no card: the shopper types it on the provider's page.")
	case r.ThreeDS.MPI != nil || (r.ThreeDS.Strategy != "" && r.ThreeDS.Strategy != ThreeDSAuto):
		return fault.InvalidParam("three_ds", "The provider decides on the authentication of a hosted payment; leave three_ds out.")
	}
	return nil
}

// payable checks what the provider needs to know of the payer (API.md §2): it is asked for when paying, not when ordering.
func payable(b *details.Contact) error {
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
		"A payment needs %s, on the order or its customer.", param).WithParam(param)
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
		if err := details.CheckText(param+"."+field.name, field.value, maxText); err != nil {
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
	return details.RefuseCard("return_url", text)
}
