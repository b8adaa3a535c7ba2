package orders_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/money"
	"tillway/internal/orders"
)

// fakeGateway answers sales and questions as its test tells it to, and remembers every sale. What a test leaves nil takes
// the money, or must not be called.
type fakeGateway struct {
	t       *testing.T
	accepts func(money.Amount) error
	admit   func(context.Context, orders.Initiator) error
	sale    func(context.Context, orders.Sale) orders.Evidence
	find    func(context.Context, orders.Query) (orders.Evidence, error)

	mu    sync.Mutex
	sales []orders.Sale
}

func (g *fakeGateway) Accepts(amount money.Amount) error {
	if g.accepts == nil {
		return nil
	}
	return g.accepts(amount)
}

func (g *fakeGateway) Admit(ctx context.Context, by orders.Initiator) error {
	if g.admit == nil {
		return nil
	}
	return g.admit(ctx, by)
}

func (g *fakeGateway) Sale(ctx context.Context, sale orders.Sale) orders.Evidence {
	g.mu.Lock()
	g.sales = append(g.sales, sale)
	g.mu.Unlock()
	if g.sale == nil {
		return taken(orders.SourceAnswer, sale.Amount, sale.MerchantTxnID)
	}
	return g.sale(ctx, sale)
}

func (g *fakeGateway) Find(ctx context.Context, query orders.Query) (orders.Evidence, error) {
	require.NotNil(g.t, g.find, "nobody should ask about %s", query.MerchantTxnID)
	return g.find(ctx, query)
}

// sent returns the sales so far.
func (g *fakeGateway) sent() []orders.Sale {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]orders.Sale(nil), g.sales...)
}

// held is a sale that stays under way until its test lets it go.
type held struct {
	entered chan orders.Sale
	release chan orders.Evidence
	// left reports how the context of the call stood when it was let go.
	left chan error
}

// hold makes the gateway keep its sales under way.
func (g *fakeGateway) hold() *held {
	h := &held{entered: make(chan orders.Sale, 1), release: make(chan orders.Evidence, 1), left: make(chan error, 1)}
	g.sale = func(ctx context.Context, sale orders.Sale) orders.Evidence {
		h.entered <- sale
		ev := <-h.release
		h.left <- ctx.Err()
		return ev
	}
	return h
}

// taken is the news that the money was taken, as the provider's transaction "t-" and our reference.
func taken(source orders.Source, amount money.Amount, merchantTxnID string) orders.Evidence {
	return orders.Evidence{
		Source: source, Outcome: orders.OutcomeSucceeded, Amount: amount, ProviderTransactionID: "t-" + merchantTxnID,
		ProviderStatus: "S", ProviderCode: "20000", Digest: []byte("digest"), Body: []byte(`{"status":"S"}`),
	}
}

// declined is the synchronous answer of an issuer that has no funds to give.
func declined(context.Context, orders.Sale) orders.Evidence {
	return orders.Evidence{
		Source: orders.SourceAnswer, Outcome: orders.OutcomeDeclined, ProviderTransactionID: "",
		Failure: &orders.Failure{
			Code: "insufficient_funds", DeclineCode: "insufficient_funds", Category: orders.FailureSoft,
			Message: "The card has insufficient funds.", ProviderCode: "51",
		},
	}
}

// answer makes a sale that ends with the outcome and no word more.
func answer(outcome orders.Outcome) func(context.Context, orders.Sale) orders.Evidence {
	return func(context.Context, orders.Sale) orders.Evidence {
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: outcome}
	}
}
