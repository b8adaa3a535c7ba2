package storefront

import (
	"context"
	"net/http"
	"slices"
)

// introduce makes the shopper a customer.
func (p *shopper) introduce(ctx context.Context) {
	made, ok := p.shop.post(ctx, p.shop.compose("/v1/customers", p.key("customer"), object{
		"email": "buyer@example.com", "name": "Ada Lovelace", "billing_details": object{"address": object{"country": "DE"}},
	}))
	if ok && made.status == http.StatusCreated {
		p.customer = made.id
	}
}

// sortCards has a card saved, or one that is saved forgotten, now and then.
func (p *shopper) sortCards(ctx context.Context) {
	if p.chance(savesCard) {
		body := object{"type": "card", "card": cardOf(p.card()), "customer": p.customer}
		saved, ok := p.impatiently(ctx, "/v1/payment_methods", "keep", body)
		if ok && saved.status == http.StatusCreated {
			p.remember(saved.id)
		}
	}
	if len(p.methods) > 0 && p.chance(forgetsCard) {
		i := p.random.IntN(len(p.methods))
		p.impatiently(ctx, "/v1/payment_methods/"+p.methods[i]+"/detach", "detach", object{})
		p.methods = slices.Delete(p.methods, i, i+1)
	}
}

func (p *shopper) remember(method string) {
	if !slices.Contains(p.methods, method) {
		p.methods = append(p.methods, method)
	}
}
