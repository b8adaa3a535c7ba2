package gateway_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/onerway"
	"tillway/internal/onerway/gateway"
	"tillway/internal/orders"
)

func TestCancel_SaysWhatIsKnownOfTheRequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		kind fault.Kind
	}{
		"refused":    {&onerway.Error{Class: onerway.Refused, RespCode: "40000"}, fault.Conflict},
		"never sent": {&onerway.Error{Class: onerway.NeverSent}, fault.Unavailable},
		"lost":       {&onerway.Error{Class: onerway.Unknown}, fault.Internal},
	} {
		g := newGateway(t, &provider{err: test.err}, &observer{}, &budget{}, gateway.Transactions)
		require.Equal(t, test.kind, fault.KindOf(g.Cancel(t.Context(), "1")), name)
	}
	g := newGateway(t, &provider{}, &observer{}, &budget{}, gateway.Transactions)
	require.NoError(t, g.Cancel(t.Context(), "1"))
}

func TestGivenBack_IsAWholeRefundOrVoidWithoutAReference(t *testing.T) {
	t.Parallel()
	row := func(change func(*onerway.Transaction)) onerway.Transaction {
		r := onerway.Transaction{
			TransactionID: "2", OriginTransactionID: "1", TxnType: "REFUND", Status: "S", OrderAmount: "27.50", OrderCurrency: "EUR",
		}
		change(&r)
		return r
	}
	for name, test := range map[string]struct {
		change func(*onerway.Transaction)
		back   bool
	}{
		"a refund":             {func(*onerway.Transaction) {}, true},
		"a void":               {func(r *onerway.Transaction) { r.TxnType = "VOID" }, true},
		"a refund of ours":     {func(r *onerway.Transaction) { r.MerchantTxnID = "re_1" }, false},
		"of another":           {func(r *onerway.Transaction) { r.OriginTransactionID = "3" }, false},
		"a part":               {func(r *onerway.Transaction) { r.OrderAmount = "27.49" }, false},
		"not carried out yet":  {func(r *onerway.Transaction) { r.Status = "P" }, false},
		"of which none counts": {func(r *onerway.Transaction) { r.TxnType = "CAPTURE" }, false},
	} {
		rows := onerway.Page[onerway.Transaction]{Rows: []onerway.Transaction{row(test.change)}, Current: 1, TotalPages: 1, TotalElements: 1}
		g := newGateway(t, &provider{rows: rows}, &observer{}, &budget{}, gateway.Transactions)
		back, err := g.GivenBack(t.Context(), orders.GivenBackQuery{TransactionID: "1", Amount: amount(t, 2750, "EUR"), Age: time.Minute})
		require.NoError(t, err, name)
		require.Equal(t, test.back, back, name)
	}
	g := newGateway(t, &provider{err: errors.New("away")}, &observer{}, &budget{}, gateway.Transactions)
	_, err := g.GivenBack(t.Context(), orders.GivenBackQuery{TransactionID: "1"})
	require.Error(t, err)
}
