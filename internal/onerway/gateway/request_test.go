package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/details"
	"tillway/internal/ids"
	"tillway/internal/onerway"
	"tillway/internal/orders"
)

// requested is what the provider is asked for when the sale is made.
func requested(t *testing.T, sale orders.Sale) onerway.SaleRequest {
	t.Helper()
	provider := &provider{err: &onerway.Error{Class: onerway.Unknown}}
	newGateway(t, provider, &observer{}, &budget{}, "").Sale(t.Context(), sale)
	return provider.sale
}

func TestSale_SaysEverythingInTheProvidersTerms(t *testing.T) {
	t.Parallel()
	yes, depth, height, width, offset, length := true, 24, 1080, 1920, -480, 0
	order, customer := ids.New[ids.OrderEntity](), ids.New[ids.CustomerEntity]()
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

	got := requested(t, orders.Sale{
		Order: order, MerchantTxnID: "pay_1", OriginalID: order.String(), Amount: amount(t, 2705, "EUR"),
		Card:  cards.Card{Number: "4761344136141390", ExpMonth: 5, ExpYear: 2031, CVC: "123", HolderName: "Test  Buyer"},
		Items: []orders.Item{{Name: "Tea", UnitAmount: 2705, Quantity: 1}},
		Billing: details.Contact{
			FirstName: "Jane", LastName: "Doe", Email: "jane@example.com", Phone: "+1 555 0100",
			Address: &details.Address{
				Line1: "1 Main St", Line2: "Apt 2", City: "Springfield", State: "CA", PostalCode: "90001", Country: "us",
			},
		},
		Shipping:   details.Contact{FirstName: "John", Address: &details.Address{Line1: "2 Side St", City: "Reno", Country: "US"}},
		CustomerID: customer.String(),
		ThreeDS:    orders.ThreeDS{Strategy: orders.ThreeDSForce},
		Browser: orders.Browser{
			IP: "203.0.113.7", UserAgent: "Mozilla/5.0", Accept: "text/html", Language: "en-US", JavaEnabled: &yes,
			ColorDepth: &depth, ScreenHeight: &height, ScreenWidth: &width, TimeZoneOffset: &offset, ContentLength: &length,
		},
		ReturnURL: "https://pay.example.com/return", NotifyURL: "https://pay.example.com/notify", SentAt: at,
	})

	require.Equal(t, onerway.SaleRequest{
		MerchantTxnID: "pay_1", MerchantTxnOriginalID: order.String(), MerchantCustID: customer.String(), MerchantTxnTime: at,
		SubProductType: onerway.SubProductDirect, TxnType: onerway.TxnSale, OrderAmount: "27.05", OrderCurrency: "EUR",
		Card: &onerway.CardInfo{
			HolderName: onerway.Conceal("Test Buyer"), CardNumber: onerway.Conceal("4761344136141390"),
			Month: "05", Year: "2031", CVV: onerway.Conceal("123"),
		},
		Risk3DSStrategy: onerway.Risk3DSInner,
		Billing: &onerway.Address{
			FirstName: "Jane", LastName: "Doe", Email: "jane@example.com", Phone: "+1 555 0100", Address: "1 Main St, Apt 2",
			City: "Springfield", Province: "CA", PostalCode: "90001", Country: "US",
		},
		Shipping: &onerway.Address{
			FirstName: "John", Email: "jane@example.com", Address: "2 Side St", City: "Reno", Province: "CA", Country: "US",
		},
		Order: onerway.TxnOrderMsg{
			ReturnURL: "https://pay.example.com/return", NotifyURL: "https://pay.example.com/notify",
			Products:      onerway.Products{{Name: "Tea", Price: "27.05", Num: "1", Currency: "EUR"}},
			TransactionIP: "203.0.113.7", JavaEnabled: &yes, ColorDepth: "24", ScreenHeight: "1080", ScreenWidth: "1920",
			TimeZoneOffset: "-480", ContentLength: "0", Language: "en-US", Accept: "text/html", UserAgent: "Mozilla/5.0",
		},
	}, got)
}

func TestSale_LeavesOutWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	sale := orders.Sale{Amount: amount(t, 2705, "EUR"), CustomerID: "not a customer id", ReturnURL: "r", NotifyURL: "n"}
	got := requested(t, sale)
	require.Empty(t, got.MerchantCustID)
	require.Equal(t, onerway.Risk3DSDefault, got.Risk3DSStrategy)
	require.Nil(t, got.MPI)
	got.Order.Products = nil
	require.Equal(t, onerway.TxnOrderMsg{ReturnURL: "r", NotifyURL: "n"}, got.Order)
}

func TestSale_StrategyOf3DS(t *testing.T) {
	t.Parallel()
	mpi := orders.MPI{ECI: "05", CAVV: "AAABBEg0VhI0VniQEjRWAAAAAAA=", XID: "x", DSTransID: "d"}
	tests := map[string]struct {
		threeDS orders.ThreeDS
		want    onerway.Risk3DSStrategy
		mpi     *onerway.MPIInfo
	}{
		"auto":  {orders.ThreeDS{Strategy: orders.ThreeDSAuto}, onerway.Risk3DSDefault, nil},
		"force": {orders.ThreeDS{Strategy: orders.ThreeDSForce}, onerway.Risk3DSInner, nil},
		"skip":  {orders.ThreeDS{Strategy: orders.ThreeDSSkip}, onerway.Risk3DSNone, nil},
		"mpi": {
			orders.ThreeDS{Strategy: orders.ThreeDSAuto, MPI: &mpi},
			onerway.Risk3DSExternal,
			&onerway.MPIInfo{ECI: "05", CAVV: onerway.Conceal(mpi.CAVV), XID: "x", DSTransID: "d"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := requested(t, orders.Sale{Amount: amount(t, 2705, "EUR"), ThreeDS: test.threeDS})
			require.Equal(t, test.want, got.Risk3DSStrategy)
			require.Equal(t, test.mpi, got.MPI)
		})
	}
}

func TestSale_ShippingStandsOnItsOwn(t *testing.T) {
	t.Parallel()
	germany := details.Contact{Email: "a@example.com", Address: &details.Address{City: "Köln", Country: "DE"}}
	california := details.Contact{Email: "a@example.com", Address: &details.Address{City: "LA", Country: "US", State: "CA"}}
	tests := map[string]struct {
		billing, shipping details.Contact
		want              onerway.Address
	}{
		"complete": {
			germany,
			details.Contact{Email: "b@example.com", Address: &details.Address{City: "Wien", Country: "AT"}},
			onerway.Address{Email: "b@example.com", City: "Wien", Country: "AT"},
		},
		"without email": {
			germany,
			details.Contact{Address: &details.Address{City: "Wien", Country: "AT"}},
			onerway.Address{Email: "a@example.com", City: "Wien", Country: "AT"},
		},
		"without address": {
			california,
			details.Contact{FirstName: "Jo"},
			onerway.Address{FirstName: "Jo", Email: "a@example.com", Country: "US", Province: "CA"},
		},
		"without country": {
			california,
			details.Contact{Address: &details.Address{City: "Reno", State: "NV"}},
			onerway.Address{Email: "a@example.com", City: "Reno", Country: "US", Province: "NV"},
		},
		"without the province that its country needs": {
			germany,
			details.Contact{Address: &details.Address{City: "Reno", Country: "US"}},
			onerway.Address{Email: "a@example.com", City: "Köln", Country: "DE"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := requested(t, orders.Sale{Amount: amount(t, 2705, "EUR"), Billing: test.billing, Shipping: test.shipping})
			require.Equal(t, &test.want, got.Shipping)
		})
	}
}

// A strict provider, which counts bytes, takes the longest texts that our API lets in, in a script of three bytes each.
func TestSale_NothingIsSentTooLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("茶", 256)
	sale := b.sale(cardPays, amount(t, 2700, "EUR"), func(s *orders.Sale) {
		contact := details.Contact{
			FirstName: long, LastName: long, Email: "buyer@example.com", Phone: strings.Repeat("1", 256),
			Address: &details.Address{Line1: long, Line2: long, City: long, State: long, PostalCode: long, Country: "DE"},
		}
		s.Billing, s.Shipping, s.Card.HolderName, s.Description = contact, contact, long, long
		s.Browser = orders.Browser{UserAgent: strings.Repeat(long, 10), Accept: strings.Repeat(long, 10), Language: long}
		for range 9 {
			s.Items = append(s.Items, orders.Item{Name: long, Description: long, UnitAmount: 300, Quantity: 1})
		}
	})

	ev := b.gateway.Sale(t.Context(), sale)
	require.Equal(t, orders.OutcomeSucceeded, ev.Outcome, string(ev.Body))

	got := requested(t, sale)
	for limit, texts := range map[int][]string{
		32:   {got.Billing.Phone, got.Billing.PostalCode},
		48:   {got.Card.HolderName.Reveal()},
		64:   {got.Billing.FirstName, got.Billing.LastName, got.Billing.City, got.Billing.Province, got.Order.Language},
		256:  {got.Billing.Address, got.Order.Products[0].Name},
		2048: {got.Order.UserAgent, got.Order.Accept},
	} {
		for _, text := range texts {
			require.NotEmpty(t, text)
			require.LessOrEqual(t, len(text), limit)
			require.NotContains(t, text, "\uFFFD", "no character is cut in half")
		}
	}
	require.Len(t, got.Order.Products, 9)
}

func TestSale_LongListsAreSold(t *testing.T) {
	t.Parallel()
	for name, count := range map[string]int{"shortened": 12, "merged": 200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sale := b.sale(cardPays, amount(t, int64(count)*25, "EUR"))
			for range count {
				sale.Items = append(sale.Items, orders.Item{Name: strings.Repeat(`"Tea" & <cake> `, 10), UnitAmount: 25, Quantity: 1})
			}
			ev := b.gateway.Sale(t.Context(), sale)
			require.Equal(t, orders.OutcomeSucceeded, ev.Outcome, string(ev.Body))
			require.Equal(t, sale.Amount, ev.Amount)
		})
	}
}
