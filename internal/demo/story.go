package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What is ordered and paid with. The bodies are shown as they are sent, so they are written to be read; none contains
// a single quote, which would end the shell's.
const (
	orderBody = `{"amount": 4250, "currency": "eur", "description": "Two tickets",
      "billing_details": {"email": "ada@example.com", "address": {"country": "DE"}}}`
	// %s is the page to come back to.
	bigOrderBody = `{"amount": 12000, "currency": "eur", "description": "A season ticket", "return_url": %q,
      "billing_details": {"email": "ada@example.com", "address": {"country": "DE"}}}`
	// %s is the card's number.
	paymentBody = `{"payment_method": {"type": "card", "card": {"number": %q,
      "exp_month": 12, "exp_year": 2030, "cvc": "123", "holder_name": "Ada Lovelace"}}}`
	hostedBody = `{"payment_method": {"type": "hosted"}}`

	plainCard     = "4761344136141390" // pays without 3DS
	challengeCard = "4000020951595032" // always wants 3DS
)

var (
	orderMembers   = []string{"id", "status", "amount", "currency", "amount_paid", "latest_payment"}
	paymentMembers = []string{"id", "order", "status", "amount_captured", "payment_method_details", "next_action"}
)

// client calls the API with the storefront's key.
func (d *demo) client() *client {
	return &client{
		base: d.net.api.url, key: d.secrets.StorefrontKey,
		http: &http.Client{Timeout: callTimeout}, newKey: rand.Text,
	}
}

// tell pays two orders, leaves a third to the person who watches, and says where to go on.
func (d *demo) tell(ctx context.Context) (Summary, error) {
	s := Summary{
		APIURL: d.net.api.url, AdminURL: d.net.admin.url, SandboxURL: d.net.sandbox.url, ShopURL: d.net.shop.url,
		StorefrontKey: d.secrets.StorefrontKey,
	}
	api := d.client()
	var err error
	if s.CardOrder, err = d.tellCard(ctx, api); err != nil {
		return s, err
	}
	if s.ThreeDSOrder, err = d.tellThreeDS(ctx, api); err != nil {
		return s, err
	}
	s.Elapsed = time.Since(d.begun)
	waiting, err := d.tellWaiting(ctx, api)
	if err != nil {
		return s, err
	}
	s.WaitingOrder, s.WaitingPage = waiting.order, waiting.page
	checkout, err := d.shopper(ctx, api, hostedBody)
	if err != nil {
		return s, err
	}
	s.CheckoutPage = checkout.page
	d.tellWhere(s)
	d.watching.Store(true)
	return s, nil
}

// tellCard is the main road: an order, paid by card without a challenge.
func (d *demo) tellCard(ctx context.Context, api *client) (string, error) {
	d.out.step(1, "A storefront creates an order over 42.50 EUR")
	var o order
	create := request{http.MethodPost, "/v1/orders", orderBody}
	got, err := api.call(ctx, create, &o)
	if err != nil {
		return "", err
	}
	d.out.command(api.createCurl(create))
	d.out.answer(got, orderMembers...)

	d.out.step(2, "It is paid by card")
	var p payment
	pay := request{http.MethodPost, "/v1/orders/" + o.ID + "/payments", fmt.Sprintf(paymentBody, plainCard)}
	if got, err = api.call(ctx, pay, &p); err != nil {
		return "", err
	}
	d.out.command(api.curl(pay, o.ID))
	d.out.answer(got, paymentMembers...)
	took := got.took
	if got, err = api.paid(ctx, o.ID); err != nil {
		return "", err
	}
	d.out.command(api.curl(request{method: http.MethodGet, path: "/v1/orders/" + o.ID}, o.ID))
	d.out.answer(got, orderMembers...)
	d.out.good("Order %s is paid; the payment took %s.", o.ID, brief(took))
	return o.ID, nil
}

// tellThreeDS lets the demo be the shopper whom the bank wants to see.
func (d *demo) tellThreeDS(ctx context.Context, api *client) (string, error) {
	d.out.step(3, "Another one over 120.00 EUR is paid with a card that wants 3DS")
	c, err := d.shopper(ctx, api, fmt.Sprintf(paymentBody, challengeCard))
	if err != nil {
		return "", err
	}
	d.out.command(api.createCurl(c.create) + "\n" + api.challengeCurl(c.pay, c.order))
	d.out.answer(c.got, paymentMembers...)
	hops, err := api.approve(ctx, c.page)
	if err != nil {
		return "", err
	}
	d.out.note("")
	d.out.say("The shopper's browser opens that page. The demo is the shopper, and approves:")
	d.out.command("curl -sS -L -o /dev/null -d action=" + shopperAnswer + ` "$PAGE"`)
	for _, hop := range hops {
		// What the provider adds to the address is not believed, so it is not shown.
		if !strings.HasPrefix(hop, d.net.shop.url) {
			hop, _, _ = strings.Cut(hop, "?")
		}
		d.out.say("sent on to %s", hop)
	}
	got, err := api.paid(ctx, c.order)
	if err != nil {
		return "", err
	}
	d.out.command(api.curl(request{method: http.MethodGet, path: "/v1/orders/" + c.order}, c.order))
	d.out.answer(got, orderMembers...)
	d.out.good("Order %s is paid.", c.order)
	return c.order, nil
}

// tellWaiting leaves an order to the person who watches.
func (d *demo) tellWaiting(ctx context.Context, api *client) (challenged, error) {
	c, err := d.shopper(ctx, api, fmt.Sprintf(paymentBody, challengeCard))
	if err != nil {
		return c, err
	}
	d.out.step(4, "A third one waits for you")
	d.out.say("Open the 3DS page of order %s and decide:", c.order)
	d.out.command("   " + d.out.style(bold, c.page))
	return c, nil
}

// challenged is an order whose payment sends its shopper to a page, and how it came to be.
type challenged struct {
	order, page string
	create, pay request
	got         answer
}

// shopper pays an order in such a way that its shopper has to go on.
func (d *demo) shopper(ctx context.Context, api *client, body string) (challenged, error) {
	c := challenged{create: request{http.MethodPost, "/v1/orders", fmt.Sprintf(bigOrderBody, d.net.shop.url+"/thanks")}}
	var o order
	if _, err := api.call(ctx, c.create, &o); err != nil {
		return c, err
	}
	c.order = o.ID
	c.pay = request{http.MethodPost, "/v1/orders/" + o.ID + "/payments", body}
	var p payment
	var err error
	if c.got, err = api.call(ctx, c.pay, &p); err != nil {
		return c, err
	}
	if p.NextAction == nil {
		return c, fmt.Errorf("payment %s is %s, where a page for the shopper was expected", p.ID, p.Status)
	}
	c.page = p.NextAction.RedirectToURL.URL
	return c, nil
}

// tellWhere ends the story with what there is to look at.
func (d *demo) tellWhere(s Summary) {
	d.out.good("Two orders paid, %s after the start.", brief(s.Elapsed))
	d.out.title("Look around")
	d.out.part("API", "%s/docs", s.APIURL)
	d.out.part("3DS page", "%s", s.WaitingPage)
	d.out.part("Checkout", "%s  a shopper's page, test cards by a click", s.CheckoutPage)
	d.out.part("Simulator", "%s/sandbox  who is waiting, cards, faults on demand, books", s.SandboxURL)
	d.out.part("Refunds", "%s/sandbox/review  hold, approve and reject them", s.SandboxURL)
	d.out.part("Metrics", "%s/metrics", s.AdminURL)
	d.out.part("Keys", "storefront %s", d.secrets.StorefrontKey)
	d.out.part("", "ops        %s", d.secrets.OpsKey)
	d.out.part("", "admin      %s", d.secrets.AdminKey)
	d.out.part("Log", "%s", d.path(logName))
	if d.forgets {
		d.out.note("\nCtrl-C ends it, and with it the container that holds the orders.\n")
		return
	}
	d.out.note("\nCtrl-C ends it. Orders and keys are kept; make demo-reset forgets those in " + d.Dir + ".\n")
}
