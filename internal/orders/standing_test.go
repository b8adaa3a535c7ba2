package orders_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

func TestCountOpenDiscrepancies_SaysWhatIsAtRisk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	counts, err := b.service.CountOpenDiscrepancies(t.Context())
	require.NoError(t, err)
	require.Empty(t, counts)
	b.gateway.sale = answer(orders.OutcomeUnknown)
	for _, key := range []string{"a", "b"} {
		p := b.pay(b.order(), key)
		other := taken(orders.SourceNotification, p.Amount, p.MerchantTxnID)
		other.Amount.Minor++
		b.apply(p, other)
	}
	counts, err = b.service.CountOpenDiscrepancies(t.Context())
	require.NoError(t, err)
	require.Len(t, counts, 1)
	require.Equal(t, "amount", counts[0].Class)
	require.EqualValues(t, 2, counts[0].Count)
	require.EqualValues(t, 5400, counts[0].AtRisk)
	require.Equal(t, "EUR", counts[0].Currency.Code())
}
