package gateway

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/fault"
	"tillway/internal/money"
)

func currency(t require.TestingT, code string) money.Currency {
	c, err := money.ParseCurrency(code)
	require.NoError(t, err)
	return c
}

func TestAccepts(t *testing.T) {
	t.Parallel()
	notSupported := func(param, text string) *fault.Error {
		return fault.New(fault.Refused, "currency_not_supported", "%s", text).WithParam(param)
	}
	tests := map[string]struct {
		minor int64
		code  string
		want  *fault.Error // nil: accepted
	}{
		"two decimals":           {2705, "EUR", nil},
		"one cent":               {1, "USD", nil},
		"no decimals":            {1, "JPY", nil},
		"whole forints":          {150_000, "HUF", nil},
		"one forint":             {100, "HUF", nil},
		"minimum of KRW":         {100, "KRW", nil},
		"minimum of VND":         {1_000, "VND", nil},
		"minimum of IDR":         {1_000_000, "IDR", nil},
		"whole riels":            {400_000, "KHR", nil},
		"not in the source list": {1500, "CLP", nil},

		"three decimals": {1000, "KWD", notSupported("currency",
			"KWD has 3 decimals and the payment provider writes at most 2. Use another currency.")},
		"four decimals": {10000, "CLF", notSupported("currency",
			"CLF has 4 decimals and the payment provider writes at most 2. Use another currency.")},
		"half a forint": {1050, "HUF", notSupported("amount",
			"The payment provider charges HUF in whole units only, so amount must be a multiple of 100: use 1000 or 1100.")},
		"less than a forint": {50, "HUF", notSupported("amount",
			"The payment provider charges HUF in whole units only, so amount must be a multiple of 100: use 100.")},
		"odd and below the minimum": {150, "IDR", notSupported("amount",
			"The payment provider charges IDR in whole units only, so amount must be a multiple of 100: use 1000000.")},
		"below the minimum of KRW": {99, "KRW", fault.InvalidParam("amount",
			"amount must be at least 100 (100 KRW): the payment provider takes no less.")},
		"below the minimum of VND": {999, "VND", fault.InvalidParam("amount",
			"amount must be at least 1000 (1000 VND): the payment provider takes no less.")},
		"below the minimum of IDR": {999_900, "IDR", fault.InvalidParam("amount",
			"amount must be at least 1000000 (10000.00 IDR): the payment provider takes no less.")},
		"nothing": {0, "EUR", fault.InvalidParam("amount",
			"amount must be at least 1 (0.01 EUR): the payment provider takes no less.")},
		"less than nothing": {-150, "HUF", fault.InvalidParam("amount",
			"amount must be at least 100 (1.00 HUF): the payment provider takes no less.")},
		"too long to write": {1_000_000_000_000_000_000, "EUR", fault.InvalidParam("amount",
			"amount is larger than the payment provider can write.")},
		"too long to write without decimals": {10_000_000_000_000_000, "JPY", fault.InvalidParam("amount",
			"amount is larger than the payment provider can write.")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := (&Gateway{}).Accepts(money.New(test.minor, currency(t, test.code)))
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			require.Equal(t, test.want, err)
		})
	}
}

func TestReadAmount(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		decimal, currency string
		minor             int64
		none              bool
	}{
		"two decimals":                      {decimal: "27.05", currency: "EUR", minor: 2705},
		"none written":                      {decimal: "200", currency: "USD", minor: 20000},
		"no decimals":                       {decimal: "1500", currency: "JPY", minor: 1500},
		"zeros where there are none":        {decimal: "1500.00", currency: "JPY", minor: 1500},
		"none at the provider, two in ISO":  {decimal: "1500", currency: "HUF", minor: 150000},
		"zeros, none at the provider":       {decimal: "1500.00", currency: "HUF", minor: 150000},
		"lower case currency":               {decimal: "1.00", currency: "eur", minor: 100},
		"nothing":                           {none: true},
		"no currency":                       {decimal: "27.05", none: true},
		"an unknown currency":               {decimal: "27.05", currency: "XYZ", none: true},
		"a fraction that cannot be":         {decimal: "15.5", currency: "JPY", none: true},
		"negative":                          {decimal: "-27.05", currency: "EUR", none: true},
		"exponent":                          {decimal: "1e3", currency: "EUR", none: true},
		"separators":                        {decimal: "1,000.00", currency: "EUR", none: true},
		"longer than the provider can mean": {decimal: "1" + strings.Repeat("0", 19), currency: "JPY", none: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readAmount(test.decimal, test.currency)
			if test.none {
				require.True(t, got.IsZero(), "%s", got)
				return
			}
			require.Equal(t, money.New(test.minor, currency(t, test.currency)), got)
		})
	}
}

// What the provider is sent, it answers: an amount survives the way there and back, and its form is the contract's.
func TestAmounts_SurviveTheWire(t *testing.T) {
	t.Parallel()
	wire := regexp.MustCompile(`^[0-9]{1,16}(\.[0-9]{2})?$`)
	codes := []string{"EUR", "USD", "JPY", "KRW", "HUF", "IDR", "LAK", "KHR", "MMK", "VND", "PYG", "ISK", "CLP", "KWD", "CLF"}
	rapid.Check(t, func(t *rapid.T) {
		amount := money.New(
			rapid.Int64Range(-1_000_000, 1<<62).Draw(t, "minor"), currency(t, rapid.SampledFrom(codes).Draw(t, "currency")))
		if checkAmount(amount) != nil {
			return
		}
		text, ok := wireDecimal(amount)
		require.True(t, ok)
		require.Regexp(t, wire, text)
		require.Equal(t, amount, readAmount(text, amount.Currency.Code()))
	})
}
