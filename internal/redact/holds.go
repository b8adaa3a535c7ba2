package redact

import (
	"strings"
	"unicode"
)

// HoldsCard reports whether a text that must be kept as it is holds what is plainly a card number: 15 or 16 digits of a
// scheme's range with a right check digit, in one group or grouped as on a card (4-4-4-4, 4-6-5). It is for refusing, so it
// is narrower than what Scrub hides: phone numbers, dates and order numbers of other lengths or groupings pass. Digits, spaces
// and dashes of every script count: typed on a keyboard of another language, a card number is one all the same.
func HoldsCard(text string) bool {
	text = strings.Map(plain, text)
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			i++
			continue
		}
		var digits [maxPAN]byte
		var lengths [4]int
		count, groups, next := 0, 0, i
		for end := i; groups < len(lengths); groups++ {
			from := end
			for ; end < len(text) && isDigit(text[end]) && count < maxPAN; end++ {
				digits[count] = text[end] - '0'
				count++
			}
			lengths[groups] = end - from
			if groups == 0 {
				next = groupEnd(text, from)
			}
			if overlong := end < len(text) && isDigit(text[end]); overlong || end == from {
				break
			}
			if isCardShape(lengths[:groups+1]) && isIssued(digits[:count]) {
				return true
			}
			if end+1 >= len(text) || (text[end] != ' ' && text[end] != '-') {
				break
			}
			end++
		}
		i = next
	}
	return false
}

// plain is the ASCII digit, space or dash that a rune stands for, or the rune itself.
func plain(r rune) rune {
	switch {
	case r <= unicode.MaxASCII:
		return r
	case unicode.Is(unicode.Zs, r):
		return ' '
	case unicode.Is(unicode.Pd, r):
		return '-'
	}
	if !unicode.IsDigit(r) {
		return r
	}
	// Unicode keeps the decimal digits of a script together, from zero to nine.
	zero := r
	for unicode.IsDigit(zero - 1) {
		zero--
	}
	return '0' + (r-zero)%10
}

// isCardShape reports whether digits grouped like this look like a card.
func isCardShape(lengths []int) bool {
	switch len(lengths) {
	case 1:
		return lengths[0] == 15 || lengths[0] == 16
	case 3:
		return lengths[0] == 4 && lengths[1] == 6 && lengths[2] == 5
	case 4:
		return lengths[0] == 4 && lengths[1] == 4 && lengths[2] == 4 && lengths[3] == 4
	default:
		return false
	}
}

// isIssued reports whether 15 or 16 digits are in the range of one of the large schemes and bear the right check digit.
// Maestro's range is left out: gift and loyalty cards share it.
func isIssued(digits []byte) bool {
	prefix := int(digits[0])*1000 + int(digits[1])*100 + int(digits[2])*10 + int(digits[3])
	var ranged bool
	switch {
	case len(digits) == 15: // American Express
		ranged = prefix/100 == 34 || prefix/100 == 37
	case prefix/1000 == 4: // Visa
		ranged = true
	case prefix >= 5100 && prefix <= 5599, prefix >= 2221 && prefix <= 2720: // Mastercard
		ranged = true
	case prefix == 6011, prefix/100 == 65, prefix >= 6440 && prefix <= 6499: // Discover
		ranged = true
	case prefix >= 3528 && prefix <= 3589, prefix/100 == 62: // JCB, UnionPay
		ranged = true
	}
	return ranged && luhn(digits)
}
