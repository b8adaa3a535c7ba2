package orders_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/orders"
)

func TestCreate_StoresTheWholeOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := orders.CreateOrder{
		Idempotency: key("k"), CorrelationID: "corr", Amount: 2700, Currency: "EUR", Reference: "R-1", Description: "Tea, ü",
		Customer: b.customer(),
		Items: []orders.Item{
			{Name: "Tea", UnitAmount: 1500, Quantity: 2, Type: "physical", ImageURL: "https://shop.example.com/tea.png"},
			{Name: "Voucher", UnitAmount: -300, Quantity: 1, Type: "discount"},
		},
		Billing: &details.Contact{
			FirstName: "A", LastName: "B", Email: "Buyer@Example.com", Phone: "+49", Address: &details.Address{Line1: "1", City: "B", Country: "de"},
		},
		Shipping:  &details.Contact{FirstName: "C"},
		ReturnURL: "https://shop.example.com/done", Metadata: details.Metadata{"cart": "7"},
		ExpiresIn: time.Hour, LatePayment: orders.LatePaymentReview,
	}
	created, err := b.service.Create(t.Context(), req)
	require.NoError(t, err)

	o := created.Order
	require.Equal(t, o, b.get(o.ID), "the answer is what is stored")
	require.Equal(t, orders.StatusOpen, o.Status)
	require.Equal(t, "DE", o.Billing.Address.Country)
	require.Equal(t, o.CreatedAt.Add(time.Hour), o.ExpiresAt)
	require.Equal(t, orders.LatePaymentReview, o.LatePayment)
	require.Equal(t, []string{"order.created"}, b.events(o.ID))
	require.True(t, b.service.ClientSecretMatches(o.ID, created.ClientSecret))
	require.False(t, b.service.ClientSecretMatches(ids.New[ids.OrderEntity](), created.ClientSecret))
	require.False(t, b.service.ClientSecretMatches(o.ID, ""))

	plain := b.order()
	require.Equal(t, orders.LatePaymentRefund, plain.LatePayment)
	require.Equal(t, plain.CreatedAt.Add(24*time.Hour), plain.ExpiresAt)
	require.Equal(t, plain, b.get(plain.ID))
}

func TestCreate_RefusesEachBadFieldByItsName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item := orders.Item{Name: "Tea", UnitAmount: 2700, Quantity: 1}
	for name, tc := range map[string]struct {
		param string
		spoil func(*orders.CreateOrder)
	}{
		"no currency":        {"currency", func(r *orders.CreateOrder) { r.Currency = "" }},
		"odd currency":       {"currency", func(r *orders.CreateOrder) { r.Currency = "EURO" }},
		"no amount":          {"amount", func(r *orders.CreateOrder) { r.Amount = 0 }},
		"negative amount":    {"amount", func(r *orders.CreateOrder) { r.Amount = -1 }},
		"huge amount":        {"amount", func(r *orders.CreateOrder) { r.Amount = 100_000_000 }},
		"long reference":     {"reference", func(r *orders.CreateOrder) { r.Reference = strings.Repeat("x", 256) }},
		"NUL in reference":   {"reference", func(r *orders.CreateOrder) { r.Reference = "a\x00" }},
		"long description":   {"description", func(r *orders.CreateOrder) { r.Description = strings.Repeat("ü", 351) }},
		"broken description": {"description", func(r *orders.CreateOrder) { r.Description = "\xff" }},
		"nameless item":      {"items[0].name", func(r *orders.CreateOrder) { r.Items = []orders.Item{{UnitAmount: 2700, Quantity: 1}} }},
		"item without count": {"items[1].quantity", func(r *orders.CreateOrder) { r.Items = []orders.Item{item, {Name: "x"}} }},
		"negative item": {"items[0].unit_amount", func(r *orders.CreateOrder) {
			r.Items = []orders.Item{{Name: "x", UnitAmount: -1, Quantity: 1}}
		}},
		"overflowing item": {"items[0].unit_amount", func(r *orders.CreateOrder) {
			r.Items = []orders.Item{{Name: "x", UnitAmount: math.MaxInt64, Quantity: 2}}
		}},
		"overflowing sum": {"items[1].unit_amount", func(r *orders.CreateOrder) {
			r.Items = []orders.Item{{Name: "x", UnitAmount: math.MaxInt64, Quantity: 1}, {Name: "x", UnitAmount: 1, Quantity: 1}}
		}},
		"too many items":   {"items", func(r *orders.CreateOrder) { r.Items = make([]orders.Item, 501) }},
		"bad email":        {"billing_details.email", func(r *orders.CreateOrder) { r.Billing.Email = "A <a@example.com>" }},
		"bad country":      {"shipping_details.address.country", func(r *orders.CreateOrder) { r.Shipping = contactIn("Germany") }},
		"long city":        {"billing_details.address.city", func(r *orders.CreateOrder) { r.Billing.Address.City = strings.Repeat("x", 257) }},
		"foreign return":   {"return_url", func(r *orders.CreateOrder) { r.ReturnURL = "https://evil.example.org" }},
		"relative return":  {"return_url", func(r *orders.CreateOrder) { r.ReturnURL = "/shop.example.com" }},
		"user in return":   {"return_url", func(r *orders.CreateOrder) { r.ReturnURL = "https://shop.example.com@evil.org" }},
		"hasty expiry":     {"expires_in", func(r *orders.CreateOrder) { r.ExpiresIn = time.Millisecond }},
		"endless expiry":   {"expires_in", func(r *orders.CreateOrder) { r.ExpiresIn = 366 * 24 * time.Hour }},
		"negative expiry":  {"expires_in", func(r *orders.CreateOrder) { r.ExpiresIn = -time.Hour }},
		"odd policy":       {"late_payment", func(r *orders.CreateOrder) { r.LatePayment = "keep" }},
		"much metadata":    {"metadata", func(r *orders.CreateOrder) { r.Metadata = pairs(51) }},
		"long key":         {"metadata", func(r *orders.CreateOrder) { r.Metadata = details.Metadata{strings.Repeat("k", 41): ""} }},
		"long value":       {"metadata.k", func(r *orders.CreateOrder) { r.Metadata = details.Metadata{"k": strings.Repeat("v", 501)} }},
		"control in value": {"metadata.k", func(r *orders.CreateOrder) { r.Metadata = details.Metadata{"k": "\x1b[2J"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			req := newOrder()
			tc.spoil(&req)
			_, err := b.service.Create(t.Context(), req)
			requireParam(t, err, tc.param)
		})
	}
	_, err := b.service.Create(t.Context(), orders.CreateOrder{Amount: 2700, Currency: "eur", Items: []orders.Item{item, item}})
	requireFault(t, err, fault.Refused, "items_do_not_sum")
}

func TestCreate_TakesEverythingUpToItsLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(func(r *orders.CreateOrder) {
		r.Amount = 99_999_999
		r.Reference, r.Description = strings.Repeat("ü", 255), strings.Repeat("茶", 350)
		r.Metadata = pairs(50)
		r.ExpiresIn = 365 * 24 * time.Hour
	})
	require.Equal(t, o, b.get(o.ID))
}

func TestCreate_AsksTheProviderWhetherItCanTakeTheAmount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.gateway.accepts = func(amount money.Amount) error {
		require.Equal(t, "KWD", amount.Currency.Code())
		return fault.New(fault.Refused, "currency_not_supported", "Three decimals cannot be charged.")
	}
	_, err := b.service.Create(t.Context(), orders.CreateOrder{Amount: 1000, Currency: "kwd"})
	requireFault(t, err, fault.Refused, "currency_not_supported")
}

func TestCreate_RepeatedKeyAnswersTheSameOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := newOrder()
	req.Idempotency, req.Reference = key("k"), "R-1"

	var group errgroup.Group
	created := make([]orders.Created, 20)
	for i := range created {
		group.Go(func() error {
			var err error
			created[i], err = b.service.Create(t.Context(), req)
			return err
		})
	}
	require.NoError(t, group.Wait())
	fresh := 0
	for _, c := range created {
		require.Equal(t, created[0].Order.ID, c.Order.ID)
		require.Equal(t, created[0].ClientSecret, c.ClientSecret)
		if !c.Replayed {
			fresh++
		}
	}
	require.Equal(t, 1, fresh)
	require.Equal(t, 1, b.count("SELECT count(*) FROM orders"))

	other := req
	other.Idempotency.Fingerprint[0]++
	_, err := b.service.Create(t.Context(), other)
	requireFault(t, err, fault.Refused, "idempotency_key_reused")

	another := req
	another.Idempotency = key("another")
	_, err = b.service.Create(t.Context(), another)
	requireFault(t, err, fault.Conflict, "reference_in_use")
	another.Idempotency = orders.Idempotency{}
	_, err = b.service.Create(t.Context(), another)
	requireFault(t, err, fault.Conflict, "reference_in_use")
}

func contactIn(country string) *details.Contact {
	return &details.Contact{Address: &details.Address{Country: country}}
}

func pairs(n int) details.Metadata {
	m := details.Metadata{}
	for i := range n {
		m[fmt.Sprintf("key-%036d", i)] = strings.Repeat("é", 500)
	}
	return m
}

func TestCreate_RefusesCardNumbersInWhateverText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const pan = "5555 3412 4444 1115"
	for param, spoil := range map[string]func(*orders.CreateOrder){
		"description":                   func(r *orders.CreateOrder) { r.Description = "card " + pan },
		"reference":                     func(r *orders.CreateOrder) { r.Reference = pan },
		"metadata":                      func(r *orders.CreateOrder) { r.Metadata = details.Metadata{"note": pan} },
		"items[0].name":                 func(r *orders.CreateOrder) { r.Items = []orders.Item{{Name: pan, UnitAmount: 2700, Quantity: 1}} },
		"billing_details.address.line1": func(r *orders.CreateOrder) { r.Billing.Address.Line1 = pan },
		"return_url":                    func(r *orders.CreateOrder) { r.ReturnURL = "https://shop.example.com/5555341244441115" },
	} {
		req := newOrder()
		spoil(&req)
		_, err := b.service.Create(t.Context(), req)
		requireParam(t, err, param)
		require.NotContains(t, err.Error(), pan)
	}
	require.Zero(t, b.count("SELECT count(*) FROM orders"))
}
