package sandbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSale_OfEveryCard(t *testing.T) {
	t.Parallel()
	cases := []struct {
		card, amount, code, status, eci string
	}{
		{"4761344136141390", "5", "20000", "S", ""},
		{"4761344136141390", "200", "20000", "S", ""},
		{"4242424242424242", "200", "20000", "S", ""},
		{"4000027891380961", "5", "20000", "S", ""},
		{"4000027891380961", "49.99", "20000", "S", ""},
		{"4000027891380961", "50", "20000", "R", ""},
		{"4000000000002701", "200", "20000", "R", ""},
		{"2221008123677736", "5", "20000", "S", "00"},
		{"5555555555554444", "5", "20000", "S", ""}, // not in the table
		{"4021937195658141", "5", "20051", "F", ""},
		{"4021937195658141", "200", "20051", "F", ""},
		{"4000128449498204", "5", "70002", "F", ""},
		{"4000020951595032", "5", "20000", "R", ""},
		{"4000000000001091", "5", "20000", "R", ""},
		{"4000000000001109", "5", "20000", "R", ""},
		{"4000000000001117", "5", "20000", "R", ""},
		{"4000000000000002", "5", "20005", "F", ""},
		{"4000000000009995", "5", "20051", "F", ""},
		{"4000000000000069", "5", "20054", "F", ""},
		{"4000000000000127", "5", "20082", "F", ""},
		{"4000000000000119", "5", "20096", "F", ""},
		{"4000009900000012", "5", "40203", "F", ""},
		{"4000009900000020", "200", "20000", "S", "05"},
	}
	b := setup(t)
	for _, tc := range cases {
		t.Run(tc.card+" "+tc.amount, func(t *testing.T) {
			t.Parallel()
			e := b.charge(t, tc.card, tc.amount)
			require.Equal(t, tc.code, e.RespCode, e.RespMsg)
			require.Equal(t, tc.status, e.status())
			require.Equal(t, tc.eci, signedText(e.Data["eci"]))
			require.Equal(t, digest(e.Data, unsignedInResponse(), DefaultSecretKey), e.Data["sign"])
			require.Regexp(t, `^[1-9]\d{18}$`, e.id())
			require.Equal(t, "2026-03-01 09:30:01", e.Data["txnTime"])
			require.Equal(t, "+08:00", e.Data["txnTimeZone"])
			if tc.status == "R" {
				require.Equal(t, "RedirectURL", e.Data["actionType"])
				require.Equal(t, b.url+"/3dsSecure/direct/RDT_3DS_DDC_"+DefaultMerchantNo+e.id(), e.Data["redirectUrl"])
			} else {
				require.Nil(t, e.Data["actionType"])
				require.Nil(t, e.Data["redirectUrl"])
			}
		})
	}
}

func TestTables_EveryCardIsValidAndListedOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, card := range cardList() {
		require.True(t, luhnValid(card.Number), card.Number)
		require.False(t, seen[card.Number], card.Number)
		seen[card.Number] = true
	}
	require.Len(t, cardBehaviors(), len(seen))
}

func TestSale_StrategyDecidesAboutTheChallenge(t *testing.T) {
	t.Parallel()
	mpi := set("mpiInfo", `{"eci":"05","cavv":"AAABBZhCRQAAAAAAAAAAAAAAAAA=","dsTransID":"97267598-FAE6-48F2-8083-C26433990FBC"}`)
	cases := []struct {
		name, card, amount, strategy, code, status string
	}{
		{"none never challenges", "4000027891380961", "200", "NONE", "20000", "S"},
		{"none and a card that insists is refused", "4000020951595032", "5", "NONE", "40203", "F"},
		{"inner always challenges", cardPays, "5", "INNER", "20000", "R"},
		{"inner challenges not who is declined anyway", "4000128449498204", "5", "INNER", "70002", "F"},
		{"external brings its own", "4000020951595032", "200", "EXTERNAL", "20000", "S"},
		{"default by amount", "4000027891380961", "200", "DEFAULT", "20000", "R"},
		{"absent is default", "4000027891380961", "200", "", "20000", "R"},
	}
	b := setup(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := b.charge(t, tc.card, tc.amount, set("risk3dsStrategy", tc.strategy), mpi)
			require.Equal(t, tc.code, e.RespCode, e.RespMsg)
			require.Equal(t, tc.status, e.status())
			if tc.strategy == "EXTERNAL" {
				require.Equal(t, "05", e.Data["eci"])
			}
		})
	}
}

func TestSale_NormalizesAmountsByCurrency(t *testing.T) {
	t.Parallel()
	cases := []struct{ currency, amount, printed, status string }{
		{"USD", "5", "5.00", "S"},
		{"USD", "5.5", "5.50", "S"},
		{"USD", "0.50", "0.50", "S"},
		{"USD", "0.05", "0.05", "S"},
		{"EUR", "1234567.89", "1234567.89", "R"},
		{"JPY", "1500", "1500", "S"},
		{"JPY", "7500", "7500", "R"},
		{"KRW", "100", "100", "S"},
		{"HUF", "500", "500", "S"},
	}
	b := setup(t)
	for _, tc := range cases {
		t.Run(tc.currency+" "+tc.amount, func(t *testing.T) {
			t.Parallel()
			e := b.charge(t, "4000027891380961", tc.amount, set("orderCurrency", tc.currency))
			require.Equal(t, codeSuccess, e.RespCode, e.RespMsg)
			require.Equal(t, tc.printed, e.Data["orderAmount"])
			require.Equal(t, tc.status, e.status())
		})
	}
}

func TestSale_RefusesWhatTheDocumentsCallWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	card := func(number, month, year, cvv string) func(map[string]any) {
		return set("cardInfo", `{"holderName":"A","cardNumber":"`+number+`","month":"`+month+`","year":"`+year+`","cvv":"`+cvv+`"}`)
	}
	order := func(from, to string) func(map[string]any) {
		return set("txnOrderMsg", strings.Replace(b.orderMsg("5", "USD"), from, to, 1))
	}
	cases := []struct {
		name, code string
		edit       func(map[string]any)
	}{
		{"a signature of nobody", "40013", set("sign", strings.Repeat("0", 64))},
		{"no signature", "40013", set("sign", "")},
		{"another merchant", "12004", set("merchantNo", "800210")},
		{"no merchantTxnId", "40000", set("merchantTxnId", nil)},
		{"a long merchantTxnId", "40000", set("merchantTxnId", strings.Repeat("x", 65))},
		{"a number for a string", "40013", set("merchantTxnId", 1721203699000)},
		{"an order code", "12010", set("productType", "ORDER_CODE")},
		{"a void", "12010", set("txnType", "VOID")},
		{"three decimals", "40000", set("orderAmount", "5.001")},
		{"a comma", "40000", set("orderAmount", "1,000.00")},
		{"nothing", "40000", set("orderAmount", "0.00")},
		{"less than nothing", "40000", set("orderAmount", "-5")},
		{"decimals in yen", "40000", func(p map[string]any) { p["orderCurrency"], p["orderAmount"] = "JPY", "100.00" }},
		{"too few won", "40000", func(p map[string]any) { p["orderCurrency"], p["orderAmount"] = "KRW", "99" }},
		{"dinars", "40000", set("orderCurrency", "KWD")},
		{"a currency in lower case", "40000", set("orderCurrency", "usd")},
		{"no e-mail", "40000", set("billingInformation", `{"country":"DE"}`)},
		{"no country", "40000", set("billingInformation", `{"email":"a@example.com"}`)},
		{"no state in the US", "13006", set("billingInformation", `{"email":"a@example.com","country":"US"}`)},
		{"no shipping address", "40000", set("shippingInformation", nil)},
		{"an address that is no JSON", "40013", set("billingInformation", "Main Street 1")},
		{"an unknown strategy", "40000", set("risk3dsStrategy", "MAYBE")},
		{"external 3DS without its result", "40000", set("risk3dsStrategy", "EXTERNAL")},
		{"a wrong check digit", "13002", card("4111111111111112", "12", "2030", "123")},
		{"an expired card", "13004", card(cardPays, "02", "2026", "123")},
		{"an expired card, short year", "13004", card(cardPays, "02", "26", "123")},
		{"a year of three digits", "13005", card(cardPays, "12", "203", "123")},
		{"month 13", "40000", card(cardPays, "13", "2030", "123")},
		{"a short CVV", "40000", card(cardPays, "12", "2030", "12")},
		{"another appId", "13001", order(DefaultAppID, "1")},
		{"a return address that is none", "13003", order(b.shop.URL+"/return", "shop/return")},
		{"an IP that is none", "12008", order("203.0.113.7", "localhost")},
		{"javaEnabled as text", "40013", order(`"javaEnabled":false`, `"javaEnabled":"false"`)},
		{"lines that do not sum", "40000", set("txnOrderMsg", b.orderMsg("4.99", "USD"))},
		{"lines in another currency", "40000", set("txnOrderMsg", b.orderMsg("5", "EUR"))},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := b.charge(t, cardPays, "5", tc.edit)
			require.Equal(t, tc.code, e.RespCode, e.RespMsg)
			require.Nil(t, e.Data)
			require.NotContains(t, e.RespMsg, "4111111111111112")
			require.Empty(t, b.sandbox.Books(BookQuery{}).Transactions)
		})
	}
}

func TestSale_RefusesWhatIsNotAFlatJSONObject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good, err := json.Marshal(b.sale(cardPays, "5", set("sign", "x")))
	require.NoError(t, err)
	cases := map[string][2]string{
		"no JSON":            {"application/json", "merchantNo=800209"},
		"an array":           {"application/json", "[]"},
		"empty":              {"application/json", ""},
		"a nested object":    {"application/json", `{"merchantNo":"800209","cardInfo":{"cvv":"123"},"sign":"x"}`},
		"a name twice":       {"application/json", `{"merchantNo":"1","merchantNo":"800209","sign":"x"}`},
		"more than one":      {"application/json", `{"merchantNo":"800209","sign":"x"}{}`},
		"charset in header":  {"application/json; charset=UTF-8", string(good)},
		"a form":             {"application/x-www-form-urlencoded", string(good)},
		"cut in the middle":  {"application/json", string(good[:len(good)/2])},
		"larger than a mega": {"application/json", `{"a":"` + strings.Repeat("a", 1<<20) + `"}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, body, err := b.post(t, pathSale, tc[0], []byte(tc[1]))
			require.NoError(t, err)
			require.Contains(t, string(body), `"respCode":"40013"`)
			require.Contains(t, string(body), `"data":null`)
		})
	}
}

func TestSale_LenientLetsPassWhatTheRealSandboxLetPass(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Strict = false })
	params := b.sale(cardPays, "5", set("merchantTxnId", json.Number("1721203699000")), set("txnOrderMsg", b.orderMsg("4.99", "USD")))
	params["sign"] = digest(params, unsignedInRequest(), DefaultSecretKey)
	body, err := json.Marshal(params)
	require.NoError(t, err)
	_, answer, err := b.post(t, pathSale, "application/json; charset=UTF-8", body)
	require.NoError(t, err)
	require.Contains(t, string(answer), `"status":"S"`)
	require.Len(t, b.rows(t, "1721203699000"), 1)
}

func TestSale_RefusesAnIDThatWasUsed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	params := b.sale(cardPays, "5")
	first := b.call(t, pathSale, params)
	second := b.call(t, pathSale, params)
	require.Equal(t, "S", first.status())
	require.Equal(t, "40000", second.RespCode)
	require.Equal(t, "Duplicate merchantTxnId", second.RespMsg)
	require.Nil(t, second.Data)
	books := b.sandbox.Books(BookQuery{})
	require.Len(t, books.Transactions, 1)
	require.Equal(t, 2, books.Calls[signedText(params["merchantTxnId"])])
}

func TestSale_ReplaysTheFirstAnswerWhenSetSo(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.Duplicate = DuplicateReplayed })
	for _, card := range []string{cardPays, "4000128449498204"} {
		params := b.sale(card, "5")
		first := b.call(t, pathSale, params)
		b.clock.move(time.Minute) // an answer composed anew would tell another time
		again := b.call(t, pathSale, params)
		require.NotEmpty(t, first.id())
		require.Equal(t, string(first.raw), string(again.raw))
		require.Len(t, b.sandbox.Books(BookQuery{MerchantTxnID: signedText(params["merchantTxnId"])}).Transactions, 1)
	}
}

func TestSale_FiftyAtOnceWithOneIDChargeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	params := b.sale(cardPays, "5")
	answers := b.together(t, 50, func(int) map[string]any { return params })
	require.Equal(t, 1, answers["20000 S"])
	require.Equal(t, 49, answers["40000 "])
}

func TestSale_TwentyAtOnceForOneOrderChargeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answers := b.together(t, 20, func(int) map[string]any { return b.sale(cardPays, "5", set("merchantTxnOriginalId", "order-1")) })
	require.Equal(t, 1, answers["20000 S"])
	require.Equal(t, 19, answers["40000 F"])
	books := b.sandbox.Books(BookQuery{MerchantTxnOriginalID: "order-1"})
	require.Equal(t, []BookedOrder{{"order-1", 20, 1, "5.00", 0, "0.00", "0.00", "USD"}}, books.Orders)
	require.Equal(t, "5.00", books.Totals["USD"].Charged)
}

// together sends n sales at once and counts the answers by code and status.
func (b *testBundle) together(t *testing.T, n int, params func(int) map[string]any) map[string]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	answers := map[string]int{}
	for i := range n {
		p := params(i)
		all.Go(func() {
			_, body, err := b.raw(t, pathSale, p)
			var e envelope
			if err == nil {
				err = json.Unmarshal(body, &e)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				answers[err.Error()]++
				return
			}
			answers[e.RespCode+" "+e.status()]++
		})
	}
	all.Wait()
	return answers
}

func TestSale_DeclineIsToldInEitherForm(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.Decline = DeclineByStatus })
	e := b.charge(t, "4000128449498204", "5")
	require.Equal(t, "20000", e.RespCode)
	require.Equal(t, "F", e.status())
}

func TestSale_AuthorizationHoldsMoneyWithoutChargingIt(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.PaymentIntents = true })
	e := b.charge(t, cardPays, "5", set("txnType", "AUTH"))
	require.Equal(t, "S", e.status())
	require.Equal(t, "A", e.Data["paymentStatus"])
	total := b.sandbox.Books(BookQuery{}).Totals["USD"]
	require.Equal(t, Total{Transactions: 1, Succeeded: 1, Charged: "0.00", Authorized: "5.00", Refunded: "0.00"}, total)
}

func TestSale_KeepsNoCardNumberAndNoCVV(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.charge(t, "4000027891380961", "200", set("cardInfo",
		`{"holderName":"A","cardNumber":"4000027891380961","month":"12","year":"2030","cvv":"987"}`))
	for _, kept := range b.sandbox.ledger.all.entries {
		require.Equal(t, "400002******0961", kept.card.masked())
		require.NotContains(t, fmt.Sprintf("%+v", *kept), "4000027891380961")
		require.NotRegexp(t, `\b987\b`, fmt.Sprintf("%+v", *kept)) // inside ids and times it is chance
	}
	books, err := json.Marshal(b.sandbox.Books(BookQuery{}))
	require.NoError(t, err)
	require.NotContains(t, string(books), "4000027891380961")
}
