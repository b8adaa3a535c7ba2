package gateway

import (
	"cmp"
	"strconv"

	"tillway/internal/money"
	"tillway/internal/onerway"
	"tillway/internal/orders"
)

// The lengths of a line (§7), in bytes as everywhere.
const (
	maxProductName  = 256
	maxProductDesc  = 1024
	maxProductImage = 255
)

// products are the order's lines. They sum exactly to the amount and are never too long: descriptions and images go first,
// then names are shortened, and what is too much even so becomes one line of the total.
func products(sale orders.Sale, total string) onerway.Products {
	if lines, ok := lines(sale); ok {
		if fits(lines) {
			return lines
		}
		for i := range lines {
			lines[i].Desc, lines[i].ProductAvatarURL = "", ""
		}
		for most := maxProductName; most >= 8; most /= 2 {
			for i := range lines {
				lines[i].Name = cut(lines[i].Name, most)
			}
			if fits(lines) {
				return lines
			}
		}
	}
	name := cmp.Or(oneLine(sale.Description), "Order "+sale.Order.String())
	return onerway.Products{{
		Name: cut(name, maxProductName), Price: total, Num: "1", Currency: sale.Amount.Currency.Code(),
	}}
}

// lines are the items line by line, or false when there are none, or when they cannot be written so that they sum to the
// amount: half a forint is part of a sum, but no price.
func lines(sale orders.Sale) (onerway.Products, bool) {
	currency := sale.Amount.Currency
	sum := money.New(0, currency)
	written := make(onerway.Products, 0, len(sale.Items))
	for _, item := range sale.Items {
		unit := money.New(item.UnitAmount, currency)
		price, ok := wireDecimal(unit)
		line, err := unit.Times(item.Quantity)
		if err == nil {
			sum, err = sum.Add(line)
		}
		if !ok || err != nil || item.Quantity < 1 {
			return nil, false
		}
		written = append(written, onerway.Product{
			Name:  cut(cmp.Or(oneLine(item.Name), "Item"), maxProductName),
			Price: price, Num: strconv.FormatInt(item.Quantity, 10), Currency: currency.Code(), Type: productType(item),
			Desc: cut(oneLine(item.Description), maxProductDesc), ProductAvatarURL: image(item.ImageURL),
		})
	}
	return written, len(written) > 0 && sum == sale.Amount
}

// productType is the provider's word for an item. A negative price is a discount's and nobody else's (§6); of the words
// that it does not list none is sent.
func productType(item orders.Item) string {
	switch {
	case item.UnitAmount < 0:
		return "discount"
	case item.Type == "shipping_fee", item.Type == "physical", item.Type == "virtual":
		return item.Type
	default:
		return ""
	}
}

// image leaves out an address that would have to be cut.
func image(address string) string {
	if len(address) > maxProductImage {
		return ""
	}
	return address
}

func fits(lines onerway.Products) bool {
	text, err := lines.Encode()
	return err == nil && len(text) <= onerway.MaxProducts
}
