package gateway

import (
	"fmt"
	"slices"
	"strings"

	"tillway/internal/fault"
	"tillway/internal/money"
)

const (
	// maxDecimals is how finely the provider can write an amount (§5).
	maxDecimals = 2
	// maxWireAmount is the most characters of a decimal: sixteen digits, the point and two decimals (§8.1).
	maxWireAmount = 19
	maxWhole      = maxWireAmount - 1 - maxDecimals
)

// wholeOnly tells whether the provider writes a currency without decimals (§5). ISO 4217 gives two to some of them.
func wholeOnly(c money.Currency) bool {
	return slices.Contains([]string{"JPY", "KRW", "IDR", "VND", "LAK", "KHR", "MMK", "PYG", "HUF", "ISK"}, c.Code())
}

// leastWhole is the smallest amount of a currency that the provider takes, in major units; 0 where it names none (§5).
func leastWhole(c money.Currency) int64 {
	switch c.Code() {
	case "JPY", "ISK":
		return 1
	case "KRW":
		return 100
	case "VND":
		return 1_000
	case "IDR":
		return 10_000
	default:
		return 0
	}
}

// step is the smallest amount of the currency that can be written on the wire, in minor units; 0 when the provider cannot
// write the currency exactly.
func step(c money.Currency) int64 {
	switch {
	case c.Digits() > maxDecimals:
		return 0
	case wholeOnly(c):
		return unit(c)
	default:
		return 1
	}
}

// unit is one major unit in minor units.
func unit(c money.Currency) int64 {
	minor := int64(1)
	for range c.Digits() {
		minor *= 10
	}
	return minor
}

// checkAmount refuses what the provider cannot express exactly or does not take.
func checkAmount(amount money.Amount) error {
	c, by := amount.Currency, step(amount.Currency)
	if by == 0 {
		return fault.New(fault.Refused, "currency_not_supported",
			"%s has %d decimals and the payment provider writes at most %d. Use another currency.", c, c.Digits(), maxDecimals).
			WithParam("currency")
	}
	least := max(leastWhole(c)*unit(c), by)
	if amount.Minor%by != 0 && amount.Minor > 0 {
		return fault.New(fault.Refused, "currency_not_supported",
			"The payment provider charges %s in whole units only, so amount must be a multiple of %d: %s.",
			c, by, nearest(amount.Minor, by, least)).WithParam("amount")
	}
	if amount.Minor < least {
		return fault.InvalidParam("amount", "amount must be at least %d (%s): the payment provider takes no less.",
			least, money.New(least, c))
	}
	if _, ok := wireDecimal(amount); !ok {
		return fault.InvalidParam("amount", "amount is larger than the payment provider can write.")
	}
	return nil
}

// nearest names the sums around an amount that can be charged.
func nearest(minor, by, least int64) string {
	below := minor - minor%by
	above := max(below+by, least)
	if below < least {
		return fmt.Sprintf("use %d", above)
	}
	return fmt.Sprintf("use %d or %d", below, above)
}

// wireDecimal writes an amount as the provider reads it, exactly or not at all.
func wireDecimal(amount money.Amount) (string, bool) {
	by := step(amount.Currency)
	if by == 0 || amount.Minor%by != 0 {
		return "", false
	}
	text := amount.Decimal()
	whole, _, _ := strings.Cut(text, ".")
	if wholeOnly(amount.Currency) {
		text = whole
	}
	return text, len(whole) <= maxWhole
}

// readAmount reads what a message says was ordered; the zero value when it does not say so in a way that can be trusted.
// Currencies without decimals come with or without zeros behind a point (§17).
func readAmount(decimal, currency string) money.Amount {
	if len(decimal) > maxWireAmount {
		return money.Amount{}
	}
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return money.Amount{}
	}
	amount, err := money.ParseDecimal(decimal, c)
	if err != nil || amount.Minor < 0 {
		return money.Amount{}
	}
	return amount
}
