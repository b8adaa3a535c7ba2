package onerway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrMalformed says that bytes are not one strict JSON object as this package reads them.
var ErrMalformed = errors.New("malformed message")

// Fields are the top-level members of one message with the text that each of them signs as (§3.1): a string's decoded
// value, a number or boolean as it was written, an object or array in compact form, and "" for null. The distinction
// between null, "" and absent does not reach the signature, while the set of names does: it is kept whole, so that
// names nobody has told us about yet are still signed.
//
// Fields may hold a card or a token, so every way of printing them shows names only; the wire form is made by encode.
type Fields map[string]string

// ParseFields reads one strict JSON object: valid UTF-8, no duplicate names, nothing behind it, bounded depth. Two
// parsers that pick different ones of two equal names could be made to sign one amount and book another.
func ParseFields(raw []byte) (Fields, error) { return parseFields(string(raw)) }

func parseFields(text string) (Fields, error) {
	members, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	for name, value := range members {
		if members[name], err = signedText(value); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// Redacted is a copy that may be stored or shown: instruments are blanked, and the codes and texts that a shopper is to pay by;
// everything else stays. Card numbers appear in it as the provider masks them.
func (f Fields) Redacted() map[string]string {
	redacted := maps.Clone(map[string]string(f))
	for _, name := range []string{
		"cardInfo", "tokenInfo", "tokenId", "contractId", "mpiInfo", "subscription", "lpmsInfo", "codeForm", "presentContext",
	} {
		if redacted[name] != "" {
			redacted[name] = redactedText
		}
	}
	return redacted
}

// Format prints the names only, whatever the verb.
func (f Fields) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, f.names()) }

// LogValue logs the names only.
func (f Fields) LogValue() slog.Value { return slog.StringValue(f.names()) }

// MarshalJSON writes the redacted form, so that a Fields inside a logged or stored struct is harmless.
func (f Fields) MarshalJSON() ([]byte, error) { return json.Marshal(f.Redacted()) }

func (f Fields) names() string {
	return "fields(" + strings.Join(slices.Sorted(maps.Keys(f)), " ") + ")"
}

// set adds a member unless it is empty: an empty value does not sign, and the provider does not ask for it.
func (f Fields) set(name, value string) {
	if value != "" {
		f[name] = value
	}
}

// encode is the wire form: every value a JSON string. Text that JSON cannot carry unchanged is refused, because what
// would arrive is not what was signed.
func (f Fields) encode() ([]byte, error) {
	for name, value := range f {
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("%s is not valid UTF-8", name)
		}
	}
	text, err := compactJSON(map[string]string(f))
	return []byte(text), err
}

// compactJSON encodes without HTML escaping, so that what we sign reads like what the provider prints in its logs.
func compactJSON(value any) (string, error) {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return strings.TrimSuffix(buf.String(), "\n"), nil
}

// signedText is the text that a member's value, as parseObject returns it, signs as.
func signedText(value string) (string, error) {
	switch {
	case isNull(value):
		return "", nil
	case value[0] == '"':
		return unquoted(value), nil
	case value[0] == '{' || value[0] == '[':
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(value)); err != nil {
			return "", fmt.Errorf("%w: bad nested value", ErrMalformed)
		}
		return compact.String(), nil
	default:
		// A number or boolean signs as written: through a float64 the last digits of an id would be lost.
		return value, nil
	}
}

func isNull(value string) bool { return value == "" || value == "null" }
