package crash

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tillway/internal/onerway"
	"tillway/internal/sandbox"
	"tillway/test/world"
)

// strays are sales that somebody else makes on the merchant's account. The provider notifies us of them, and since they are
// not ours, jobs try those notifications again and again: without strays nobody would be seen dying in such a job.
type strays struct {
	client *onerway.Client
	notify string
	name   string
	mu     sync.Mutex
	sold   map[string]bool
}

func newStrays(w *world.World, name string) (*strays, error) {
	client, err := onerway.New(onerway.Config{
		BaseURL: w.Provider.URL, MerchantNo: sandbox.DefaultMerchantNo, AppID: sandbox.DefaultAppID,
		SecretKey: onerway.Conceal(sandbox.DefaultSecretKey), Timeout: 10 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("make a client of the provider: %w", err)
	}
	return &strays{client: client, notify: w.URL() + "/v1/webhooks/onerway", name: name, sold: map[string]bool{}}, nil
}

// sell makes some sales. What becomes of them does not matter: faults strike them too.
func (s *strays) sell(ctx context.Context, count int) {
	for range count {
		s.mu.Lock()
		id := fmt.Sprintf("stray-%s-%d", s.name, len(s.sold))
		s.sold[id] = true
		s.mu.Unlock()
		_, _ = s.client.DoTransaction(ctx, s.request(id))
	}
}

func (s *strays) request(id string) onerway.SaleRequest {
	contact := &onerway.Address{Email: "buyer@example.com", Country: "DE"}
	return onerway.SaleRequest{
		MerchantTxnID: id, SubProductType: onerway.SubProductDirect, TxnType: onerway.TxnSale, OrderAmount: "10.00",
		OrderCurrency: "EUR", Risk3DSStrategy: onerway.Risk3DSNone, Billing: contact, Shipping: contact,
		Card: &onerway.CardInfo{
			HolderName: onerway.Conceal("Ada Lovelace"), CardNumber: onerway.Conceal("4242424242424242"),
			Month: "12", Year: "2034", CVV: onerway.Conceal("123"),
		},
		Order: onerway.TxnOrderMsg{
			ReturnURL: world.Shop, NotifyURL: s.notify, TransactionIP: "127.0.0.1",
			Products: onerway.Products{{Name: "Something", Price: "10.00", Num: "1", Currency: "EUR"}},
		},
	}
}

// all names every sale that was tried.
func (s *strays) all() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	copied := make(map[string]bool, len(s.sold))
	for id := range s.sold {
		copied[id] = true
	}
	return copied
}
