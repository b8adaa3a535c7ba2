package money_test

import (
	"math"
	"math/big"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/money"
)

// longest bounds what big numbers are asked to read: their time grows with the square of the digits.
const longest = 4096

// exactMinor is what a plain decimal comes to in minor units, of any size; false when it is none, or not a whole number of
// them.
func exactMinor(text string, digits int) (*big.Int, bool) {
	if !regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`).MatchString(text) {
		return nil, false
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, false
	}
	value.Mul(value, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
	return value.Num(), value.IsInt()
}

func FuzzParseDecimal_IsExactOrRefuses(f *testing.F) {
	for _, text := range []string{
		"27.00", "0", "-0", "-1", "1.999", "1.9990", "9999999999999999999", "1e9", ".", "-", "--1", "+1", "0x1", "1_0", "١",
		"9223372036854775807", "-9223372036854775808", "92233720368547758.08", "-9223372036854775.808", "00000000000000000000001.10",
	} {
		for _, code := range []string{"JPY", "EUR", "KWD", "CLF"} {
			f.Add(text, code)
		}
	}
	f.Add("1", "uſd") // upper case in Unicode: USD
	f.Add("1", "ıdr")
	f.Fuzz(func(t *testing.T, text, code string) {
		c, err := money.ParseCurrency(code)
		if err != nil {
			require.ErrorIs(t, err, money.ErrUnknownCurrency)
			require.Zero(t, c)
			return
		}
		require.Regexp(t, `^[A-Za-z]{3}$`, code)
		if len(text) > longest {
			return
		}
		amount, err := money.ParseDecimal(text, c)
		minor, plain := exactMinor(text, c.Digits())
		switch {
		case !plain:
			require.ErrorIs(t, err, money.ErrMalformed)
			require.Zero(t, amount)
		case !minor.IsInt64():
			require.ErrorIs(t, err, money.ErrOverflow)
			require.Zero(t, amount)
		default:
			require.NoError(t, err)
			require.Equal(t, money.New(minor.Int64(), c), amount)
		}
	})
}

func FuzzAmount_ComputesAsBigNumbersDo(f *testing.F) {
	edges := []int64{0, 1, -1, 2700, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, math.MaxInt64 / 2}
	for i, a := range edges {
		for _, b := range edges {
			f.Add(a, b, uint8(i))
		}
	}
	codes := []string{"JPY", "EUR", "KWD", "CLF"}
	f.Fuzz(func(t *testing.T, a, b int64, which uint8) {
		c := currencyOf(t, codes[int(which)%len(codes)])
		amount := money.New(a, c)

		text := amount.Decimal()
		minor, plain := exactMinor(text, c.Digits())
		require.True(t, plain, text)
		require.Equal(t, big.NewInt(a).String(), minor.String(), text)
		read, err := money.ParseDecimal(text, c)
		require.NoError(t, err, text)
		require.Equal(t, amount, read)

		requireExact := func(exact *big.Int, got money.Amount, err error) {
			if !exact.IsInt64() {
				require.ErrorIs(t, err, money.ErrOverflow)
				require.Zero(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, money.New(exact.Int64(), c), got)
		}
		sum, err := amount.Add(money.New(b, c))
		requireExact(new(big.Int).Add(big.NewInt(a), big.NewInt(b)), sum, err)
		product, err := amount.Times(b)
		requireExact(new(big.Int).Mul(big.NewInt(a), big.NewInt(b)), product, err)
	})
}
