package gateway

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/ids"
	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/orders"
)

func saleOf(t require.TestingT, minor int64, code string, items ...orders.Item) orders.Sale {
	return orders.Sale{
		Order: ids.New[ids.OrderEntity](), Amount: money.New(minor, currency(t, code)), Items: items,
	}
}

func productsOf(t require.TestingT, sale orders.Sale) onerway.Products {
	total, ok := wireDecimal(sale.Amount)
	require.True(t, ok)
	return products(sale, total)
}

func TestProducts(t *testing.T) {
	t.Parallel()
	line := func(name, price, num, code, kind string) onerway.Product {
		return onerway.Product{Name: name, Price: price, Num: num, Currency: code, Type: kind}
	}
	tests := map[string]struct {
		sale orders.Sale
		want onerway.Products
	}{
		"line by line": {
			saleOf(t, 2300, "EUR",
				orders.Item{Name: "Tea", UnitAmount: 1000, Quantity: 2, Type: "physical"},
				orders.Item{Name: "Spring", UnitAmount: -200, Quantity: 1, Type: "discount"},
				orders.Item{Name: "Parcel", UnitAmount: 500, Quantity: 1, Type: "shipping_fee"}),
			onerway.Products{
				line("Tea", "10.00", "2", "EUR", "physical"), line("Spring", "-2.00", "1", "EUR", "discount"),
				line("Parcel", "5.00", "1", "EUR", "shipping_fee"),
			},
		},
		"a gift costs nothing": {
			saleOf(t, 100, "EUR", orders.Item{Name: "Tea", UnitAmount: 100, Quantity: 1}, orders.Item{Name: "Cup", Quantity: 1}),
			onerway.Products{line("Tea", "1.00", "1", "EUR", ""), line("Cup", "0.00", "1", "EUR", "")},
		},
		"no decimals": {
			saleOf(t, 3000, "JPY", orders.Item{Name: "Tea", UnitAmount: 1500, Quantity: 2}),
			onerway.Products{line("Tea", "1500", "2", "JPY", "")},
		},
		"none at the provider, two in ISO": {
			saleOf(t, 300_000, "HUF", orders.Item{Name: "Tea", UnitAmount: 150_000, Quantity: 2}),
			onerway.Products{line("Tea", "1500", "2", "HUF", "")},
		},
		"a type that the provider does not list": {
			saleOf(t, 100, "EUR", orders.Item{Name: "Gift card", UnitAmount: 100, Quantity: 1, Type: "gift_card"}),
			onerway.Products{line("Gift card", "1.00", "1", "EUR", "")},
		},
		"a discount that is none": {
			saleOf(t, 100, "EUR", orders.Item{Name: "Odd", UnitAmount: 100, Quantity: 1, Type: "discount"}),
			onerway.Products{line("Odd", "1.00", "1", "EUR", "")},
		},
		"breaks in a name": {
			saleOf(t, 100, "EUR", orders.Item{Name: " Tea\n green ", UnitAmount: 100, Quantity: 1}),
			onerway.Products{line("Tea green", "1.00", "1", "EUR", "")},
		},
		"lines that cannot be priced become one": {
			func() orders.Sale {
				s := saleOf(t, 10_000, "HUF",
					orders.Item{Name: "Half", UnitAmount: 5_050, Quantity: 1}, orders.Item{Name: "Rest", UnitAmount: 4_950, Quantity: 1})
				s.Description = "Your order"
				return s
			}(),
			onerway.Products{line("Your order", "100", "1", "HUF", "")},
		},
		"lines that do not sum become one": {
			func() orders.Sale {
				s := saleOf(t, 100, "EUR", orders.Item{Name: "Tea", UnitAmount: 99, Quantity: 1})
				s.Description = "Your order"
				return s
			}(),
			onerway.Products{line("Your order", "1.00", "1", "EUR", "")},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, productsOf(t, test.sale))
		})
	}
}

func TestProducts_WithoutItemsNameTheOrder(t *testing.T) {
	t.Parallel()
	sale := saleOf(t, 100, "EUR")
	require.Equal(t, "Order "+sale.Order.String(), productsOf(t, sale)[0].Name)
	sale.Description = "Two tickets"
	require.Equal(t, "Two tickets", productsOf(t, sale)[0].Name)
}

func TestProducts_GiveWayToTheLimit(t *testing.T) {
	t.Parallel()
	items := func(count int, item orders.Item) orders.Sale {
		item.UnitAmount, item.Quantity = 100, 1
		sale := saleOf(t, int64(count)*100, "EUR")
		for range count {
			sale.Items = append(sale.Items, item)
		}
		return sale
	}
	t.Run("what fits keeps everything", func(t *testing.T) {
		t.Parallel()
		got := productsOf(t, items(2, orders.Item{Name: "Tea", Description: "Green", ImageURL: "https://shop.example.com/tea.png"}))
		require.Equal(t, "Green", got[0].Desc)
		require.Equal(t, "https://shop.example.com/tea.png", got[1].ProductAvatarURL)
	})
	t.Run("descriptions and images go first", func(t *testing.T) {
		t.Parallel()
		got := productsOf(t, items(3, orders.Item{Name: "Tea", Description: strings.Repeat("d", 300), ImageURL: "https://a.example"}))
		require.Len(t, got, 3)
		require.Equal(t, onerway.Product{Name: "Tea", Price: "1.00", Num: "1", Currency: "EUR"}, got[0])
	})
	t.Run("then names are shortened", func(t *testing.T) {
		t.Parallel()
		got := productsOf(t, items(10, orders.Item{Name: strings.Repeat("茶", 200)}))
		require.Len(t, got, 10)
		require.Equal(t, strings.Repeat("茶", 10), got[9].Name, "32 bytes, and no half characters")
	})
	t.Run("then lines are merged", func(t *testing.T) {
		t.Parallel()
		sale := items(100, orders.Item{Name: "Tea"})
		got := productsOf(t, sale)
		require.Len(t, got, 1)
		require.Equal(t, "100.00", got[0].Price)
	})
	t.Run("an image's address is never cut", func(t *testing.T) {
		t.Parallel()
		got := productsOf(t, items(1, orders.Item{Name: "Tea", ImageURL: "https://a.example/" + strings.Repeat("x", 300)}))
		require.Empty(t, got[0].ProductAvatarURL)
	})
}

// Whatever the merchant sells: the lines sum exactly, fit, and have a name.
func TestProducts_AlwaysSumAndFit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]string{"EUR", "JPY", "HUF", "IDR", "CLP"}).Draw(t, "currency")
		var sum int64
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) orders.Item {
			return orders.Item{
				Name: rapid.String().Draw(t, "name"), UnitAmount: rapid.Int64Range(-5_000, 1_000_000).Draw(t, "unit"),
				Quantity: rapid.Int64Range(1, 1000).Draw(t, "quantity"), Description: rapid.String().Draw(t, "description"),
				ImageURL: rapid.StringN(0, 300, -1).Draw(t, "image"),
				Type:     rapid.SampledFrom([]string{"", "physical", "discount", "shipping_fee", "tax"}).Draw(t, "type"),
			}
		}), 0, 60).Draw(t, "items")
		for _, item := range items {
			sum += item.UnitAmount * item.Quantity
		}
		sum += rapid.SampledFrom([]int64{0, 0, 1}).Draw(t, "off by")
		sale := saleOf(t, sum, code, items...)
		sale.Description = rapid.StringN(0, 350, -1).Draw(t, "order")
		total, ok := wireDecimal(sale.Amount)
		if !ok || sum < 1 {
			return
		}

		got := products(sale, total)

		text, err := got.Encode()
		require.NoError(t, err)
		require.LessOrEqual(t, len(text), onerway.MaxProducts)
		written := money.New(0, sale.Amount.Currency)
		for _, line := range got {
			require.NotEmpty(t, line.Name)
			require.LessOrEqual(t, len(line.Name), maxProductName)
			price, err := money.ParseDecimal(line.Price, sale.Amount.Currency)
			require.NoError(t, err)
			num, err := money.ParseDecimal(line.Num, currency(t, "JPY"))
			require.NoError(t, err)
			line, err := price.Times(num.Minor)
			require.NoError(t, err)
			written, err = written.Add(line)
			require.NoError(t, err)
		}
		require.Equal(t, sale.Amount, written)
	})
}
