package config

import (
	"strconv"
	"strings"

	"tillway/internal/money"
)

// Thresholds are sums by currency code, and under "" for every currency that is not named, in minor units. Empty means none.
type Thresholds map[string]int64

// UnmarshalText reads currency:sum,currency:sum; an item without a currency is for all others.
func (t *Thresholds) UnmarshalText(text []byte) error {
	const remedy = "write minor units by currency, such as EUR:50000,JPY:100000, or one number for every currency"
	thresholds := Thresholds{}
	for item := range strings.SplitSeq(string(text), ",") {
		item = strings.TrimSpace(item)
		code, sum, named := strings.Cut(item, ":")
		if !named {
			code, sum = "", item
		} else {
			currency, err := money.ParseCurrency(code)
			if err != nil {
				return malformed(remedy, "has an item whose currency is not of ISO 4217 (%s)", excerpt(item))
			}
			code = currency.Code()
		}
		amount, err := strconv.ParseInt(sum, 10, 64)
		if err != nil || amount < 0 {
			return malformed(remedy, "has an item whose sum is not a whole number of minor units (%s)", excerpt(item))
		}
		if _, repeated := thresholds[code]; repeated {
			return malformed("give every currency one sum", "repeats a currency (%s)", excerpt(item))
		}
		thresholds[code] = amount
	}
	*t = thresholds
	return nil
}
