package redact

import "strings"

// Redacted stands where something was hidden.
const Redacted = "[redacted]"

const (
	minPAN = 12
	maxPAN = 19
	// maxSeparators is how many spaces, dashes or plus signs may stand between two groups of one number.
	maxSeparators = 2
)

// Scrub replaces every card number in text, and the digits after anything like cvv=, with "[redacted]". A card number
// is 12 to 19 digits, in one group or several, that an issuer could have given out: the range is a card scheme's and the
// check digit is right. A text without one is returned as it is, without allocation.
//
// Scanned by hand: it sees every string that is logged.
func Scrub(text string) string { return replace(text, issued, hide) }

// judge says whether digits, written in so many groups, are to be taken for a card number. It is no function type: then the
// digits would have to live on the heap, and there are some in almost every text.
type judge int

const (
	// issued takes what a card scheme could have given out.
	issued judge = iota
	// checked takes any digits with a right check digit. In several groups, where dates and telephone numbers look alike,
	// they must be a scheme's too.
	checked
	// anyDigits takes all digits of a fitting length: under a name that says so even a mistyped number is one.
	anyDigits
)

func (j judge) takes(digits []byte, groups int) bool {
	switch {
	case j == anyDigits:
		return true
	case j == checked && groups == 1:
		return luhn(digits)
	default:
		return isPAN(digits)
	}
}

// hide shows nothing of a number.
func hide(out []byte, _ string) []byte { return append(out, Redacted...) }

// replace puts what cover makes of it in the place of every card number, and hides verification codes.
func replace(text string, is judge, cover func(out []byte, number string) []byte) string {
	var (
		out  []byte
		done int
	)
	for i := 0; i < len(text); {
		from, to, show := 0, 0, hide
		switch c := text[i]; {
		case isDigit(c):
			from, to, show = i, panEnd(text, i, is), cover
		case c|0x20 == 'c':
			from, to = codeSpan(text, i)
		}
		switch {
		case to > 0:
			out = show(append(out, text[done:from]...), text[from:to])
			done, i = to, to
		case isDigit(text[i]):
			i = groupEnd(text, i)
		default:
			i++
		}
	}
	if out == nil {
		return text
	}
	return string(append(out, text[done:]...))
}

// panEnd returns where the card number that begins at start ends, or 0. Groups are taken whole, the longest number
// first: a longer run, such as a number followed by its expiry, is masked with what follows rather than missed.
func panEnd(text string, start int, is judge) int {
	var digits [maxPAN]byte
	count, end := 0, 0
	for i, groups := start, 1; i < len(text) && isDigit(text[i]); groups++ {
		for ; i < len(text) && isDigit(text[i]); i++ {
			if count == maxPAN {
				return end
			}
			digits[count] = text[i] - '0'
			count++
		}
		if count >= minPAN && is.takes(digits[:count], groups) {
			end = i
		}
		for gap := 0; gap < maxSeparators && i < len(text) && isSeparator(text[i]); gap++ {
			i++
		}
	}
	return end
}

// isPAN reports whether digits could be a card number: a scheme's range at a length that the scheme uses, and a right
// check digit. Nineteen-digit ids of the provider, which begin with 1 or 2, fall outside the ranges.
func isPAN(digits []byte) bool {
	n := len(digits)
	prefix := int(digits[0])*1000 + int(digits[1])*100 + int(digits[2])*10 + int(digits[3])
	var ranged bool
	switch {
	case prefix >= 4000 && prefix <= 4999: // Visa
		ranged = n >= 13
	case prefix >= 5100 && prefix <= 5599, prefix >= 2221 && prefix <= 2720: // Mastercard
		ranged = n == 16
	case prefix >= 3400 && prefix <= 3499, prefix >= 3700 && prefix <= 3799: // American Express
		ranged = n == 15
	case prefix >= 3000 && prefix <= 3099, prefix >= 3600 && prefix <= 3699, prefix >= 3800 && prefix <= 3999: // Diners
		ranged = n >= 14
	case prefix >= 3528 && prefix <= 3589: // JCB
		ranged = n >= 16
	case prefix >= 5000 && prefix <= 5099, prefix >= 5600 && prefix <= 6999: // Maestro, Discover, UnionPay, RuPay, Elo
		ranged = true
	case prefix >= 2200 && prefix <= 2204, prefix >= 8100 && prefix <= 8299, prefix == 9792: // Mir, UnionPay, Troy
		ranged = n >= 16
	}
	return ranged && luhn(digits)
}

// luhn is the check of ISO/IEC 7812-1, annex B.
func luhn(digits []byte) bool {
	sum := 0
	for i, digit := range digits {
		value := int(digit)
		if (len(digits)-i)%2 == 0 {
			if value *= 2; value > 9 {
				value -= 9
			}
		}
		sum += value
	}
	return sum%10 == 0
}

// codeSpan returns the three or four digits of a card verification code whose name (cvc, cvv, cvc2, …) begins at
// start, however it is written: cvv=123, "cvc":"123", CVC:123, cardCvv: 123. It returns 0, 0 when there is none.
//
// Inside a word the name and the digits must be set apart: one in forty thousand of our own identifiers holds something
// like dcvc479r, and an identifier that is hidden finds nothing any more.
func codeSpan(text string, start int) (from, to int) {
	const (
		between    = "\\\":= '"
		maxBetween = 8
	)
	if len(text)-start < 6 || text[start+1]|0x20 != 'v' || (text[start+2]|0x20 != 'c' && text[start+2]|0x20 != 'v') {
		return 0, 0
	}
	name := start + 3
	if text[name] == '2' {
		name++
	}
	i := name
	for limit := i + maxBetween; i < len(text) && i < limit && strings.IndexByte(between, text[i]) >= 0; i++ {
	}
	if i == name && start > 0 && isAlphanumeric(text[start-1]) {
		return 0, 0
	}
	end := groupEnd(text, i)
	if n := end - i; n != 3 && n != 4 {
		return 0, 0
	}
	return i, end
}

func isAlphanumeric(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

func groupEnd(text string, i int) int {
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isSeparator is true of what people and forms put between the groups of a card number.
func isSeparator(c byte) bool { return c == ' ' || c == '-' || c == '+' }
