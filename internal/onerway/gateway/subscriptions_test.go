package gateway_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
)

func TestVerificationAmount_IsOneOfTheMajorUnitOrTheLeastThatIsTaken(t *testing.T) {
	t.Parallel()
	g := newGateway(t, &provider{}, &observer{}, &budget{}, gateway.Transactions)
	for code, want := range map[string]int64{"EUR": 100, "USD": 100, "JPY": 1, "KRW": 100, "IDR": 1_000_000, "VND": 1_000, "HUF": 100} {
		currency, err := money.ParseCurrency(code)
		require.NoError(t, err)
		require.Equal(t, want, g.VerificationAmount(currency), code)
		require.NoError(t, g.Accepts(money.New(want, currency)), code)
	}
}

func TestEndContract_BelievesTheQueryAlone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		data, word string
		ended      bool
	}{
		"canceled":                            {"3", "canceled", true},
		"never begun":                         {"2", "ended", true},
		"still active, whatever was answered": {"1", "active", false},
		"unheard of":                          {"9", "odd", false},
	} {
		p := &provider{detail: onerway.SubscriptionDetail{DataStatus: tc.data, SubscriptionStatus: tc.word}}
		ended, err := newGateway(t, p, &observer{}, &budget{}, gateway.Transactions).EndContract(t.Context(), "1813837154846384128")
		require.NoError(t, err, name)
		require.Equal(t, tc.ended, ended, name)
	}
	lost := errors.New("lost")
	_, err := newGateway(t, &provider{err: lost}, &observer{}, &budget{}, gateway.Transactions).EndContract(t.Context(), "1813837154846384128")
	require.ErrorIs(t, err, lost)
}
