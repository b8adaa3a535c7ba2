package onerway

import (
	"fmt"
	"io"
	"log/slog"
)

const redactedText = "[redacted]"

// Sensitive is text that must never be seen: a card number, a CVV, a token, a key. Redaction sits on this leaf type
// rather than on the structs around it, so that every struct holding one is safe to print, log or marshal, also the
// ones written later. The one way to its content is Reveal. The zero value is empty.
//
// The content hangs on a pointer because methods do not suffice: fmt calls none on unexported fields, nor below a
// pointer that is printed with %s, but it never follows a pointer to a string.
type Sensitive struct{ text *string }

// Conceal makes text sensitive.
func Conceal(text string) Sensitive {
	if text == "" {
		return Sensitive{}
	}
	return Sensitive{text: &text}
}

// Reveal returns the content, for the wire and for nothing else.
func (s Sensitive) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty tells whether there is no content.
func (s Sensitive) Empty() bool { return s.text == nil }

// String returns a placeholder.
func (s Sensitive) String() string {
	if s.Empty() {
		return ""
	}
	return redactedText
}

// GoString returns a placeholder.
func (s Sensitive) GoString() string { return s.String() }

// Format writes a placeholder for every verb.
func (s Sensitive) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue logs a placeholder.
func (s Sensitive) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText writes a placeholder; it also serves JSON and YAML.
func (s Sensitive) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
