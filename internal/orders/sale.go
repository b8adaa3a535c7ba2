package orders

import "tillway/internal/details"

// saleOf gathers what the provider needs for one charge. The order's id groups its attempts at the provider, which lets
// only one of them succeed (Onerway contract §4): its own brake against a double charge.
func (s *Service) saleOf(o Order, p Payment, req PayRequest) Sale {
	sale := Sale{
		Payment: p.ID, Order: o.ID, MerchantTxnID: p.MerchantTxnID, OriginalID: o.ID.String(), Amount: p.Amount,
		CaptureMethod: p.CaptureMethod, Method: p.Method, Card: req.Card, Token: req.saved.Token, Items: o.Items,
		Description: o.Description, Billing: req.contact, Shipping: req.contact,
		CustomerID: o.Customer.String(), ThreeDS: req.ThreeDS, Browser: req.Browser, SentAt: p.SentAt,
		SandboxFault: details.SandboxFault(s.config.Livemode, p.Metadata, o.Metadata),
		ReturnURL:    s.config.PublicURL + "/v1/payments/" + p.ID.String() + "/return",
		NotifyURL:    s.config.PublicURL + "/v1/webhooks/onerway",
	}
	if !req.Saved.IsZero() {
		sale.CustomerID = req.saved.ProviderCustomer
	}
	if o.Shipping != nil {
		sale.Shipping = *o.Shipping
	}
	return sale
}
