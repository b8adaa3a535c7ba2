package subscriptions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

func TestLink_TriesFiveCardsAndNoMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t)
	link, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	for range 5 {
		result, err := b.give(t, link, "4000009900000012")
		require.NoError(t, err)
		require.Equal(t, orders.PaymentFailed, result.Payment.Status)
	}
	visit, err := b.subs.Visit(t.Context(), link.Token)
	require.NoError(t, err)
	require.False(t, visit.Usable)
	_, err = b.give(t, link, frictionless)
	require.ErrorContains(t, err, "Ask the shop for another one")

	another, err := b.subs.NewLink(t.Context(), sub.ID)
	require.NoError(t, err)
	result, err := b.give(t, another, frictionless)
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
}
