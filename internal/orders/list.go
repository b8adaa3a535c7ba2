package orders

import (
	"context"
	"strings"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/page"
)

// Page, List and TimeRange are those of every list.
type (
	// Page selects a part of a list.
	Page = page.Request
	// List is one page of a list.
	List[T any] = page.List[T]
	// TimeRange bounds a creation time.
	TimeRange = page.TimeRange
)

// OrderFilter selects orders; zero fields select all.
type OrderFilter struct {
	Status                     Status
	Customer                   ids.Customer
	Subscription               ids.Subscription
	Reference, Currency, Email string
	AmountGTE, AmountLTE       *int64
	Created                    TimeRange
}

// PaymentFilter selects payments; zero fields select all.
type PaymentFilter struct {
	Order                 ids.Order
	Status                PaymentStatus
	ProviderTransactionID string
	MerchantTxnID         string
	Created               TimeRange
}

// List returns a page of orders. An unknown cursor or status is a fault Invalid.
func (s *Service) List(ctx context.Context, f OrderFilter, p Page) (List[Order], error) {
	if f.Status != "" && !f.Status.Valid() {
		return List[Order]{}, fault.InvalidParam("status", "status must be one of %s.", joined(Statuses()))
	}
	k, err := page.Keyset[ids.OrderEntity](p, "orders")
	if err != nil {
		return List[Order]{}, err
	}
	page.Equal(&k, "status = %s", string(f.Status))
	page.Equal(&k, "reference = %s", f.Reference)
	page.Equal(&k, "currency = %s", strings.ToUpper(f.Currency))
	page.Equal(&k, "email = %s", strings.ToLower(f.Email))
	if !f.Customer.IsZero() {
		k.Where("customer_id = %s", f.Customer.UUID())
	}
	if !f.Subscription.IsZero() {
		k.Where("subscription_id = %s", f.Subscription.UUID())
	}
	page.Bound(&k, "amount >= %s", f.AmountGTE)
	page.Bound(&k, "amount <= %s", f.AmountLTE)
	f.Created.Where(&k)
	return page.Read(ctx, s.pool, k, orderFromRow, s.queries.OrderExists)
}

// ListPayments returns a page of payments. An unknown cursor or status is a fault Invalid.
func (s *Service) ListPayments(ctx context.Context, f PaymentFilter, p Page) (List[Payment], error) {
	if f.Status != "" && !f.Status.Valid() {
		return List[Payment]{}, fault.InvalidParam("status", "status must be one of %s.", joined(PaymentStatuses()))
	}
	k, err := page.Keyset[ids.PaymentEntity](p, "payments")
	if err != nil {
		return List[Payment]{}, err
	}
	page.Equal(&k, "status = %s", string(f.Status))
	page.Equal(&k, "provider_transaction_id = %s", f.ProviderTransactionID)
	page.Equal(&k, "merchant_txn_id = %s", f.MerchantTxnID)
	if !f.Order.IsZero() {
		k.Where("order_id = %s", f.Order.UUID())
	}
	f.Created.Where(&k)
	return page.Read(ctx, s.pool, k, paymentFromRow, s.queries.PaymentExists)
}

// RefundFilter selects refunds; zero fields select all.
type RefundFilter struct {
	Order   ids.Order
	Payment ids.Payment
	Status  RefundStatus
	// Approval selects those that need, or needed, an approval and stand like this with it.
	Approval RefundApprovalStatus
	Created  TimeRange
}

// ListRefunds returns a page of refunds. An unknown cursor or status is a fault Invalid.
func (s *Service) ListRefunds(ctx context.Context, f RefundFilter, p Page) (List[Refund], error) {
	if f.Status != "" && !f.Status.Valid() {
		return List[Refund]{}, fault.InvalidParam("status", "status must be one of %s.", joined(RefundStatuses()))
	}
	k, err := page.Keyset[ids.RefundEntity](p, "refunds")
	if err != nil {
		return List[Refund]{}, err
	}
	page.Equal(&k, "status = %s", string(f.Status))
	page.Equal(&k, "approval = %s", string(f.Approval))
	if !f.Order.IsZero() {
		k.Where("order_id = %s", f.Order.UUID())
	}
	if !f.Payment.IsZero() {
		k.Where("payment_id = %s", f.Payment.UUID())
	}
	f.Created.Where(&k)
	return page.Read(ctx, s.pool, k, refundFromRow, s.queries.RefundExists)
}

func joined[S ~string](values []S) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}
