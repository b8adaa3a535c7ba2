package details

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tillway/internal/fault"
	"tillway/internal/redact"
)

// MaxDescription bounds a description, in characters (API.md §1).
const MaxDescription = 350

// CheckText refuses text that is too long (in characters), that PostgreSQL cannot hold, or that seems to hold a card number.
// It returns a fault Invalid.
func CheckText(param, value string, most int) error {
	if utf8.RuneCountInString(value) > most {
		return fault.InvalidParam(param, "%s has at most %d characters.", param, most)
	}
	if !isStorable(value) {
		return fault.InvalidParam(param, "%s contains characters that are not text.", param)
	}
	return RefuseCard(param, value)
}

// RefuseCard keeps card numbers out of what is stored, wherever a caller puts them. It returns a fault Invalid.
func RefuseCard(param string, values ...string) error {
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
