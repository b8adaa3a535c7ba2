package api

import (
	"log/slog"
	"strings"
	"unicode/utf8"

	"tillway/internal/api/strictjson"
	"tillway/internal/cards"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// createPaymentBody asks to pay an order. It carries card data: it lives as long as the request and is never written.
type createPaymentBody struct {
	PaymentMethod     *paymentMethodBody `json:"payment_method" strict:"required"`
	CaptureMethod     string             `json:"capture_method"`
	SavePaymentMethod bool               `json:"save_payment_method"`
	ThreeDS           *threeDSBody       `json:"three_ds"`
	ReturnURL         string             `json:"return_url"`
	Browser           *browserBody       `json:"browser"`
	Metadata          map[string]string  `json:"metadata"`
	Description       string             `json:"description"`
}

type paymentMethodBody struct {
	Type          string     `json:"type" strict:"required"`
	Card          *cardBody  `json:"card"`
	PaymentMethod string     `json:"payment_method"`
	Local         *localBody `json:"local"`

	saved ids.PaymentMethod // what PaymentMethod names, once it was checked
}

type cardBody struct {
	Number     string            `json:"number" strict:"required"`
	ExpMonth   strictjson.Digits `json:"exp_month" strict:"required"`
	ExpYear    strictjson.Digits `json:"exp_year" strict:"required"`
	CVC        string            `json:"cvc" strict:"required"`
	HolderName string            `json:"holder_name" strict:"required"`
}

// LogValue keeps card data out of logs.
func (cardBody) LogValue() slog.Value { return slog.StringValue("[card]") }

// String keeps card data out of formatted text.
func (cardBody) String() string { return "[card]" }

// GoString keeps card data out of %#v.
func (cardBody) GoString() string { return "[card]" }

// MarshalJSON keeps card data out of any JSON.
func (cardBody) MarshalJSON() ([]byte, error) { return []byte(`"[card]"`), nil }

// Limits of the provider (Onerway contract §7).
const (
	minCardDigits, maxCardDigits = 12, 19
	maxHolderName                = 48
)

// checkShape refuses what cannot be a payment. Whether the card is good (its check digit, its expiry) is the issuer's and
// the provider's to say: that is a decline with a payment to show for it, not a malformed request.
func (b *createPaymentBody) checkShape() error {
	if err := b.PaymentMethod.checkShape(); err != nil {
		return err
	}
	switch orders.CaptureMethod(b.CaptureMethod) {
	case "", orders.CaptureAutomatic, orders.CaptureManual:
	default:
		return fault.InvalidParam("capture_method", "capture_method must be automatic or manual.")
	}
	if err := b.checkThreeDS(); err != nil {
		return err
	}
	if b.SavePaymentMethod && b.PaymentMethod.Type != string(orders.MethodCard) {
		return fault.InvalidParam("save_payment_method", "Only a card can be saved.")
	}
	return b.Browser.checkShape()
}

// cardParam names where the body brings a card.
func (b *createPaymentBody) cardParam() string {
	if m := b.PaymentMethod; m != nil && (m.Card != nil || m.Type == string(orders.MethodCard)) {
		return "payment_method.card"
	}
	return ""
}

func (b *createPaymentBody) withoutCards() string { return hostedInstead }

// typeSaved is a payment with a saved card.
const typeSaved = "saved"

func (b *paymentMethodBody) checkShape() error {
	if b.Local != nil && b.Type != string(orders.MethodLocal) {
		return fault.InvalidParam("payment_method.local", "payment_method.local goes with payment_method.type local.")
	}
	switch b.Type {
	case string(orders.MethodCard):
	case string(orders.MethodHosted):
		return b.checkHosted()
	case string(orders.MethodLocal):
		return b.checkLocal()
	case typeSaved:
		return b.checkSaved()
	default:
		return fault.InvalidParam("payment_method.type", "payment_method.type must be card, saved, hosted or local.")
	}
	if b.PaymentMethod != "" {
		return fault.InvalidParam("payment_method.payment_method", "A card is given as payment_method.card.")
	}
	if b.Card == nil {
		return fault.MissingParam("payment_method.card")
	}
	return b.Card.checkShape("payment_method.card")
}

// checkHosted refuses what goes with another type: on the provider's page the shopper chooses.
func (b *paymentMethodBody) checkHosted() error {
	switch {
	case b.Card != nil:
		return fault.InvalidParam("payment_method.card", "A hosted payment takes no card: the shopper types it on the provider's page.")
	case b.PaymentMethod != "":
		return fault.InvalidParam("payment_method.payment_method", "A hosted payment takes no saved payment method.")
	}
	return nil
}

// checkSaved refuses what does not name a saved method and nothing else.
func (b *paymentMethodBody) checkSaved() error {
	if b.Card != nil {
		return fault.InvalidParam("payment_method.card", "A saved card is named by payment_method.payment_method alone.")
	}
	if b.PaymentMethod == "" {
		return fault.MissingParam("payment_method.payment_method")
	}
	id, err := ids.Parse[ids.PaymentMethodEntity](b.PaymentMethod)
	if err != nil || id.IsZero() {
		return fault.InvalidParam("payment_method.payment_method", "payment_method.payment_method is not the id of a payment method.")
	}
	b.saved = id
	return nil
}

// checkShape checks a card without ever repeating a value of it, and brings it to the form that goes out: digits without
// separators, a year with its century.
func (b *cardBody) checkShape(at string) error {
	param := at + "."
	b.Number = strings.ReplaceAll(strings.ReplaceAll(b.Number, " ", ""), "-", "")
	if b.ExpYear >= 0 && b.ExpYear < 100 {
		b.ExpYear += 2000
	}
	b.HolderName = strings.TrimSpace(b.HolderName)
	switch {
	case !isDigits(b.Number, minCardDigits, maxCardDigits):
		return fault.InvalidParam(param+"number", "%snumber must have %d to %d digits.", param, minCardDigits, maxCardDigits)
	case b.ExpMonth < 1 || b.ExpMonth > 12:
		return fault.InvalidParam(param+"exp_month", "%sexp_month must be between 1 and 12.", param)
	case b.ExpYear < 2000 || b.ExpYear > 2099:
		return fault.InvalidParam(param+"exp_year", "%sexp_year must be between 2000 and 2099.", param)
	case !isDigits(b.CVC, 3, 4):
		return fault.InvalidParam(param+"cvc", "%scvc must have 3 or 4 digits.", param)
	case b.HolderName == "":
		return fault.MissingParam(param + "holder_name")
	case !isLine(b.HolderName, maxHolderName):
		return fault.InvalidParam(param+"holder_name", "%sholder_name must be text of at most %d characters.", param, maxHolderName)
	}
	return nil
}

func (b *cardBody) card() cards.Card {
	return cards.Card{
		Number: b.Number, ExpMonth: int(b.ExpMonth), ExpYear: int(b.ExpYear), CVC: b.CVC, HolderName: b.HolderName,
	}
}

// request turns the body into what the domain is asked.
func (b *createPaymentBody) request(in *call[createPaymentBody]) orders.PayRequest {
	request := orders.PayRequest{
		Order: in.Order, Idempotency: in.Idempotency, CorrelationID: in.CorrelationID,
		CaptureMethod: orders.CaptureMethod(b.CaptureMethod), Saved: b.PaymentMethod.saved, Save: b.SavePaymentMethod,
		ThreeDS: b.ThreeDS.threeDS(), Browser: b.Browser.browser(), ReturnURL: b.ReturnURL, Metadata: b.Metadata, Description: b.Description,
	}
	if b.PaymentMethod.Type != typeSaved { // a saved card is a card to everybody else
		request.Method = orders.MethodType(b.PaymentMethod.Type)
	}
	if card := b.PaymentMethod.Card; card != nil {
		request.Card = card.card()
	}
	if local := b.PaymentMethod.Local; local != nil {
		request.Local = local.local()
	}
	return request
}

func isDigits(text string, fewest, most int) bool {
	return len(text) >= fewest && len(text) <= most && strings.Trim(text, "0123456789") == ""
}

// isLine reports whether text is one line of at most so many characters.
func isLine(text string, most int) bool {
	return utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}
