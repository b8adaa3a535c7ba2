package orders_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

func TestHistory_IsReadInOneRoundTrip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	b.pay(o, "a")
	_, err := b.service.History(t.Context(), o.ID, orders.Page{Limit: 1}) // prepares its statements
	require.NoError(t, err)
	b.tracer.since()
	h, err := b.service.History(t.Context(), o.ID, orders.Page{Limit: 100})
	require.NoError(t, err)
	require.Equal(t, []string{
		"begin isolation level repeatable read read only+OrderGet+HistoryPayments+HistoryModifications+HistoryRefunds+HistoryDisputes+HistoryEvents+HistoryEvidence+" +
			"HistoryDiscrepancies+commit",
	}, b.tracer.since())
	require.Len(t, h.Events, 4)
	require.Len(t, h.News, 1)
	require.Len(t, h.Payments, 1)
	require.NotEmpty(t, h.Payments[0].NextChecks, "not confirmed yet")
}

func TestHistory_OfNoOrderLeavesNoTransactionBehind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 20 { // more than the pool has connections
		_, err := b.service.History(t.Context(), ids.New[ids.OrderEntity](), orders.Page{Limit: 10})
		requireFault(t, err, fault.NotFound, "resource_missing")
	}
	_, err := b.service.History(t.Context(), b.order().ID, orders.Page{Limit: 10})
	require.NoError(t, err)
}
