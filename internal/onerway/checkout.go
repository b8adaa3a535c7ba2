package onerway

import (
	"context"
	"errors"
	"time"
)

// ProductType says what an order may be paid with.
type ProductType string

// The product types of a hosted checkout and of a payment by itself (§6, §8.1, §8.2).
const (
	// ProductCard: cards only.
	ProductCard ProductType = "CARD"
	// ProductAll: every method that the merchant has enabled.
	ProductAll ProductType = "ALL"
	// ProductLPMS: one local payment method. A checkout session is not restricted to it here.
	ProductLPMS ProductType = "LPMS"
)

// CheckoutRequest opens one session on the provider's own payment page (§8.2), in the provider's words. It carries no card:
// the shopper types it there. Empty members are not sent.
type CheckoutRequest struct {
	MerchantTxnID         string // new for every request
	MerchantTxnOriginalID string // the order: the provider lets one transaction of it succeed
	MerchantCustID        string
	MerchantTxnTime       time.Time // default: now
	ProductType           ProductType
	TxnType               TxnType
	OrderAmount           string // decimal text in major units
	OrderCurrency         string // ISO 4217, upper case
	Billing               *Address
	Shipping              *Address
	Order                 TxnOrderMsg
}

// check refuses what the contract forbids before it reaches the wire.
func (r CheckoutRequest) check() error {
	faults := []error{r.common().check()}
	if r.ProductType != ProductCard && r.ProductType != ProductAll {
		faults = append(faults, errors.New("productType is neither CARD nor ALL"))
	}
	return errors.Join(faults...)
}

func (r CheckoutRequest) common() commonRequest {
	return commonRequest{
		merchantTxnID: r.MerchantTxnID, originalID: r.MerchantTxnOriginalID, custID: r.MerchantCustID, at: r.MerchantTxnTime,
		txnType: r.TxnType, amount: r.OrderAmount, currency: r.OrderCurrency, billing: r.Billing, shipping: r.Shipping, order: r.Order,
	}
}

// Checkout opens one session on the provider's page (§8.2), exactly once. A session that was opened is answered with
// StatusAwaitingPayment and the page's RedirectURL; no money moves before a shopper has been there. Its errors are of type
// *Error: after NeverSent and Refused there is no session; after Unknown there may be one.
func (c *Client) Checkout(ctx context.Context, request CheckoutRequest) (SaleResponse, error) {
	const op = "checkout"
	if err := request.check(); err != nil {
		return SaleResponse{}, invalidRequest(op, err)
	}
	fields, err := c.commonFields(request.common())
	if err != nil {
		return SaleResponse{}, invalidRequest(op, err)
	}
	fields["productType"], fields["subProductType"] = string(request.ProductType), string(SubProductDirect)
	got, err := c.call(ctx, op, "/txn/payment", fields, scrubber{})
	if err != nil {
		return SaleResponse{}, err
	}
	return c.verified(op, request.MerchantTxnID, got, scrubber{})
}
