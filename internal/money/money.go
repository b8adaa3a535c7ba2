// Package money holds amounts: an integer of minor units and an ISO 4217 currency. No float touches an amount, and two
// currencies never mix. What the provider can express of an amount is the provider's matter (onerway/gateway).
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
)

// Errors of this package; compare with errors.Is.
var (
	// ErrUnknownCurrency is returned for a code that ISO 4217 does not list.
	ErrUnknownCurrency = errors.New("unknown currency")
	// ErrCurrencyMismatch is returned when two amounts of different currencies meet.
	ErrCurrencyMismatch = errors.New("currency mismatch")
	// ErrMalformed is returned for text that is not a plain decimal number with at most the currency's digits.
	ErrMalformed = errors.New("malformed amount")
	// ErrOverflow is returned when a sum or product leaves the range of int64.
	ErrOverflow = errors.New("amount out of range")
)

// Currency is an ISO 4217 code in upper case. The zero value is no currency.
type Currency struct{ code string }

// ParseCurrency reads a three-letter code in any case. It returns ErrUnknownCurrency for codes that ISO 4217 does not list.
func ParseCurrency(text string) (Currency, error) {
	code := strings.ToUpper(text)
	// Unicode has other letters whose upper case is an S or an I: they are no code's.
	if len(text) != 3 || len(code) != 3 || !currency.IsValid(code) {
		return Currency{}, fmt.Errorf("%w: %.16q", ErrUnknownCurrency, text)
	}
	return Currency{code: code}, nil
}

// Code returns the code in upper case, as banks and the provider write it.
func (c Currency) Code() string { return c.code }

// Lower returns the code in lower case, as our API answers it.
func (c Currency) Lower() string { return strings.ToLower(c.code) }

// Digits returns the number of decimals of the major unit: 0 for JPY, 2 for EUR, 3 for KWD (ISO 4217).
func (c Currency) Digits() int {
	digits, _ := currency.GetDigits(c.code)
	return int(digits)
}

// IsZero reports whether there is no currency.
func (c Currency) IsZero() bool { return c.code == "" }

// String returns the code in upper case.
func (c Currency) String() string { return c.code }

// Amount is a number of minor units of a currency. The zero value is "no amount".
type Amount struct {
	Minor    int64
	Currency Currency
}

// New makes an amount from minor units.
func New(minor int64, c Currency) Amount { return Amount{Minor: minor, Currency: c} }

// ParseDecimal reads a plain decimal string of major units, such as "27.00", exactly: no sign but a leading minus, no
// exponent, no separators, no more decimals than the currency has unless they are zeros. It returns ErrMalformed or
// ErrOverflow.
func ParseDecimal(text string, c Currency) (Amount, error) {
	number, negative := strings.CutPrefix(text, "-")
	whole, fraction, hasPoint := strings.Cut(number, ".")
	if !isDigits(whole) || (hasPoint && !isDigits(fraction)) {
		return Amount{}, fmt.Errorf("%w: %.32q", ErrMalformed, text)
	}
	digits := c.Digits()
	if len(fraction) > digits {
		if strings.Trim(fraction[digits:], "0") != "" {
			return Amount{}, fmt.Errorf("%w: %.32q has more than %d decimals", ErrMalformed, text, digits)
		}
		fraction = fraction[:digits]
	}
	padded := whole + fraction + strings.Repeat("0", digits-len(fraction))
	if negative {
		padded = "-" + padded // not negated afterwards: the smallest number has no positive twin
	}
	minor, err := strconv.ParseInt(padded, 10, 64)
	if err != nil {
		return Amount{}, fmt.Errorf("%w: %.32q", ErrOverflow, text)
	}
	return New(minor, c), nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Decimal writes the amount in major units with all decimals of its currency: "27.00", "1500", "-0.05".
func (a Amount) Decimal() string {
	digits := a.Currency.Digits()
	sign, magnitude := "", uint64(a.Minor) //nolint:gosec // two's complement: negated below for what is negative
	if a.Minor < 0 {
		sign, magnitude = "-", -magnitude
	}
	text := strconv.FormatUint(magnitude, 10)
	if digits == 0 {
		return sign + text
	}
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// IsZero reports whether there is no amount at all: neither units nor a currency.
func (a Amount) IsZero() bool { return a == Amount{} }

// Add returns a + b. It returns ErrCurrencyMismatch or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("%w: %s and %s", ErrCurrencyMismatch, a.Currency, b.Currency)
	}
	sum := a.Minor + b.Minor
	if (sum > a.Minor) != (b.Minor > 0) && b.Minor != 0 {
		return Amount{}, fmt.Errorf("%w: %d + %d", ErrOverflow, a.Minor, b.Minor)
	}
	return New(sum, a.Currency), nil
}

// Times returns a × n. It returns ErrOverflow.
func (a Amount) Times(n int64) (Amount, error) {
	product := a.Minor * n
	if n != 0 && (product/n != a.Minor || (n == -1 && a.Minor == math.MinInt64)) {
		return Amount{}, fmt.Errorf("%w: %d × %d", ErrOverflow, a.Minor, n)
	}
	return New(product, a.Currency), nil
}

// String writes the amount for people and logs, as in "27.00 EUR".
func (a Amount) String() string { return a.Decimal() + " " + a.Currency.Code() }

// Display writes the amount as an English reader expects it, as in "€27.00", "CA$27.00" or "CHF 27.00". It is for people,
// not for programs: the space is one that does not break.
func (a Amount) Display() string {
	amount, err := currency.NewAmountFromInt64(a.Minor, a.Currency.Code())
	if err != nil { // no currency
		return a.String()
	}
	return currency.NewFormatter(currency.NewLocale("en")).Format(amount)
}
