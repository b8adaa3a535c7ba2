package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// maxDepth bounds nesting, JSON in strings included; what lies deeper is hidden whole.
const maxDepth = 16

// maxNumber is how many characters a number may have and still be stored as one: PostgreSQL refuses what its numeric
// cannot hold.
const maxNumber = 40

// What a card number shows when it is masked: at most the first six and the last four digits (PCI DSS 3.4), as the
// provider does it; of a short number the last four alone.
const (
	shownFirst = 6
	shownLast  = 4
	shortPAN   = 15
)

// JSON returns a JSON value in a form that may be stored: card numbers masked, verification codes and card details left
// out, tokens hidden; in nested values, in strings that hold JSON, and in names. Members named like the provider's ids keep
// their nineteen digits. The result is compact, its members sorted, and acceptable to PostgreSQL's jsonb; redacting it again
// changes nothing.
func JSON(raw []byte) ([]byte, error) {
	value, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	return encode(redactValue("", value, 0))
}

func decode(raw []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // a float would lose the last digits of an id
	var value any
	err := decoder.Decode(&value)
	return value, err
}

func encode(value any) ([]byte, error) {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

func redactValue(name string, value any, depth int) any {
	if depth > maxDepth || (kindOf(name) == tokenMember && value != nil && value != "") {
		return Redacted
	}
	switch v := value.(type) {
	case map[string]any:
		members := make(map[string]any, len(v))
		for member, inner := range v {
			if kindOf(member) != secretMember {
				members[Member("", member)] = redactValue(member, inner, depth+1)
			}
		}
		return members
	case []any:
		for i, inner := range v {
			v[i] = redactValue(name, inner, depth+1)
		}
		return v
	case string:
		if nested, ok := nestedJSON(v); ok {
			if text, err := encode(redactValue(name, nested, depth+1)); err == nil {
				return string(text)
			}
			return Redacted
		}
		return Member(name, v)
	case json.Number:
		text := v.String()
		if redacted := Member(name, text); redacted != text || len(text) > maxNumber || strings.ContainsAny(text, "eE") {
			return redacted
		}
		return v
	default:
		return value
	}
}

// nestedJSON reads a string that holds an object or array, as many of the provider's members do.
func nestedJSON(text string) (any, bool) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || (trimmed[0] != '{' && trimmed[0] != '[') || !json.Valid([]byte(trimmed)) {
		return nil, false
	}
	value, err := decode([]byte(trimmed))
	return value, err == nil
}

// Member redacts the text of one member by itself, as JSON does it. Secret members and tokens, which JSON hides whole, must
// not be asked for.
func Member(name, text string) string {
	text = strings.ReplaceAll(text, "\x00", "\uFFFD") // PostgreSQL's text has no place for it
	switch kindOf(name) {
	case idMember:
		if len(text) == maxPAN && groupEnd(text, 0) == maxPAN {
			return text
		}
	case cardMember:
		return replace(text, anyDigits, mask)
	case plainMember, secretMember, tokenMember:
	}
	return replace(text, checked, mask)
}

// checked takes any digits with a right check digit. In several groups, where dates and telephone numbers look alike, they
// must be a scheme's too.
func checked(digits []byte, groups int) bool {
	if groups > 1 {
		return isPAN(digits)
	}
	return luhn(digits)
}

// anyDigits takes all digits of a fitting length: under a name that says so even a mistyped number is one.
func anyDigits([]byte, int) bool { return true }

func mask(out []byte, number string) []byte {
	digits := make([]byte, 0, maxPAN)
	for i := range len(number) {
		if isDigit(number[i]) {
			digits = append(digits, number[i])
		}
	}
	first := shownFirst
	if len(digits) < shortPAN {
		first = 0
	}
	out = append(out, digits[:first]...)
	out = append(out, strings.Repeat("*", len(digits)-first-shownLast)...)
	return append(out, digits[len(digits)-shownLast:]...)
}

// memberKind is what a member's name says of its value.
type memberKind int

const (
	plainMember  memberKind = iota
	secretMember            // never stored, in any form: verification codes, and card details as a whole
	tokenMember             // stands for a card
	cardMember              // a card number
	idMember                // one of the provider's ids
)

func kindOf(name string) memberKind {
	const longest = 24
	if len(name) > longest {
		return plainMember
	}
	var plain [longest]byte
	n := 0
	for i := range len(name) {
		if c := name[i]; isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' {
			plain[n] = c
			if !isDigit(c) {
				plain[n] |= 0x20
			}
			n++
		}
	}
	switch string(plain[:n]) {
	case "cvv", "cvv2", "cvc", "cvc2", "cvn", "cvn2", "csc", "securitycode", "cardsecuritycode", "verificationcode",
		"cavv", "mpiinfo", "cardinfo", "track1", "track2", "trackdata", "pin", "pinblock":
		return secretMember
	case "tokenid", "tokeninfo", "token", "networktoken", "dpan":
		return tokenMember
	case "cardnumber", "cardno", "pan", "accountnumber", "primaryaccountnumber":
		return cardMember
	case "transactionid", "origintransactionid", "lasttransactionid", "paymentid", "contractid", "channelrequestid",
		"merchantno", "appid":
		return idMember
	default:
		return plainMember
	}
}
