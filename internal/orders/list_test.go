package orders_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
	"tillway/internal/orders"
)

func idsOf(list []orders.Order) []ids.Order {
	found := []ids.Order{}
	for _, o := range list {
		found = append(found, o.ID)
	}
	return found
}

func TestList_PagesBothWaysAndKnowsItsEdges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var newest []ids.Order
	for range 5 {
		newest = append(newest, b.order().ID)
		b.clock.advance(time.Second)
	}
	slices.Reverse(newest)
	at := func(i int) string { return newest[i].String() }
	for name, tc := range map[string]struct {
		page orders.Page
		want []ids.Order
		more bool
	}{
		"first page":            {orders.Page{Limit: 2}, newest[:2], true},
		"all but one":           {orders.Page{Limit: 4}, newest[:4], true},
		"exactly all":           {orders.Page{Limit: 5}, newest, false},
		"more than all":         {orders.Page{Limit: 100}, newest, false},
		"after the second":      {orders.Page{Limit: 2, StartingAfter: at(1)}, newest[2:4], true},
		"the last but one page": {orders.Page{Limit: 2, StartingAfter: at(2)}, newest[3:], false},
		"after the last":        {orders.Page{Limit: 2, StartingAfter: at(4)}, []ids.Order{}, false},
		"before the last":       {orders.Page{Limit: 2, EndingBefore: at(4)}, newest[2:4], true},
		"before the third":      {orders.Page{Limit: 2, EndingBefore: at(2)}, newest[:2], false},
		"before the second":     {orders.Page{Limit: 2, EndingBefore: at(1)}, newest[:1], false},
		"before the first":      {orders.Page{Limit: 2, EndingBefore: at(0)}, []ids.Order{}, false},
	} {
		list, err := b.service.List(t.Context(), orders.OrderFilter{}, tc.page)
		require.NoError(t, err, name)
		require.Equal(t, tc.want, idsOf(list.Data), name)
		require.Equal(t, tc.more, list.HasMore, name)
	}
}

func TestList_RefusesACursorThatNamesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order()
	p := b.pay(o, "k")
	unknown := ids.New[ids.OrderEntity]().String()
	for name, tc := range map[string]struct {
		param string
		page  orders.Page
	}{
		"unknown id":       {"starting_after", orders.Page{Limit: 1, StartingAfter: unknown}},
		"unknown before":   {"ending_before", orders.Page{Limit: 1, EndingBefore: unknown}},
		"another's prefix": {"starting_after", orders.Page{Limit: 1, StartingAfter: p.ID.String()}},
		"no id":            {"ending_before", orders.Page{Limit: 1, EndingBefore: "ord_"}},
		"both":             {"ending_before", orders.Page{Limit: 1, StartingAfter: o.ID.String(), EndingBefore: o.ID.String()}},
		"no limit":         {"limit", orders.Page{}},
		"limit 101":        {"limit", orders.Page{Limit: 101}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := b.service.List(t.Context(), orders.OrderFilter{}, tc.page)
			requireParam(t, err, tc.param)
		})
	}
	_, err := b.service.ListPayments(t.Context(), orders.PaymentFilter{}, orders.Page{Limit: 1, StartingAfter: ids.New[ids.PaymentEntity]().String()})
	requireParam(t, err, "starting_after")
}

func TestList_FiltersOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := func(n int64) *int64 { return &n }
	customer := b.customer()
	first := b.order(func(r *orders.CreateOrder) { r.Amount, r.Currency, r.Reference = 100, "jpy", "R-1" })
	b.clock.advance(time.Hour)
	second := b.order(func(r *orders.CreateOrder) { r.Amount, r.Customer, r.Billing.Email = 200, customer, "Else@Example.com" })
	b.pay(second, "k")
	b.clock.advance(time.Hour)
	third := b.order(func(r *orders.CreateOrder) { r.Amount = 300 })

	all := []ids.Order{third.ID, second.ID, first.ID}
	at := second.CreatedAt.Unix()
	for name, tc := range map[string]struct {
		filter orders.OrderFilter
		want   []ids.Order
	}{
		"none":            {orders.OrderFilter{}, all},
		"status":          {orders.OrderFilter{Status: orders.StatusPaid}, all[1:2]},
		"customer":        {orders.OrderFilter{Customer: customer}, all[1:2]},
		"reference":       {orders.OrderFilter{Reference: "R-1"}, all[2:]},
		"currency":        {orders.OrderFilter{Currency: "jpY"}, all[2:]},
		"email":           {orders.OrderFilter{Email: "eLse@example.com"}, all[1:2]},
		"amount from":     {orders.OrderFilter{AmountGTE: number(200)}, all[:2]},
		"amount to":       {orders.OrderFilter{AmountLTE: number(200)}, all[1:]},
		"amount":          {orders.OrderFilter{AmountGTE: number(101), AmountLTE: number(299)}, all[1:2]},
		"created after":   {orders.OrderFilter{Created: orders.TimeRange{GT: &at}}, all[:1]},
		"created from":    {orders.OrderFilter{Created: orders.TimeRange{GTE: &at}}, all[:2]},
		"created before":  {orders.OrderFilter{Created: orders.TimeRange{LT: &at}}, all[2:]},
		"created to":      {orders.OrderFilter{Created: orders.TimeRange{LTE: &at}}, all[1:]},
		"end of time":     {orders.OrderFilter{Created: orders.TimeRange{LTE: number(math.MaxInt64), GT: number(math.MinInt64)}}, all},
		"after all time":  {orders.OrderFilter{Created: orders.TimeRange{GT: number(math.MaxInt64)}}, []ids.Order{}},
		"all together":    {orders.OrderFilter{Status: orders.StatusPaid, Customer: customer, Currency: "EUR", AmountGTE: number(1)}, all[1:2]},
		"not together":    {orders.OrderFilter{Status: orders.StatusPaid, Currency: "JPY"}, []ids.Order{}},
		"no such word":    {orders.OrderFilter{Reference: "r-1"}, []ids.Order{}},
		"injected":        {orders.OrderFilter{Reference: "' OR true --"}, []ids.Order{}},
		"what is no text": {orders.OrderFilter{Email: "a\x00", Reference: "\xff"}, []ids.Order{}},
	} {
		list, err := b.service.List(t.Context(), tc.filter, orders.Page{Limit: 10})
		require.NoError(t, err, name)
		require.Equal(t, tc.want, idsOf(list.Data), name)
		require.False(t, list.HasMore, name)
	}
	_, err := b.service.List(t.Context(), orders.OrderFilter{Status: "shipped"}, orders.Page{Limit: 10})
	requireParam(t, err, "status")
}

func TestList_FiltersPayments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.sale = declined
	o := b.order()
	failed := b.pay(o, "1")
	b.gateway.sale = nil
	succeeded := b.pay(o, "2")
	other := b.pay(b.order(), "1")
	for name, tc := range map[string]struct {
		filter orders.PaymentFilter
		want   []orders.Payment
	}{
		"none":        {orders.PaymentFilter{}, []orders.Payment{other, succeeded, failed}},
		"order":       {orders.PaymentFilter{Order: o.ID}, []orders.Payment{succeeded, failed}},
		"status":      {orders.PaymentFilter{Status: orders.PaymentFailed}, []orders.Payment{failed}},
		"transaction": {orders.PaymentFilter{ProviderTransactionID: succeeded.ProviderTransactionID}, []orders.Payment{succeeded}},
		"reference":   {orders.PaymentFilter{MerchantTxnID: other.MerchantTxnID}, []orders.Payment{other}},
		"no text":     {orders.PaymentFilter{MerchantTxnID: "\x00"}, []orders.Payment{}},
	} {
		list, err := b.service.ListPayments(t.Context(), tc.filter, orders.Page{Limit: 10})
		require.NoError(t, err, name)
		require.Equal(t, tc.want, list.Data, name)
	}
	_, err := b.service.ListPayments(t.Context(), orders.PaymentFilter{Status: "x"}, orders.Page{Limit: 10})
	requireParam(t, err, "status")
}
