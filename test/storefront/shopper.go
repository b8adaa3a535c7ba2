package storefront

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
)

// goodCard pays, without any question.
const goodCard = "4242424242424242"

// The shares of what shoppers do, in percent.
const (
	abandons, changesMind    = 8, 8   // of those who order: walk away, cancel
	doubleClick              = 8      // of those who pay or want money back: twice with one key
	secondTab                = 6      // of them: twice with two keys
	triesAgain               = 50     // of those who were declined
	usuallyLeaves, failsBank = 10, 10 // of those on the bank's page
	wantsBack                = 40     // of those who have paid
	wantsAll                 = 50     // of those who want money back; the others want a part
	isReviewed               = 15     // of those who want money back: the provider's staff takes its time with it
	isHeld                   = 30     // of those who pay: the shop takes the money when it ships
	isShipped, isNotShipped  = 60, 25 // of what is held: captured, voided; the rest stays held
	paysSaved, savesPaying   = 50, 30 // of customers: pay with a saved card; have the card saved that pays
	savesCard, forgetsCard   = 30, 20 // of customers, before they order: save a card, have one forgotten
	bursts                   = 1      // of all: the shop's own software goes wild
	isDisputed               = 15     // of what is paid
	onlyWarns, isSilent      = 20, 30 // of those: the bank warns; the provider does not notify us
	isApproved, isRejected   = 50, 20 // of refunds that need a second person; of others both at once, or nobody cares yet
	leavesCheckout           = 20     // of those on the provider's page: go away, or back to the shop
)

// shopper is one of many, and does one thing after another.
type shopper struct {
	shop   *Shop
	random *rand.Rand
	name   string
	keys   int
	// customer is who the shopper is to the shop, "" for a stranger; methods are the cards that are saved.
	customer string
	methods  []string
}

func (p *shopper) key(what string) string {
	p.keys++
	return fmt.Sprintf("%s-%s-%d", what, p.name, p.keys)
}

func (p *shopper) chance(percent int) bool { return p.random.IntN(100) < percent }

// story is one visit to the shop.
func (p *shopper) story(ctx context.Context) {
	body := object{
		"amount": 100 + p.random.IntN(9000), "currency": "eur", "return_url": "https://shop.example.com/done",
		"billing_details": object{"email": "buyer@example.com", "address": object{"country": "DE"}},
		"late_payment":    []string{"accept", "refund", "review"}[p.random.IntN(3)],
	}
	if p.customer == "" && p.chance(p.shop.opts.Known) {
		p.introduce(ctx)
	}
	if p.customer != "" {
		body["customer"] = p.customer
		p.sortCards(ctx)
	}
	if p.shop.opts.Burst > 0 && p.chance(bursts) {
		p.burst(ctx)
		return
	}
	leaving := p.chance(abandons)
	if leaving {
		body["expires_in"] = 1
	}
	order, ok := p.shop.post(ctx, p.shop.compose("/v1/orders", p.key("order"), body))
	switch {
	case !ok || order.status != http.StatusCreated || leaving:
	case p.chance(changesMind):
		p.shop.post(ctx, p.shop.compose("/v1/orders/"+order.id+"/cancel", p.key("cancel"), object{}))
	default:
		p.pay(ctx, order.id)
	}
}

// pay pays an order, with a second card if the first is declined.
func (p *shopper) pay(ctx context.Context, order string) {
	held, hosted := p.chance(isHeld), p.chance(p.shop.opts.Hosted)
	paid, ok := p.try(ctx, order, p.means(hosted, held))
	if ok && paid.status == http.StatusPaymentRequired && p.chance(triesAgain) {
		paid, ok = p.try(ctx, order, holding(cardBody(goodCard), held))
		hosted = false
	}
	if ok && paid.method != "" {
		p.remember(paid.method)
	}
	switch {
	case !ok || paid.redirect == "":
	case hosted:
		p.checkOut(ctx, paid.redirect)
	default:
		p.authenticate(ctx, paid.redirect)
	}
	if ok && held {
		paid, ok = p.endHold(ctx, paid) // refused where nothing is held, or nobody knows yet
	}
	if !ok || paid.said != "succeeded" {
		return
	}
	bank := p.complain(ctx, paid)
	if p.chance(wantsBack) {
		p.giveBack(ctx, paid)
	}
	<-bank
}

// endHold captures or voids what a payment holds, or leaves it; one tab may capture what the other voids.
func (p *shopper) endHold(ctx context.Context, held answer) (answer, bool) {
	path := "/v1/payments/" + held.id
	switch dice := p.random.IntN(100); {
	case dice < isShipped:
		return p.impatiently(ctx, path+"/capture", "capture", object{})
	case dice < isShipped+isNotShipped:
		return p.impatiently(ctx, path+"/cancel", "void", object{})
	default:
		return held, true
	}
}

// giveBack refunds a payment, whole or in part, and as impatiently as it was paid: two tabs together may ask for more than
// there is.
func (p *shopper) giveBack(ctx context.Context, paid answer) {
	body := object{"payment": paid.id, "reason": "requested_by_customer", "allow_duplicate": true}
	if !p.chance(wantsAll) {
		body["amount"] = 1 + p.random.Int64N(paid.amount)
	}
	if p.chance(isReviewed) {
		body["metadata"] = object{"sandbox_fault": "refund_held"}
	}
	if asked, ok := p.impatiently(ctx, "/v1/refunds", "refund", body); ok && asked.waits {
		p.review(ctx, asked.id)
	}
}

// means is how the shopper pays: on the provider's page, with a saved card, which can be charged but not held, or with a card of
// which customers may let the shop keep the number.
func (p *shopper) means(hosted, held bool) object {
	switch {
	case hosted:
		return holding(object{"payment_method": object{"type": "hosted"}}, held)
	case len(p.methods) > 0 && !held && p.chance(paysSaved):
		return object{"payment_method": object{"type": "saved", "payment_method": p.methods[p.random.IntN(len(p.methods))]}}
	}
	body := holding(cardBody(p.card()), held)
	if p.customer != "" && p.chance(savesPaying) {
		body["save_payment_method"] = true
	}
	return body
}

func (p *shopper) card() string { return p.shop.opts.Cards[p.random.IntN(len(p.shop.opts.Cards))] }

// holding makes a payment one of which the money is only held, if so.
func holding(body object, held bool) object {
	if held {
		body["capture_method"] = "manual"
	}
	return body
}

// try sends a payment.
func (p *shopper) try(ctx context.Context, order string, body object) (answer, bool) {
	return p.impatiently(ctx, "/v1/orders/"+order+"/payments", "pay", body)
}

// impatiently sends a request as people do who do not like to wait.
func (p *shopper) impatiently(ctx context.Context, path, key string, body object) (answer, bool) {
	first := p.shop.compose(path, p.key(key), body)
	switch {
	case p.chance(doubleClick):
		return p.together(ctx, first, first)
	case p.chance(secondTab):
		return p.together(ctx, first, p.shop.compose(path, p.key(key), body))
	}
	return p.shop.post(ctx, first)
}

func (p *shopper) together(ctx context.Context, first, second *request) (a answer, ok bool) {
	var both sync.WaitGroup
	both.Go(func() { a, ok = p.shop.post(ctx, first) })
	both.Go(func() { p.shop.post(ctx, second) })
	both.Wait()
	return a, ok
}

func cardBody(number string) object {
	return object{"payment_method": object{"type": "card", "card": cardOf(number)}}
}

func cardOf(number string) object {
	return object{"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123", "holder_name": "Ada Lovelace"}
}
