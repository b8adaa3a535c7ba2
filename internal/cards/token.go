package cards

import (
	"fmt"
	"io"
	"log/slog"

	"tillway/internal/details"
	"tillway/internal/ids"
)

// Token stands for a card that the provider keeps: whoever has it can charge the card. It shows itself to nobody; the one way
// to its content is Reveal. The zero value is none.
//
// The content hangs on a pointer because fmt calls no methods on unexported fields, but never follows a pointer to a string.
type Token struct{ text *string }

// NewToken conceals a token.
func NewToken(text string) Token { return Token{text: &text} }

// Reveal returns the content, for the provider and for sealing.
func (t Token) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// IsZero reports whether there is no token.
func (t Token) IsZero() bool { return t.text == nil }

// String returns a placeholder.
func (t Token) String() string { return "[token]" }

// GoString returns a placeholder.
func (t Token) GoString() string { return t.String() }

// Format writes a placeholder for every verb.
func (t Token) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, t.String()) }

// LogValue logs a placeholder.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText writes a placeholder; it also serves JSON.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Saved is a card that the provider keeps for a customer, as it is needed to charge it.
type Saved struct {
	Method ids.PaymentMethod
	Card   Summary
	Token  Token
	// ProviderCustomer is under whose name the provider keeps it.
	ProviderCustomer string
}

// Keeping asks for a card to be kept for a customer. IP is from where the shopper asks for it, "" where that is not known.
type Keeping struct {
	Customer          ids.Customer
	Card              Card
	Contact           details.Contact
	IP, CorrelationID string
}
