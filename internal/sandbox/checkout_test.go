package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// session is a good request for a checkout session; edits change it before it is signed.
func (b *testBundle) session(amount string, edits ...func(map[string]any)) map[string]any {
	edits = append([]func(map[string]any){
		set("productType", "ALL"), set("cardInfo", nil), set("risk3dsStrategy", nil), set("merchantTxnOriginalId", "order-1"),
	}, edits...)
	return b.sale("", amount, edits...)
}

// opens opens a session and returns its answer.
func (b *testBundle) opens(t *testing.T, amount string, edits ...func(map[string]any)) envelope {
	t.Helper()
	e := b.call(t, pathCheckout, b.session(amount, edits...))
	require.Equal(t, []string{codeSuccess, "U"}, []string{e.RespCode, e.status()}, e.RespMsg)
	return e
}

func (b *testBundle) pageOf(e envelope) string {
	return strings.TrimPrefix(signedText(e.Data["redirectUrl"]), b.url)
}

// submits sends the form of a session's page and returns the answer, its body and where it leads.
func (b *testBundle) submits(t *testing.T, e envelope, form url.Values) (int, string, string) {
	t.Helper()
	resp, body, err := b.post(t, b.pageOf(e), "application/x-www-form-urlencoded", []byte(form.Encode()))
	require.NoError(t, err)
	return resp.StatusCode, string(body), resp.Header.Get("Location")
}

// pays submits a card and returns where that leads.
func (b *testBundle) pays(t *testing.T, e envelope, card string) string {
	t.Helper()
	code, body, to := b.submits(t, e, cardFields(card))
	require.Equal(t, http.StatusSeeOther, code, body)
	return to
}

func cardFields(card string) url.Values {
	return url.Values{"action": {"pay"}, "number": {card}, "expiry": {"12/30"}, "cvv": {"123"}, "name": {"Test Buyer"}}
}

func TestCheckout_AnswersASessionInTheDocumentedShape(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.opens(t, "20", set("merchantTxnId", "txn-a"))
	require.Equal(t, digest(e.Data, unsignedInResponse(), DefaultSecretKey), e.Data["sign"])
	require.Regexp(t, "^"+b.url+`/checkout\?key=[0-9a-f]{32}$`, e.Data["redirectUrl"])
	want := map[string]any{
		"transactionId": e.id(), "merchantTxnId": "txn-a", "merchantNo": DefaultMerchantNo, "responseTime": "", "txnTime": "",
		"orderAmount": "20.00", "orderCurrency": "USD", "txnAmount": "", "txnCurrency": nil, "txnTimeZone": nil, "status": "U",
		"reason": nil, "redirectUrl": e.Data["redirectUrl"], "sign": e.Data["sign"], "contractId": "", "tokenId": nil, "eci": nil,
		"transactionOrderNo": nil, "periodValue": nil, "lpmsType": nil, "qrCode": nil, "subscriptionManageUrl": nil,
	}
	require.Equal(t, want, e.Data)

	row := b.rows(t, "txn-a")[0].(map[string]any) //nolint:forcetypeassert // the test fails with it
	require.Equal(t, "U", row["status"])
	for _, unknown := range []string{"cardNumber", "cardBinCountry", "paymentMethod", "holderName"} {
		require.Nil(t, row[unknown], unknown)
	}
	require.Equal(t, "0.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Charged)
	quietly(t, func() bool { return len(b.sandbox.Deliveries("")) > 0 }, "nothing is final, nothing is notified")
}

func TestCheckout_RefusesWhatTheDocumentsDoNotList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		edit func(map[string]any)
		code string
	}{
		"a card":              {set("cardInfo", `{"cardNumber":"4761344136141390","holderName":"A"}`), codeRejected},
		"a 3DS strategy":      {set("risk3dsStrategy", "INNER"), codeRejected},
		"a payment mode":      {set("paymentMode", "WEB"), codeRejected},
		"another product":     {set("productType", "ORDER_CODE"), codeUnsupported},
		"another sub-product": {set("subProductType", "TOKEN"), codeUnsupported},
		"a capture":           {set("txnType", "CAPTURE"), codeUnsupported},
		"no addresses":        {set("billingInformation", nil), codeRejected},
		"no order":            {set("txnOrderMsg", ""), codeRejected},
		"an amount too small": {set("orderAmount", "0"), codeRejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			params := b.session("20")
			c.edit(params)
			e := b.call(t, pathCheckout, params)
			require.Equal(t, c.code, e.RespCode, e.RespMsg)
			require.Nil(t, e.Data)
		})
	}
	holder := b.call(t, pathCheckout, b.session("20", set("cardInfo", `{"holderName":"A B"}`)))
	require.Equal(t, codeSuccess, holder.RespCode, holder.RespMsg)
	again := b.session("20", set("merchantTxnId", "txn-twice"))
	b.call(t, pathCheckout, again)
	require.Equal(t, codeRejected, b.call(t, pathCheckout, again).RespCode, "one session per merchantTxnId")
}

func TestCheckout_AShopperPays(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.PaymentIntents = true })
	for name, c := range map[string]struct {
		card, amount, kind, paymentStatus string
	}{
		"a sale":           {cardPays, "20", "SALE", "S"},
		"an authorization": {cardPays, "20", "AUTH", "A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := b.opens(t, c.amount, set("txnType", c.kind), set("productType", "CARD"), set("merchantTxnOriginalId", name))
			back, err := url.Parse(b.pays(t, e, c.card))
			require.NoError(t, err)
			require.Equal(t, []string{"S", e.id()}, []string{back.Query().Get("status"), back.Query().Get("transactionId")})
			eventually(t, func() bool { return len(b.sandbox.Deliveries(e.id())) == 1 }, "one notification")
			booked := b.sandbox.Books(BookQuery{MerchantTxnOriginalID: name})
			require.Len(t, booked.Transactions, 1)
			require.Equal(t, []string{"S", c.paymentStatus, "1390"},
				[]string{booked.Transactions[0].Status, booked.Transactions[0].PaymentStatus, booked.Transactions[0].CardLast4})

			require.Contains(t, b.pays(t, e, c.card), "status=S", "a form that is sent twice charges once")
			require.Equal(t, 1, b.sandbox.Books(BookQuery{MerchantTxnOriginalID: name}).Orders[0].Attempts)
		})
	}
}

func TestCheckout_ADeclineLeavesThePageOpenForAnotherCard(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.PaymentIntents = true })
	e := b.opens(t, "20", set("merchantTxnId", "txn-a"))
	page := e.Data["redirectUrl"]
	require.Equal(t, page, b.pays(t, e, "4021937195658141"))
	_, body := b.get(t, signedText(page))
	require.Contains(t, body, "Your card was declined: Insufficient funds")
	require.Equal(t, page, b.pays(t, e, "4000000000000002"))
	require.Contains(t, b.pays(t, e, cardPays), "status=S")

	attempts := b.sandbox.Books(BookQuery{MerchantTxnOriginalID: "order-1"}).Transactions
	require.Len(t, attempts, 3, "each attempt is a transaction of its own")
	require.Equal(t, e.id(), attempts[0].TransactionID)
	for i, status := range []string{"F", "F", "S"} {
		require.Equal(t, status, attempts[i].Status)
		require.Equal(t, []string{"txn-a", attempts[0].PaymentID}, []string{attempts[i].MerchantTxnID, attempts[i].PaymentID})
		id := attempts[i].TransactionID
		eventually(t, func() bool { return len(b.sandbox.Deliveries(id)) == 1 }, "one notification each")
	}
	require.Len(t, b.rows(t, "txn-a"), 3)
	intents := b.call(t, pathPayments, query("merchantTxnIds", "txn-a")).Data["content"].([]any) //nolint:forcetypeassert // the test fails with it
	require.Len(t, intents, 1, "one row of the payment")
	require.Equal(t, attempts[2].TransactionID, intents[0].(map[string]any)["lastTransactionId"]) //nolint:forcetypeassert // the test fails with it
	told := map[any][]any{}                                                                       // they are delivered beside each other, in whatever order
	for _, n := range b.shop.notifications() {
		told[n.fields["transactionId"]] = []any{n.fields["status"], n.fields["paymentStatus"]}
	}
	require.Equal(t, []any{"F", "O"}, told[attempts[0].TransactionID])
	require.Equal(t, 1, b.sandbox.Books(BookQuery{}).Calls["txn-a"])
}

func TestCheckout_TheBanksPageLeadsBackWhereItIsNotPaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.opens(t, "20")
	challenge := b.pays(t, e, "4000020951595032")
	require.Contains(t, challenge, challengePath)
	at := envelope{Data: map[string]any{"redirectUrl": challenge}}
	_, body := b.get(t, signedText(e.Data["redirectUrl"]))
	require.Contains(t, body, "Continue at the bank")
	require.Equal(t, e.Data["redirectUrl"], b.click(t, at, "leave"))
	require.Equal(t, challenge, b.pays(t, e, cardPays), "what is under way is not paid again")
	require.Equal(t, e.Data["redirectUrl"], b.click(t, at, "fail"))

	again := envelope{Data: map[string]any{"redirectUrl": b.pays(t, e, "4000020951595032")}}
	require.Contains(t, b.click(t, again, "approve"), "status=S")
	require.Contains(t, b.click(t, at, "approve"), "/checkout?key=", "the failed attempt stays failed")
	require.Equal(t, "20.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Charged)
}

func TestCheckout_ASessionEndsAfterHalfAnHour(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.PaymentIntents = true })
	unpaid := b.opens(t, "20", set("merchantTxnOriginalId", "unpaid"))
	tried := b.opens(t, "20", set("merchantTxnOriginalId", "tried"))
	b.pays(t, tried, "4021937195658141")
	b.pays(t, tried, "4021937195658141")
	asked := b.opens(t, "20", set("merchantTxnOriginalId", "asked"))
	b.pays(t, asked, "4000020951595032")
	paid := b.opens(t, "20", set("merchantTxnOriginalId", "paid"))
	b.pays(t, paid, cardPays)
	eventually(t, func() bool { return len(b.sandbox.Deliveries("")) == 3 }, "two declines and a success")
	b.clock.move(30*time.Minute - time.Second)
	quietly(t, func() bool { return len(b.sandbox.Deliveries("")) > 3 }, "not yet")
	b.clock.move(time.Second)
	eventually(t, func() bool { return len(b.sandbox.Deliveries("")) == 6 }, "each session that is not paid")

	for order, statuses := range map[string][]string{"unpaid": {"N"}, "tried": {"F", "N"}, "asked": {"N"}, "paid": {"S"}} {
		booked := b.sandbox.Books(BookQuery{MerchantTxnOriginalID: order}).Transactions
		require.Len(t, booked, len(statuses))
		for i := range statuses {
			require.Equal(t, statuses[i], booked[i].Status, order)
		}
		if order != "paid" {
			closing := b.sandbox.Deliveries(booked[len(booked)-1].TransactionID)[0]
			require.Equal(t, "N", closing.Status)
		}
	}
	require.Equal(t, b.url+b.pageOf(unpaid), b.pays(t, unpaid, cardPays), "too late")
	_, body := b.get(t, signedText(unpaid.Data["redirectUrl"]))
	require.Contains(t, body, "This session is over")
	require.NotContains(t, body, `name="number"`)
	require.Equal(t, "20.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Charged)
}

func TestCheckout_AnOrderIsPaidOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.opens(t, "20"), b.opens(t, "20")
	var paid atomic.Int32
	var running sync.WaitGroup
	for i := range 12 {
		running.Go(func() {
			e := first
			if i%2 == 1 {
				e = second
			}
			if _, _, to := b.submits(t, e, cardFields(cardPays)); strings.Contains(to, "status=S") {
				paid.Add(1)
			}
		})
	}
	running.Wait()
	require.Positive(t, paid.Load())
	require.Equal(t, "20.00", b.sandbox.Books(BookQuery{}).Totals["USD"].Charged)
}

func TestCheckout_FaultsStrikeWhenTheShopperPays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	byCard := b.opens(t, "20", set("merchantTxnOriginalId", "by card"))
	require.Contains(t, b.pays(t, byCard, "4000009900000236"), "status=P")
	_, body := b.get(t, signedText(byCard.Data["redirectUrl"]))
	require.Contains(t, body, "Your payment is being processed")
	_, err := b.sandbox.Arm(Fault{Name: "force", Status: "F", Code: "20051", Message: "No", Match: Match{Path: checkoutPath}})
	require.NoError(t, err)
	armed := b.opens(t, "20", set("merchantTxnOriginalId", "armed"))
	require.Contains(t, b.pays(t, armed, cardPays), "/checkout?key=")
	require.Contains(t, b.pays(t, armed, cardPays), "status=S")
	b.clock.move(2 * time.Second)
	eventually(t, func() bool {
		return b.sandbox.Books(BookQuery{MerchantTxnOriginalID: "by card"}).Orders[0].Successes == 1
	}, "what was processing is paid")
}

func TestCheckout_SaysWhatIsWrongBesideTheField(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.opens(t, "20")
	for name, c := range map[string]struct{ field, value, text string }{
		"a digit off":       {"number", "4761344136141391", "This is no card number"},
		"no number":         {"number", "", "This is no card number"},
		"an expired card":   {"expiry", "02/26", "This card has expired"},
		"no expiry":         {"expiry", "soon", "Please write month and year"},
		"two digits of CVV": {"cvv", "12", "The security code has 3 or 4 digits"},
		"nobody's name":     {"name", " ", "Please write the name on the card"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := cardFields("4761 3441-3614 1390")
			form.Set(c.field, c.value)
			code, body, _ := b.submits(t, e, form)
			require.Equal(t, http.StatusUnprocessableEntity, code)
			require.Contains(t, body, `id="`+c.field+`-wrong">`+c.text)
			require.Contains(t, body, `aria-describedby="`+c.field+`-wrong"`)
			require.NotContains(t, body, `value="123"`, "the security code is not shown again")
			require.Equal(t, 1, strings.Count(body, "aria-invalid"))
		})
	}
}

func TestCheckout_PageIsSelfContained(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.opens(t, "20")
	resp, body := b.get(t, signedText(e.Data["redirectUrl"]))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	for _, shown := range []string{"Tea", "20.00", "USD", b.shop.URL, "Pay 20.00 USD", "30 more minutes", `lang="en"`, "width=device-width"} {
		require.Contains(t, body, shown)
	}
	for _, absent := range []string{"<script", "http-equiv", "style="} {
		require.NotContains(t, body, absent)
	}
	for _, field := range []string{"number", "expiry", "cvv", "name"} {
		require.Contains(t, body, `<label for="`+field+`">`)
	}
	_, filled := b.get(t, signedText(e.Data["redirectUrl"])+"&card=challenge")
	require.Contains(t, filled, `value="4000020951595032"`)
	known := cardBehaviors()
	for _, sample := range sampleCards() {
		require.Contains(t, known, sample.Number)
	}

	code, _, to := b.submits(t, e, url.Values{"action": {"leave"}})
	require.Equal(t, http.StatusSeeOther, code)
	require.Contains(t, to, b.shop.URL+"/return?")
	require.Contains(t, to, "status=U")
	code, _, _ = b.submits(t, e, url.Values{"action": {"steal"}})
	require.Equal(t, http.StatusBadRequest, code)
	for _, address := range []string{checkoutPath, checkoutPath + "?key=" + strings.Repeat("0", 32)} {
		resp, _ = b.get(t, b.url+address)
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
	}
}

func TestCheckout_IsForgottenWithItsFirstTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Keep = 3 })
	e := b.opens(t, "20")
	b.pays(t, e, "4021937195658141")
	b.pays(t, e, "4021937195658141")
	for range 2 {
		b.charge(t, cardPays, "5")
	}
	resp, _ := b.get(t, signedText(e.Data["redirectUrl"]))
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Len(t, b.sandbox.Books(BookQuery{}).Transactions, 3)
}

func TestHome_LinksWhoIsWaiting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	unpaid := b.opens(t, "20", set("merchantTxnOriginalId", "unpaid"))
	asked := b.charge(t, "4000020951595032", "5", set("merchantTxnOriginalId", "asked"))
	paid := b.opens(t, "20", set("merchantTxnOriginalId", "paid"))
	b.pays(t, paid, cardPays)
	page := b.browse(t, "/sandbox", nil)
	require.Contains(t, page, `<a href="#waiting"><b>2</b> waiting for a shopper</a>`)
	for _, e := range []envelope{unpaid, asked} {
		require.Contains(t, page, `<a href="`+signedText(e.Data["redirectUrl"])+`">`)
	}
	require.NotContains(t, page, signedText(paid.Data["redirectUrl"]), "what is paid waits for nobody")
	for _, link := range []string{"/sandbox/review", "/sandbox/books", "#faults", "#chargebacks", "#latest", "#cards", "#deliveries"} {
		require.Contains(t, page, `href="`+link+`"`)
	}
}
