package api

import (
	"log/slog"
	"strings"

	"tillway/internal/fault"
	"tillway/internal/orders"
)

// localBody is a local payment method and what some of them have to know of the payer. Accounts and prepaid numbers live as long
// as the request and are never written.
type localBody struct {
	Method        string `json:"method" strict:"required"`
	BankName      string `json:"bank_name"`
	IBAN          string `json:"iban"`
	PrepaidNumber string `json:"prepaid_number"`
}

// LogValue keeps accounts out of logs.
func (localBody) LogValue() slog.Value { return slog.StringValue("[local]") }

// String keeps accounts out of formatted text.
func (localBody) String() string { return "[local]" }

// GoString keeps accounts out of %#v.
func (localBody) GoString() string { return "[local]" }

// MarshalJSON keeps accounts out of any JSON.
func (localBody) MarshalJSON() ([]byte, error) { return []byte(`"[local]"`), nil }

// checkLocal refuses what goes with another type. What the method itself may be is the domain's to say.
func (b *paymentMethodBody) checkLocal() error {
	switch {
	case b.Card != nil:
		return fault.InvalidParam("payment_method.card", "A local payment method takes no card.")
	case b.PaymentMethod != "":
		return fault.InvalidParam("payment_method.payment_method", "A local payment method is not a saved one.")
	case b.Local == nil:
		return fault.MissingParam("payment_method.local")
	}
	return nil
}

// local brings an IBAN to the form that goes out: capitals without the spaces that people write it with.
func (b *localBody) local() orders.Local {
	return orders.Local{
		Method: b.Method, BankName: b.BankName, PrepaidNumber: b.PrepaidNumber,
		IBAN: strings.ToUpper(strings.ReplaceAll(b.IBAN, " ", "")),
	}
}
