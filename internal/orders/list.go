package orders

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres"
)

// Page selects a part of a list, newest first (API.md §1). The cursors are ids of the listed resource as text; at most one
// is set. Limit is 1 to 100.
type Page struct {
	Limit                       int
	StartingAfter, EndingBefore string
}

// List is one page of a list.
type List[T any] struct {
	Data    []T
	HasMore bool
}

// TimeRange bounds a creation time in unix seconds; nil is no bound.
type TimeRange struct{ GT, GTE, LT, LTE *int64 }

// OrderFilter selects orders; zero fields select all.
type OrderFilter struct {
	Status                     Status
	Customer                   ids.Customer
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
func (s *Service) List(ctx context.Context, f OrderFilter, page Page) (List[Order], error) {
	if f.Status != "" && !f.Status.Valid() {
		return List[Order]{}, fault.InvalidParam("status", "status must be one of %s.", joined(Statuses()))
	}
	k, err := keyset[ids.OrderEntity](page, "orders")
	if err != nil {
		return List[Order]{}, err
	}
	where(&k, "status = %s", string(f.Status))
	where(&k, "reference = %s", f.Reference)
	where(&k, "currency = %s", strings.ToUpper(f.Currency))
	where(&k, "email = %s", strings.ToLower(f.Email))
	if !f.Customer.IsZero() {
		k.Where("customer_id = %s", f.Customer.UUID())
	}
	bound(&k, "amount >= %s", f.AmountGTE)
	bound(&k, "amount <= %s", f.AmountLTE)
	f.Created.where(&k)
	return listPage(ctx, s, k, page, orderFromRow, s.orderExists)
}

// ListPayments returns a page of payments. An unknown cursor or status is a fault Invalid.
func (s *Service) ListPayments(ctx context.Context, f PaymentFilter, page Page) (List[Payment], error) {
	if f.Status != "" && !f.Status.Valid() {
		return List[Payment]{}, fault.InvalidParam("status", "status must be one of %s.", joined(PaymentStatuses()))
	}
	k, err := keyset[ids.PaymentEntity](page, "payments")
	if err != nil {
		return List[Payment]{}, err
	}
	where(&k, "status = %s", string(f.Status))
	where(&k, "provider_transaction_id = %s", f.ProviderTransactionID)
	where(&k, "merchant_txn_id = %s", f.MerchantTxnID)
	if !f.Order.IsZero() {
		k.Where("order_id = %s", f.Order.UUID())
	}
	f.Created.where(&k)
	return listPage(ctx, s, k, page, paymentFromRow, s.paymentExists)
}

func keyset[E ids.Entity](page Page, table string) (postgres.Keyset, error) {
	k := postgres.Keyset{Table: table, ID: "id", Limit: page.Limit}
	if page.Limit < 1 || page.Limit > 100 {
		return k, fault.InvalidParam("limit", "limit must be between 1 and 100.")
	}
	if page.StartingAfter != "" && page.EndingBefore != "" {
		return k, fault.InvalidParam("ending_before", "Give starting_after or ending_before, not both.")
	}
	if page.StartingAfter != "" {
		id, err := ids.Parse[E](page.StartingAfter)
		if err != nil {
			return k, unknownCursor("starting_after")
		}
		k.After = id.Nullable()
	}
	if page.EndingBefore != "" {
		id, err := ids.Parse[E](page.EndingBefore)
		if err != nil {
			return k, unknownCursor("ending_before")
		}
		k.Before = id.Nullable()
	}
	return k, nil
}

func unknownCursor(param string) error {
	return fault.InvalidParam(param, "%s is not the id of a listed resource.", param)
}

// listPage reads a page and maps it. An empty page may be due to a cursor that names nothing: that is looked up then, and
// only then, so the usual page costs one query.
func listPage[Row, T any](
	ctx context.Context, s *Service, k postgres.Keyset, page Page, from func(Row) (T, error),
	exists func(context.Context, string) (bool, error),
) (List[T], error) {
	list := List[T]{Data: []T{}}
	rows, more, err := postgres.SelectPage[Row](ctx, s.pool, k)
	if err != nil {
		return list, postgres.Translate(err)
	}
	for _, row := range rows {
		item, err := from(row)
		if err != nil {
			return list, err
		}
		list.Data = append(list.Data, item)
	}
	list.HasMore = more
	cursor, param := page.StartingAfter, "starting_after"
	if page.EndingBefore != "" {
		cursor, param = page.EndingBefore, "ending_before"
	}
	if cursor == "" {
		return list, nil
	}
	found, err := exists(ctx, cursor)
	if err == nil && !found {
		err = unknownCursor(param)
	}
	return list, err
}

func (s *Service) orderExists(ctx context.Context, text string) (bool, error) {
	id, err := ids.Parse[ids.OrderEntity](text)
	if err != nil {
		return false, nil //nolint:nilerr // what is no id names no order
	}
	return exists(s.queries.OrderExists(ctx, id.UUID()))
}

func (s *Service) paymentExists(ctx context.Context, text string) (bool, error) {
	id, err := ids.Parse[ids.PaymentEntity](text)
	if err != nil {
		return false, nil //nolint:nilerr // what is no id names no payment
	}
	return exists(s.queries.PaymentExists(ctx, id.UUID()))
}

func exists(found bool, err error) (bool, error) {
	if err != nil {
		return false, fmt.Errorf("look up a cursor: %w", postgres.Translate(err))
	}
	return found, nil
}

func where(k *postgres.Keyset, condition, value string) {
	if value != "" {
		k.Where(condition, value)
	}
}

func bound(k *postgres.Keyset, condition string, value *int64) {
	if value != nil {
		k.Where(condition, *value)
	}
}

func (r TimeRange) where(k *postgres.Keyset) {
	for _, b := range []struct {
		condition string
		unix      *int64
	}{
		{"created_at >= %s", r.GTE},
		{"created_at < %s", r.LT},
		{"created_at >= %s", after(r.GT)},
		{"created_at < %s", after(r.LTE)},
	} {
		if b.unix != nil {
			k.Where(b.condition, time.Unix(*b.unix, 0).UTC())
		}
	}
}

// after moves a bound to the next second: created is answered in whole seconds, so "> 5" means from 6 on and "<= 5" means
// before 6, whatever fraction the row has.
func after(unix *int64) *int64 {
	if unix == nil {
		return nil
	}
	next := *unix + 1
	return &next
}

func joined[S ~string](values []S) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}
