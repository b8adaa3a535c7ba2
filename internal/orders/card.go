package orders

import (
	"strconv"
	"strings"
)

// Summary is all that is kept of the card.
func (c Card) Summary() CardSummary {
	return CardSummary{Brand: c.brand(), Last4: c.last4(), ExpMonth: c.ExpMonth, ExpYear: c.ExpYear}
}

// brand names the scheme by the leading digits (ISO/IEC 7812 ranges as the schemes publish them), "unknown" otherwise.
func (c Card) brand() string {
	lead := func(digits int) int {
		if len(c.Number) < digits {
			return 0
		}
		n, err := strconv.Atoi(c.Number[:digits])
		if err != nil {
			return 0
		}
		return n
	}
	two, three, four := lead(2), lead(3), lead(4)
	switch {
	case strings.HasPrefix(c.Number, "4"):
		return "visa"
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return "mastercard"
	case two == 34, two == 37:
		return "amex"
	case four >= 3528 && four <= 3589:
		return "jcb"
	case three >= 300 && three <= 305, two == 36, two == 38, two == 39:
		return "diners"
	case four == 6011, two == 65, three >= 644 && three <= 649:
		return "discover"
	case two == 62:
		return "unionpay"
	default:
		return "unknown"
	}
}
