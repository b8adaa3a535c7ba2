package redact_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/redact"
)

func TestHoldsCard_SeesCardsAsPeopleWriteThem(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"4111111111111111", "card 5555341244441115", "4111 1111 1111 1111", "pay with 4111-1111-1111-1111 please",
		"378282246310005", "3782 822463 10005", "2223003122003222", "6011111111111117", "3530111333300000",
		"1 4111111111111111", "ref 12-4111 1111 1111 1111", "x4111111111111111y", "6200000000000005",
		"４１１１１１１１１１１１１１１１", "٤١١١١١١١١١١١١١١١", "𝟜𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙", "4111\u00a01111\u00a01111\u00a01111", "4111\u20131111\u20131111\u20131111",
	} {
		require.True(t, redact.HoldsCard(text), text)
	}
}

func TestHoldsCard_LetsOtherNumbersPass(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"", "4", "order 2084000000000000101", "4111111111111112", "+49 151 23456789", "+4915123456789",
		"305-1234567-1234567", "2026-11-22 10:05:28", "6350000000000000", "41111111111111111", "14111111111111111",
		"4111 1111 1111", "0190a6c5-4111-7111-8111-111111111111", "1795344837123456", "4111.1111.1111.1111", "٤١١١",
	} {
		require.False(t, redact.HoldsCard(text), text)
	}
}
