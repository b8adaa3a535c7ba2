package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
	"tillway/internal/orders"
)

// authorized holds 27.50 EUR, and is what captures it.
func (b *testBundle) authorized(t *testing.T) orders.ModificationOrder {
	t.Helper()
	sale := b.sale(cardPays, amount(t, 2750, "EUR"), func(s *orders.Sale) { s.CaptureMethod = orders.CaptureManual })
	ev := b.gateway.Sale(t.Context(), sale)
	require.Equal(t, orders.OutcomeAuthorized, ev.Outcome)
	return orders.ModificationOrder{
		MerchantTxnID: ids.New[ids.ModificationEntity]().String(), OriginTransactionID: ev.ProviderTransactionID,
		Kind: orders.ModificationCapture,
	}
}

func TestModify_CapturesAPart(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *settings) { s.sandbox.Sim.PartialCapture = true })
	capture := b.authorized(t)
	capture.Amount = amount(t, 1005, "EUR")
	ev := b.gateway.Modify(t.Context(), capture)
	require.Equal(t, orders.OutcomeSucceeded, ev.Outcome)
	require.Equal(t, capture.Amount, ev.Amount)
	found, err := b.gateway.FindModification(t.Context(), orders.Query{MerchantTxnID: capture.MerchantTxnID})
	require.NoError(t, err)
	require.Equal(t, orders.OutcomeSucceeded, found.Outcome)
	require.Equal(t, capture.Amount, found.Amount)
	require.NotEqual(t, capture.OriginTransactionID, found.ProviderTransactionID)
}

func TestModify_APartIsRefusedWhereTheProviderCapturesWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	capture := b.authorized(t)
	capture.Amount = amount(t, 1005, "EUR")
	require.Equal(t, orders.OutcomeDeclined, b.gateway.Modify(t.Context(), capture).Outcome)
}

func TestModify_SendsNoPartThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	capture := b.authorized(t)
	calls := len(b.observer.calls)
	capture.Amount = amount(t, 1050, "HUF") // written in whole forints
	require.Equal(t, orders.OutcomeDeclined, b.gateway.Modify(t.Context(), capture).Outcome)
	require.Len(t, b.observer.calls, calls, "nothing was sent")
}
