package orders_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/money"
	"tillway/internal/orders"
	"tillway/internal/postgres/pgtest"
)

// fakeGateway answers sales and questions as its test tells it to.
type fakeGateway struct {
	sale func(orders.Sale) orders.Evidence
	find func(orders.Query) (orders.Evidence, error)
}

func (g *fakeGateway) Accepts(money.Amount) error { return nil }

func (g *fakeGateway) Admit(context.Context) error { return nil }

func (g *fakeGateway) Sale(_ context.Context, sale orders.Sale) orders.Evidence { return g.sale(sale) }

func (g *fakeGateway) Find(_ context.Context, q orders.Query) (orders.Evidence, error) {
	return g.find(q)
}

func newService(t *testing.T, g *fakeGateway) *orders.Service {
	t.Helper()
	return orders.New(pgtest.New(t), g, nil, slog.New(slog.DiscardHandler), time.Now, orders.Config{
		PublicURL: "https://pay.example.com", ReturnURLAllowed: func(string) bool { return true }, MaxAmount: 99_999_999,
		CallerDeadline: 5 * time.Second, ChargeTimeout: 10 * time.Second, NotFoundAfter: 15 * time.Minute,
		Schedule: orders.Schedule{3 * time.Second, 10 * time.Second}, Confirm: orders.ConfirmMismatch,
		SecretKey: make([]byte, 32),
	})
}

func newOrder() orders.CreateOrder {
	return orders.CreateOrder{
		Amount: 2700, Currency: "eur", CorrelationID: "test",
		Billing: &orders.Contact{Email: "buyer@example.com", Address: &orders.Address{Country: "DE"}},
	}
}

func TestPay_SaleSucceedsAndOrderIsPaid(t *testing.T) {
	t.Parallel()

	g := &fakeGateway{sale: func(s orders.Sale) orders.Evidence {
		return orders.Evidence{
			Source: orders.SourceAnswer, Outcome: orders.OutcomeSucceeded, Amount: s.Amount, ProviderTransactionID: "1",
		}
	}}
	s := newService(t, g)
	created, err := s.Create(t.Context(), newOrder())
	require.NoError(t, err)
	result, err := s.Pay(t.Context(), orders.PayRequest{
		Order: created.Order.ID, CorrelationID: "test",
		Card: orders.Card{Number: "4761344136141390", ExpMonth: 12, ExpYear: 2030, CVC: "123", HolderName: "A B"},
	})
	require.NoError(t, err)
	require.Equal(t, orders.PaymentSucceeded, result.Payment.Status)
	require.False(t, result.Payment.Confirmed)

	o, err := s.Get(t.Context(), created.Order.ID)
	require.NoError(t, err)
	require.Equal(t, orders.StatusPaid, o.Status)
	require.EqualValues(t, 2700, o.AmountPaid)
	require.EqualValues(t, 4, o.LastSequence)

	applied, err := s.Apply(t.Context(), result.Payment.MerchantTxnID, orders.Evidence{
		Source: orders.SourceNotification, Outcome: orders.OutcomeSucceeded, Amount: o.Amount, ProviderTransactionID: "1",
	}, nil)
	require.NoError(t, err)
	require.True(t, applied.Payment.Confirmed)
	list, err := s.List(t.Context(), orders.OrderFilter{Email: "BUYER@example.com"}, orders.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, list.Data, 1)
}
