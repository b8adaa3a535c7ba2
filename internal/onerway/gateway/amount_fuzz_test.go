package gateway

import (
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	iso "github.com/bojanz/currency"
	"github.com/stretchr/testify/require"

	"tillway/internal/money"
)

// meant is what a plain decimal comes to in minor units, of any size; false when it is none, or not a whole number of them.
func meant(decimal string, digits int) (*big.Int, bool) {
	if !regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`).MatchString(decimal) {
		return nil, false
	}
	value, ok := new(big.Rat).SetString(decimal)
	if !ok {
		return nil, false
	}
	value.Mul(value, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
	return value.Num(), value.IsInt()
}

// What a message says of an amount is taken exactly or not at all.
func FuzzReadAmount(f *testing.F) {
	for _, decimal := range []string{
		"27.05", "1500", "-1", "-0", "1e9", "00.10", "9999999999999999.99", "", "١٢", "1_0", "0x10", "1/2", ".5", "5.", "1.000", "27.051",
	} {
		for _, code := range []string{"EUR", "JPY", "HUF", "KWD"} {
			f.Add(decimal, code)
		}
	}
	f.Fuzz(func(t *testing.T, decimal, code string) {
		amount := readAmount(decimal, code)
		if amount.Currency.IsZero() {
			require.True(t, amount.IsZero())
			c, err := money.ParseCurrency(code)
			if err != nil || len(decimal) > maxWireAmount {
				return
			}
			minor, plain := meant(decimal, c.Digits())
			require.False(t, plain && minor.Sign() >= 0 && minor.IsInt64(), "%q %s can be read", decimal, code)
			return
		}
		require.True(t, strings.EqualFold(code, amount.Currency.Code()))
		minor, plain := meant(decimal, amount.Currency.Digits())
		require.True(t, plain, "%q is no amount", decimal)
		require.Equal(t, big.NewInt(amount.Minor).String(), minor.String())
		require.GreaterOrEqual(t, amount.Minor, int64(0))
	})
}

// In every currency there is, what is accepted is written as the contract has it, means the same, and is read again.
func FuzzAmounts_SurviveTheWire(f *testing.F) {
	codes := iso.GetCurrencyCodes()
	wire := regexp.MustCompile(`^[0-9]{1,16}(\.[0-9]{2})?$`)
	for i := range codes {
		f.Add(int64(270_500), uint8(i))
	}
	for _, minor := range []int64{0, -1, 1, 99, 100, 150, 1_000_000, 999_999_999_999_999_999, math.MaxInt64, math.MinInt64} {
		f.Add(minor, uint8(0))
	}
	f.Fuzz(func(t *testing.T, minor int64, which uint8) {
		amount := money.New(minor, currency(t, codes[int(which)%len(codes)]))
		text, written := wireDecimal(amount)
		if checkAmount(amount) != nil {
			return
		}
		require.True(t, written)
		require.Positive(t, minor)
		require.Regexp(t, wire, text)
		require.False(t, wholeOnly(amount.Currency) && strings.Contains(text, "."), text)
		exact, plain := meant(text, amount.Currency.Digits())
		require.True(t, plain)
		require.Equal(t, big.NewInt(minor).String(), exact.String(), text)
		require.Equal(t, amount, readAmount(text, amount.Currency.Code()))
		if whole, _, pointed := strings.Cut(text, "."); !pointed { // the provider may add zeros (§17)
			require.Equal(t, amount, readAmount(whole+".00", strings.ToLower(amount.Currency.Code())))
		}
	})
}
