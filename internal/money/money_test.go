package money_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/money"
)

func currencyOf(t require.TestingT, code string) money.Currency {
	c, err := money.ParseCurrency(code)
	require.NoError(t, err)
	return c
}

func TestDisplay_WritesForPeople(t *testing.T) {
	t.Parallel()

	for _, tc := range []struct {
		code  string
		minor int64
		text  string
	}{
		{"EUR", 123456789, "€1,234,567.89"},
		{"EUR", -5, "-€0.05"},
		{"USD", 2700, "$27.00"},
		{"CAD", 2700, "CA$27.00"},
		{"JPY", 1500, "¥1,500"},
		{"KWD", 1234, "KWD\u00a01.234"},
		{"CHF", 0, "CHF\u00a00.00"},
	} {
		require.Equal(t, tc.text, money.New(tc.minor, currencyOf(t, tc.code)).Display())
	}
}

func TestDecimal_WritesEveryExponent(t *testing.T) {
	t.Parallel()

	for _, tc := range []struct {
		code  string
		minor int64
		text  string
	}{
		{"JPY", 1500, "1500"},
		{"JPY", 0, "0"},
		{"EUR", 2700, "27.00"},
		{"EUR", 5, "0.05"},
		{"EUR", -5, "-0.05"},
		{"EUR", 0, "0.00"},
		{"KWD", 1234, "1.234"},
		{"KWD", 7, "0.007"},
		{"USD", math.MaxInt64, "92233720368547758.07"},
		{"USD", math.MinInt64, "-92233720368547758.08"},
	} {
		require.Equal(t, tc.text, money.New(tc.minor, currencyOf(t, tc.code)).Decimal())
	}
}

func TestParseDecimal_IsExactOrRefuses(t *testing.T) {
	t.Parallel()

	for _, tc := range []struct {
		code, text string
		minor      int64
		want       error
	}{
		{"EUR", "27.00", 2700, nil},
		{"EUR", "27", 2700, nil},
		{"EUR", "27.5", 2750, nil},
		{"EUR", "27.000", 2700, nil},
		{"JPY", "1500.00", 1500, nil},
		{"KWD", "1.234", 1234, nil},
		{"EUR", "-0.05", -5, nil},
		{"EUR", "27.001", 0, money.ErrMalformed},
		{"JPY", "1500.5", 0, money.ErrMalformed},
		{"EUR", "", 0, money.ErrMalformed},
		{"EUR", ".5", 0, money.ErrMalformed},
		{"EUR", "5.", 0, money.ErrMalformed},
		{"EUR", "+5", 0, money.ErrMalformed},
		{"EUR", "1e3", 0, money.ErrMalformed},
		{"EUR", "1,000.00", 0, money.ErrMalformed},
		{"EUR", " 5", 0, money.ErrMalformed},
		{"EUR", "٥", 0, money.ErrMalformed},
		{"EUR", "99999999999999999999", 0, money.ErrOverflow},
	} {
		got, err := money.ParseDecimal(tc.text, currencyOf(t, tc.code))
		require.ErrorIs(t, err, tc.want, tc.text)
		require.Equal(t, tc.minor, got.Minor, tc.text)
	}
}

func TestParseCurrency_KnowsISO4217InAnyCase(t *testing.T) {
	t.Parallel()

	require.Equal(t, "EUR", currencyOf(t, "eUr").Code())
	require.Equal(t, "eur", currencyOf(t, "EUR").Lower())
	for _, code := range []string{"", "EU", "EURO", "XXZ", "€€€", "eu1", "uſd", "ıdr"} {
		_, err := money.ParseCurrency(code)
		require.ErrorIs(t, err, money.ErrUnknownCurrency, code)
	}
}

func TestAmount_DecimalRoundTrips(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		c := currencyOf(rt, rapid.SampledFrom([]string{"JPY", "EUR", "KWD", "HUF"}).Draw(rt, "currency"))
		amount := money.New(rapid.Int64().Draw(rt, "minor"), c)
		read, err := money.ParseDecimal(amount.Decimal(), c)
		require.NoError(rt, err)
		require.Equal(rt, amount, read)
	})
}

func TestAmount_ArithmeticRefusesToOverflowOrMix(t *testing.T) {
	t.Parallel()

	eur, usd := currencyOf(t, "EUR"), currencyOf(t, "USD")
	_, err := money.New(1, eur).Add(money.New(1, usd))
	require.ErrorIs(t, err, money.ErrCurrencyMismatch)
	_, err = money.New(math.MaxInt64, eur).Add(money.New(1, eur))
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.New(math.MinInt64, eur).Add(money.New(-1, eur))
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.New(math.MaxInt64, eur).Times(2)
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.New(math.MinInt64, eur).Times(-1)
	require.ErrorIs(t, err, money.ErrOverflow)

	sum, err := money.New(5, eur).Add(money.New(-7, eur))
	require.NoError(t, err)
	require.Equal(t, money.New(-2, eur), sum)
	product, err := money.New(-3, eur).Times(4)
	require.NoError(t, err)
	require.Equal(t, money.New(-12, eur), product)
}

func ExampleAmount_Decimal() {
	jpy, _ := money.ParseCurrency("jpy")
	eur, _ := money.ParseCurrency("eur")
	fmt.Println(money.New(1500, jpy).Decimal(), money.New(2700, eur).Decimal())
	// Output: 1500 27.00
}
