package telemetry

import (
	"strings"

	"tillway/internal/redact"
)

const redacted = redact.Redacted

// Scrub hides card numbers and verification codes in a text that is to be logged; see redact.Scrub.
func Scrub(text string) string { return redact.Scrub(text) }

// isLongID is true of nineteen digits and nothing else, the form of the provider's ids.
func isLongID(text string) bool {
	const digits = 19
	return len(text) == digits && strings.Trim(text, "0123456789") == ""
}
