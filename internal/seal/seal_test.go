package seal_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/seal"
)

var dataKey = bytes.Repeat([]byte{7}, 32)

func sealer(t *testing.T, table string) *seal.Sealer {
	t.Helper()
	s, err := seal.New(dataKey, table)
	require.NoError(t, err)
	return s
}

func TestSealer_OpensOnlyInItsRowAndTable(t *testing.T) {
	t.Parallel()
	s, row, token := sealer(t, "payment_methods"), uuid.New(), cards.NewToken("42fbae15a31e")
	sealed := s.Seal(row, token)
	require.NotContains(t, string(sealed), token.Reveal())
	require.NotEqual(t, sealed, s.Seal(row, token), "every sealing draws a nonce")

	opened, err := s.Open(row, sealed)
	require.NoError(t, err)
	require.Equal(t, token, opened)

	_, err = s.Open(uuid.New(), sealed)
	require.Error(t, err)
	_, err = sealer(t, "subscription_contracts").Open(row, sealed)
	require.Error(t, err)
	sealed[len(sealed)-1] ^= 1
	_, err = s.Open(row, sealed)
	require.Error(t, err)
}

func TestSealer_RecognizesATokenByItsDigest(t *testing.T) {
	t.Parallel()
	s, token := sealer(t, "payment_methods"), cards.NewToken("42fbae15a31e")
	require.Equal(t, s.Digest(token), sealer(t, "payment_methods").Digest(token))
	require.NotEqual(t, s.Digest(token), s.Digest(cards.NewToken("42fbae15a31f")))
	require.NotEqual(t, s.Digest(token), sealer(t, "subscription_contracts").Digest(token))
}

func TestNew_WantsAWholeKey(t *testing.T) {
	t.Parallel()
	_, err := seal.New(dataKey[:31], "payment_methods")
	require.ErrorContains(t, err, "DATA_KEY")
}
