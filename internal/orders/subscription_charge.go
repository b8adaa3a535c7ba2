package orders

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"tillway/internal/cards"
	"tillway/internal/fault"
	"tillway/internal/ids"
)

// Initiator is who starts a payment.
type Initiator string

// The initiators.
const (
	// InitiatorCustomer: the cardholder is there, and can be sent to a page (CIT).
	InitiatorCustomer Initiator = "customer"
	// InitiatorMerchant: the renewal of a subscription; nobody is there to act (MIT).
	InitiatorMerchant Initiator = "merchant"
)

// SubscriptionCharge makes a payment one of a subscription: by Terms the purchase that begins a contract, or by Contract a
// renewal under one. Exactly one of them is set.
type SubscriptionCharge struct {
	// ID is the payment's, derived by the caller from what is charged and from the attempt at it: a payment that exists is answered
	// as Replayed, and nothing is sent.
	ID ids.Payment
	// Terms are agreed on by the cardholder, who pays with PayRequest.Card and is authenticated as in any payment.
	Terms *Terms
	// Contract is charged without the cardholder: no card, no authentication, no browser.
	Contract *Contract
}

// Terms are what a contract with the provider says of later charges. ProviderCustomer is the customer's name at the provider, of 1
// to 40 letters, digits, _ and -. Without a ProductName a customer can have one contract only. FrequencyDays is how many days lie
// between two renewals at least, 1 to 99, where we send them; Managed is set where the provider does.
type Terms struct {
	ProviderCustomer, ProductName string
	FrequencyDays                 int
	Managed                       *ManagedTerms
}

// ManagedTerms are the schedule by which the provider charges: every Count of Unit (day, month or year), Cycles times (1 to 100) or
// until ExpireOn (yyyy-MM-dd, "" for none), first after TrialDays.
type ManagedTerms struct {
	Unit          string
	Count, Cycles int
	ExpireOn      string
	TrialDays     int
}

// Contract is what a renewal is charged under: the contract's name at the provider, and the token of its card. Whoever has both can
// charge, so it shows itself to nobody. News of a payment may tell either alone.
type Contract struct {
	ID    string
	Token cards.Token
	// ProviderCustomer and Card are the caller's: under whose name the provider keeps the card, and what is known of it.
	ProviderCustomer string
	Card             cards.Summary
}

const hiddenContract = "[contract]"

// IsZero reports whether neither a contract nor a token is named.
func (c Contract) IsZero() bool { return c.ID == "" && c.Token.IsZero() }

// String returns a placeholder.
func (c Contract) String() string { return hiddenContract }

// GoString returns a placeholder.
func (c Contract) GoString() string { return c.String() }

// Format writes a placeholder for every verb.
func (c Contract) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, c.String()) }

// LogValue logs a placeholder.
func (c Contract) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText writes a placeholder; it also serves JSON.
func (c Contract) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// initiator is who starts the payment that is asked for.
func (r PayRequest) initiator() Initiator {
	if r.Charge != nil && r.Charge.Contract != nil {
		return InitiatorMerchant
	}
	return InitiatorCustomer
}

// checkCharge refuses what no code of ours may ask for: none of it can come from outside.
func (r PayRequest) checkCharge() error {
	c := r.Charge
	switch {
	case c == nil:
		return nil
	case c.ID.IsZero():
		return errors.New("a subscription's charge needs the id of its payment")
	case (c.Terms == nil) == (c.Contract == nil):
		return errors.New("a subscription's charge has either terms or a contract")
	case r.CaptureMethod == CaptureManual, r.Save, !r.Saved.IsZero(), r.Method != "" && r.Method != MethodCard:
		return errors.New("a subscription is charged at once, by a card that only its contract keeps")
	case c.Terms != nil && c.Terms.ProviderCustomer == "", c.Contract != nil && c.Contract.ProviderCustomer == "":
		return errors.New("a subscription's charge needs the customer's name at the provider")
	case c.Contract == nil:
		return nil
	case c.Contract.ID == "", c.Contract.Token.IsZero(), c.Contract.Card.Last4 == "":
		return errors.New("a renewal needs a contract with its token and what is known of its card")
	case r.Card != (cards.Card{}), r.ThreeDS != (ThreeDS{}), r.Browser != (Browser{}):
		return errors.New("nobody types a card or authenticates when a subscription is renewed")
	}
	return nil
}

// fits refuses a payment of the order by somebody else than what charges it: a shopper, where a subscription does, and the other
// way round.
func (r PayRequest) fits(o Order) error {
	switch {
	case o.Subscription.IsZero() == (r.Charge == nil):
		return nil
	case r.Charge == nil:
		return fault.New(fault.Conflict, "order_not_payable", "The order is charged by its subscription %s.", o.Subscription)
	default:
		return fault.New(fault.Conflict, "order_not_payable", "The order is not one that is charged by its subscription.")
	}
}

// unattended makes of news of a renewal what it means where nobody is before a page: an action that is asked for is taken by
// nobody. What becomes of the payment is asked until the provider closes it.
func (p Payment) unattended(ev Evidence) Evidence {
	if p.Initiator == InitiatorMerchant {
		ev.RedirectURL = ""
		if ev.Outcome == OutcomeActionRequired {
			ev.Outcome = OutcomeUnknown
		}
	}
	return ev
}
