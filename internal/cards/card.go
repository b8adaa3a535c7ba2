// Package cards holds a card as a shopper typed it, which lives in memory for one call and nowhere else, and the summary,
// which is all that is kept of it. A card redacts itself wherever it might be written.
package cards

import (
	"log/slog"
	"strconv"
	"strings"

	"tillway/internal/details"
	"tillway/internal/fault"
)

// maxHolderName bounds the cardholder's name, in characters.
const maxHolderName = 256

// Card is a card as the shopper typed it. It lives in memory for one call and nowhere else.
type Card struct {
	Number     string
	ExpMonth   int
	ExpYear    int
	CVC        string
	HolderName string
}

// Summary is all that is kept of a card. Of one that was typed on the provider's page the expiry is never known, the rest once the
// provider has told of it.
type Summary struct {
	Brand    string
	Last4    string
	ExpMonth int
	ExpYear  int
	Country  string
}

// LogValue keeps card data out of logs.
func (c Card) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String shows only the last four digits.
func (c Card) String() string { return "card …" + c.last4() }

// GoString keeps card data out of %#v.
func (c Card) GoString() string { return c.String() }

// MarshalJSON keeps card data out of any JSON.
func (c Card) MarshalJSON() ([]byte, error) { return []byte(`"[card]"`), nil }

func (c Card) last4() string {
	if len(c.Number) < 8 {
		return ""
	}
	return c.Number[len(c.Number)-4:]
}

// Check refuses what is no card by its form (ISO/IEC 7812: 12 to 19 digits here). Whether the card exists is the provider's
// to say. It returns a fault Invalid whose param begins with the one given, and never repeats what was sent.
func (c Card) Check(param string) error {
	switch {
	case !isDigits(c.Number, 12, 19):
		return fault.InvalidParam(param+".number", "The card number must be 12 to 19 digits.")
	case c.ExpMonth < 1 || c.ExpMonth > 12:
		return fault.InvalidParam(param+".exp_month", "exp_month must be between 1 and 12.")
	case c.ExpYear < 2000 || c.ExpYear > 2199:
		return fault.InvalidParam(param+".exp_year", "exp_year must have four digits, such as 2030.")
	case c.CVC != "" && !isDigits(c.CVC, 3, 4):
		return fault.InvalidParam(param+".cvc", "cvc must be 3 or 4 digits.")
	}
	return details.CheckText(param+".holder_name", c.HolderName, maxHolderName)
}

func isDigits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// Summary is all that is kept of the card; nothing where there is none.
func (c Card) Summary() Summary {
	if c == (Card{}) {
		return Summary{}
	}
	return Summary{Brand: c.brand(), Last4: c.last4(), ExpMonth: c.ExpMonth, ExpYear: c.ExpYear}
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
