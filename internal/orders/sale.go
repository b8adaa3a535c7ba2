package orders

import (
	"context"
	"fmt"

	"tillway/internal/details"
	"tillway/internal/postgres"
)

// originalOf is what groups the order's attempts at the provider, which lets only one of a group succeed (Onerway contract
// §4): its own brake against a double charge. It is the order's id until a hold was released. That hold was a success, and
// what follows it would be refused for ever; so it begins another group.
func (s *Service) originalOf(ctx context.Context, o Order) (string, error) {
	if o.Attempts == 0 {
		return o.ID.String(), nil
	}
	released, err := s.queries.PaymentsReleased(ctx, o.ID.UUID())
	if err != nil {
		return "", fmt.Errorf("count the released holds of %s: %w", o.ID, postgres.Translate(err))
	}
	if released == 0 {
		return o.ID.String(), nil
	}
	return fmt.Sprintf("%s-%d", o.ID, released+1), nil
}

// saleOf gathers what the provider needs for one charge.
func (s *Service) saleOf(o Order, p Payment, req PayRequest, original string) Sale {
	sale := Sale{
		Payment: p.ID, Order: o.ID, MerchantTxnID: p.MerchantTxnID, OriginalID: original, Amount: p.Amount,
		CaptureMethod: p.CaptureMethod, Method: p.Method, Card: req.Card, Token: req.saved.Token, Local: req.Local, Items: o.Items,
		Description: o.Description, Billing: req.contact, Shipping: req.contact,
		CustomerID: o.Customer.String(), ThreeDS: req.ThreeDS, Browser: req.Browser, SentAt: p.SentAt,
		SandboxFault: details.SandboxFault(s.config.Livemode, p.Metadata, o.Metadata),
		ReturnURL:    s.config.PublicURL + "/v1/payments/" + p.ID.String() + "/return",
		NotifyURL:    s.config.PublicURL + "/v1/webhooks/onerway",
	}
	if !req.Saved.IsZero() {
		sale.CustomerID = req.saved.ProviderCustomer
	}
	if c := req.Charge; c != nil {
		sale.Terms, sale.Contract = c.Terms, c.Contract
	}
	if o.Shipping != nil {
		sale.Shipping = *o.Shipping
	}
	return sale
}
