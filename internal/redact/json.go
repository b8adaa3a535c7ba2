package redact

import (
	"encoding/json"
	"errors"
	"slices"
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
	if !json.Valid(raw) {
		return nil, errors.New("redact: not a JSON value")
	}
	text := trimSpace(validUTF8(string(raw)))
	return appendValue(make([]byte, 0, len(text)), "", text, 0), nil
}

// Texts is JSON for an object whose members are all texts, without its being written down first.
func Texts(texts map[string]string) []byte {
	list := make([]member, 0, usualMembers)
	length := 0
	for name, text := range texts {
		list = append(list, member{name: withoutNUL(validUTF8(name)), value: withoutNUL(validUTF8(text))})
		length += len(name) + len(text) + len(`"":"",`)
	}
	length += length / 8 // for escapes
	return appendMembers(make([]byte, 0, length), list, 1, appendText)
}

// usualMembers is how many members of one object find room on the stack.
const usualMembers = 40

// member is one of an object, and how its name is written.
type member struct{ name, shown, value string }

// appendMembers writes an object, the last of several members that come to have one name.
func appendMembers(
	out []byte, list []member, depth int, write func(out []byte, name, value string, depth int) []byte,
) []byte {
	list = slices.DeleteFunc(list, func(m member) bool { return kindOf(m.name) == secretMember })
	for i := range list {
		list[i].shown = Member("", list[i].name)
	}
	slices.SortStableFunc(list, func(a, b member) int { return strings.Compare(a.shown, b.shown) })
	out = append(out, '{')
	for i, m := range list {
		if i+1 < len(list) && list[i+1].shown == m.shown {
			continue
		}
		out = append(appendQuoted(separated(out), m.shown), ':')
		out = write(out, m.name, m.value, depth)
	}
	return append(out, '}')
}

// separated has a comma behind a list's earlier values.
func separated(out []byte) []byte {
	if last := out[len(out)-1]; last == '{' || last == '[' {
		return out
	}
	return append(out, ',')
}

// appendValue writes what may be shown of a valid value under this name.
func appendValue(out []byte, name, value string, depth int) []byte {
	if value[0] == '"' {
		return appendText(out, name, unquoted(value), depth)
	}
	if hidden(name, value == "null", depth) {
		return appendQuoted(out, Redacted)
	}
	switch value[0] {
	case '{':
		list := make([]member, 0, usualMembers)
		for inner, its := range members(value) {
			list = append(list, member{name: inner, value: its})
		}
		return appendMembers(out, list, depth+1, appendValue)
	case '[':
		out = append(out, '[')
		for inner := range elements(value) {
			out = appendValue(separated(out), name, inner, depth+1)
		}
		return append(out, ']')
	case 't', 'f', 'n':
		return append(out, value...)
	}
	if redacted := Member(name, value); redacted != value || len(value) > maxNumber || strings.ContainsAny(value, "eE") {
		return appendQuoted(out, redacted)
	}
	return append(out, value...)
}

// appendText writes what may be shown of a text. Many of the provider's texts hold an object or array in their turn.
func appendText(out []byte, name, text string, depth int) []byte {
	if text == Redacted || hidden(name, text == "", depth) { // the former looks like an array
		return appendQuoted(out, Redacted)
	}
	if nested := strings.TrimSpace(text); nested != "" && (nested[0] == '{' || nested[0] == '[') && json.Valid([]byte(nested)) {
		return appendQuoted(out, string(appendValue(make([]byte, 0, len(nested)), name, nested, depth+1)))
	}
	return appendQuoted(out, Member(name, text))
}

// hidden reports whether nothing may be shown of a value.
func hidden(name string, empty bool, depth int) bool {
	return depth > maxDepth || (kindOf(name) == tokenMember && !empty)
}

// Member redacts the text of one member by itself, as JSON does it. Secret members and tokens, which JSON hides whole, must
// not be asked for.
func Member(name, text string) string {
	text = withoutNUL(text)
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
	case "tokenid", "contractid", "tokeninfo", "token", "networktoken", "dpan":
		return tokenMember
	case "cardnumber", "cardno", "pan", "accountnumber", "primaryaccountnumber":
		return cardMember
	case "transactionid", "origintransactionid", "lasttransactionid", "paymentid", "channelrequestid",
		"merchantno", "appid":
		return idMember
	default:
		return plainMember
	}
}
