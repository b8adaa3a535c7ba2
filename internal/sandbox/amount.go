package sandbox

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// decimal is an amount as a request may write it.
var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?$`)

// zeroDecimal tells whether a currency is written without decimals (Onerway contract §5).
func zeroDecimal(currency string) bool {
	return slices.Contains([]string{"JPY", "KRW", "IDR", "VND", "LAK", "KHR", "MMK", "PYG", "HUF", "ISK"}, currency)
}

// threeDecimal tells whether a currency has three decimals, which two-decimal amounts cannot express [sim].
func threeDecimal(currency string) bool {
	return slices.Contains([]string{"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}, currency)
}

// minimum is the smallest amount of a currency, in its smallest unit.
func minimum(currency string) int64 {
	switch currency {
	case "KRW":
		return 100
	case "IDR":
		return 10_000
	case "VND":
		return 1_000
	default:
		return 1
	}
}

// challengeFrom is the amount, in the currency's smallest unit, that counts as 50.00 USD and brings a 3DS challenge
// under the DEFAULT strategy. Rough on purpose: the real threshold is not documented [sim].
func challengeFrom(currency string) int64 {
	switch currency {
	case "EUR":
		return 46_00
	case "GBP":
		return 39_00
	case "CAD":
		return 68_00
	case "AUD":
		return 76_00
	case "SGD":
		return 67_00
	case "HKD":
		return 390_00
	case "CNY":
		return 360_00
	case "JPY":
		return 7_500
	case "KRW":
		return 70_000
	case "IDR":
		return 820_000
	case "VND":
		return 1_270_000
	case "HUF":
		return 18_000
	case "ISK":
		return 6_900
	case "LAK":
		return 1_080_000
	case "KHR":
		return 205_000
	case "MMK":
		return 105_000
	case "PYG":
		return 380_000
	default:
		return 50_00
	}
}

// minorUnits reads a decimal into the currency's smallest unit, exactly or not at all.
func minorUnits(value, currency string) (int64, bool) {
	if !decimal.MatchString(value) {
		return 0, false
	}
	digits, fraction, _ := strings.Cut(value, ".")
	switch {
	case !zeroDecimal(currency):
		digits += (fraction + "00")[:2]
	case fraction != "":
		return 0, false
	}
	units, err := strconv.ParseInt(digits, 10, 64)
	return units, err == nil
}

// parseAmount reads an amount that can be charged.
func parseAmount(value, currency string) (int64, error) {
	amount, ok := minorUnits(value, currency)
	if !ok {
		return 0, refuse(codeRejected, "orderAmount must be a decimal with at most 2 decimals, none in JPY, KRW and their like")
	}
	if amount == 0 {
		return 0, refuse(codeRejected, "orderAmount must be positive")
	}
	return amount, nil
}

// formatAmount writes an amount as answers do: two decimals, or none where the currency has none.
func formatAmount(amount int64, currency string) string {
	digits := strconv.FormatInt(amount, 10)
	if zeroDecimal(currency) {
		return digits
	}
	if len(digits) < 3 {
		digits = strings.Repeat("0", 3-len(digits)) + digits
	}
	return digits[:len(digits)-2] + "." + digits[len(digits)-2:]
}
