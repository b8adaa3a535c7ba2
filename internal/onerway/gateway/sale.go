package gateway

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/onerway"
	"tillway/internal/orders"
)

// The lengths of the contract (§7, §8.1). It does not say of what; text is cut to as many bytes, which is never too long
// however one counts.
const (
	maxHolder   = 48
	maxName     = 64
	maxPhone    = 32
	maxPostal   = 32
	maxLongText = 256 // email, address
	maxShort    = 64
	maxHeader   = 2048
)

// customerID is what the provider takes for a merchant's customer; of its several limits the narrowest (§16).
var customerID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// saleRequest writes a sale by card or by a local method in the provider's terms.
func saleRequest(sale orders.Sale) (onerway.SaleRequest, error) {
	amount, ok := wireDecimal(sale.Amount)
	if !ok {
		return onerway.SaleRequest{}, fmt.Errorf("%s: %w", sale.Amount, errInexpressible)
	}
	billing, shipping := addresses(sale)
	request := onerway.SaleRequest{
		MerchantTxnID: sale.MerchantTxnID, MerchantTxnOriginalID: sale.OriginalID, MerchantCustID: merchantCustID(sale),
		MerchantTxnTime: sale.SentAt, SubProductType: onerway.SubProductDirect, TxnType: txnTypeOf(sale),
		OrderAmount: amount, OrderCurrency: sale.Amount.Currency.Code(),
		Billing: &billing, Shipping: &shipping, Order: orderMsg(sale, amount),
	}
	if sale.Method == orders.MethodLocal {
		request.LPMS = localMethod(sale.Local)
		return request, nil
	}
	request.Risk3DSStrategy, request.MPI = threeDS(sale.ThreeDS)
	if sale.Token.IsZero() {
		request.Card = card(sale.Card)
	} else {
		request.SubProductType = onerway.SubProductToken
		request.Token = &onerway.TokenInfo{TokenID: onerway.Conceal(sale.Token.Reveal())}
	}
	if sale.Terms != nil {
		subscribeTerms(&request, *sale.Terms)
	}
	return request, nil
}

// checkoutRequest writes a checkout session in the provider's terms. Where money is only to be held, its page offers cards
// alone: no other method can hold any (§6).
func checkoutRequest(sale orders.Sale) (onerway.CheckoutRequest, error) {
	amount, ok := wireDecimal(sale.Amount)
	if !ok {
		return onerway.CheckoutRequest{}, fmt.Errorf("%s: %w", sale.Amount, errInexpressible)
	}
	product := onerway.ProductAll
	if sale.CaptureMethod == orders.CaptureManual {
		product = onerway.ProductCard
	}
	billing, shipping := addresses(sale)
	return onerway.CheckoutRequest{
		MerchantTxnID: sale.MerchantTxnID, MerchantTxnOriginalID: sale.OriginalID, MerchantCustID: merchantCustID(sale),
		MerchantTxnTime: sale.SentAt, ProductType: product, TxnType: txnTypeOf(sale),
		OrderAmount: amount, OrderCurrency: sale.Amount.Currency.Code(),
		Billing: &billing, Shipping: &shipping, Order: orderMsg(sale, amount),
	}, nil
}

func txnTypeOf(sale orders.Sale) onerway.TxnType {
	if sale.CaptureMethod == orders.CaptureManual {
		return onerway.TxnAuth
	}
	return onerway.TxnSale
}

// merchantCustID is the customer as the provider takes it, "" for one that it would not.
func merchantCustID(sale orders.Sale) string {
	if customerID.MatchString(sale.CustomerID) {
		return sale.CustomerID
	}
	return ""
}

func addresses(sale orders.Sale) (billing, shipping onerway.Address) {
	billing = address(sale.Billing)
	return billing, completed(address(sale.Shipping), billing)
}

func card(c cards.Card) *onerway.CardInfo {
	return &onerway.CardInfo{
		HolderName: onerway.Conceal(cut(oneLine(c.HolderName), maxHolder)), CardNumber: onerway.Conceal(c.Number),
		Month: fmt.Sprintf("%02d", c.ExpMonth), Year: fmt.Sprintf("%04d", c.ExpYear), CVV: onerway.Conceal(c.CVC),
	}
}

// threeDS says who authenticates. A merchant that has done it by itself has decided the strategy.
func threeDS(t orders.ThreeDS) (onerway.Risk3DSStrategy, *onerway.MPIInfo) {
	if t.MPI != nil {
		return onerway.Risk3DSExternal, &onerway.MPIInfo{
			ECI: t.MPI.ECI, CAVV: onerway.Conceal(t.MPI.CAVV), XID: t.MPI.XID, DSTransID: t.MPI.DSTransID,
		}
	}
	switch t.Strategy {
	case orders.ThreeDSForce:
		return onerway.Risk3DSInner, nil
	case orders.ThreeDSSkip:
		return onerway.Risk3DSNone, nil
	case orders.ThreeDSAuto:
	}
	return onerway.Risk3DSDefault, nil
}

func address(c details.Contact) onerway.Address {
	wire := onerway.Address{
		FirstName: cut(oneLine(c.FirstName), maxName), LastName: cut(oneLine(c.LastName), maxName),
		Phone: cut(oneLine(c.Phone), maxPhone), Email: cut(oneLine(c.Email), maxLongText),
	}
	if a := c.Address; a != nil {
		lines := strings.Trim(oneLine(a.Line1)+", "+oneLine(a.Line2), ", ")
		wire.Address, wire.City = cut(lines, maxLongText), cut(oneLine(a.City), maxShort)
		wire.Province, wire.PostalCode = cut(oneLine(a.State), maxShort), cut(oneLine(a.PostalCode), maxPostal)
		wire.Country = strings.ToUpper(cut(oneLine(a.Country), maxShort))
	}
	return wire
}

// completed is a shipping address with what the provider insists on taken from the billing address where it is missing:
// the email, and the country with its province. A province that is missing in another country cannot be made up: then the
// billing address stands for both, since error 13006 would turn the whole payment away.
func completed(shipping, billing onerway.Address) onerway.Address {
	if shipping.Email == "" {
		shipping.Email = billing.Email
	}
	if shipping.Country == "" {
		shipping.Country = billing.Country
	}
	if shipping.Province == "" && shipping.Country == billing.Country {
		shipping.Province = billing.Province
	}
	if shipping.Province == "" && needsProvince(shipping.Country) {
		return billing
	}
	return shipping
}

func needsProvince(country string) bool { return country == "US" || country == "CA" || country == "CN" }

// orderMsg tells what is bought, where answers go and what is known of the shopper's browser; the rest is left out (§7).
func orderMsg(sale orders.Sale, amount string) onerway.TxnOrderMsg {
	b := sale.Browser
	return onerway.TxnOrderMsg{
		ReturnURL: sale.ReturnURL, NotifyURL: sale.NotifyURL, Products: products(sale, amount),
		TransactionIP: cut(b.IP, maxShort), JavaEnabled: b.JavaEnabled,
		ColorDepth: number(b.ColorDepth), ScreenHeight: number(b.ScreenHeight), ScreenWidth: number(b.ScreenWidth),
		TimeZoneOffset: number(b.TimeZoneOffset), ContentLength: number(b.ContentLength),
		Language: cut(b.Language, maxShort), Accept: cut(b.Accept, maxHeader), UserAgent: cut(b.UserAgent, maxHeader),
	}
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// oneLine is text without breaks and doubled spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// cut shortens text to at most so many bytes, between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.TrimSpace(text[:most])
}
