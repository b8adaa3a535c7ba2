package sandbox

import (
	"math"
	"strconv"
	"strings"
)

// checkProducts holds the lines to the order's amount. The real sandbox does not enforce it; production might.
func (s *Server) checkProducts(raw string, req *saleRequest) error {
	var products []wireProduct
	if err := decodeNested("txnOrderMsg.products", raw, &products); err != nil {
		return err
	}
	if !s.cfg.Strict {
		return nil
	}
	if len(products) == 0 || len(raw) > 1024 {
		return refuse(codeRejected, "txnOrderMsg.products must have 1 to 1024 characters of lines")
	}
	var sum int64
	for _, p := range products {
		line, err := p.total(req.currency)
		if err != nil {
			return err
		}
		sum += line
	}
	if sum != req.amount {
		return refuse(codeRejected, "txnOrderMsg.products do not sum to orderAmount")
	}
	return nil
}

// total is price times num, negative for a discount.
func (p wireProduct) total(currency string) (int64, error) {
	num, err := strconv.ParseInt(p.Num, 10, 32)
	if err != nil || num < 1 || p.Name == "" || len(p.Name) > 256 || p.Currency != currency {
		return 0, refuse(codeRejected, "txnOrderMsg.products: name, price, num and currency are required")
	}
	price, negative := strings.CutPrefix(p.Price, "-")
	units, ok := minorUnits(price, currency)
	if !ok || units > math.MaxInt32*int64(1_000_000)/num {
		return 0, refuse(codeRejected, "txnOrderMsg.products: price is not an amount in %s", currency)
	}
	if negative {
		units = -units
	}
	return units * num, nil
}
