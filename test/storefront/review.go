package storefront

import (
	"context"
	"net/http"
	"sync"
)

// review lets a second person decide on a refund, or two of them at once, or nobody yet.
func (p *shopper) review(ctx context.Context, refund string) {
	if p.shop.opts.Reviewer == "" {
		return
	}
	approve, reject := p.decision(refund, "approve"), p.decision(refund, "reject")
	switch dice := p.random.IntN(100); {
	case dice < isApproved:
		p.shop.post(ctx, approve)
	case dice < isApproved+isRejected:
		p.shop.post(ctx, reject)
	case dice%2 == 0:
		p.together(ctx, approve, reject)
	}
}

func (p *shopper) decision(refund, what string) *request {
	r := p.shop.compose("/v1/refunds/"+refund+"/"+what, p.key(what), object{})
	r.as = p.shop.opts.Reviewer
	return r
}

// Approve lets the second person approve a refund that still waits.
func (s *Shop) Approve(ctx context.Context, refund string) {
	r := s.compose("/v1/refunds/"+refund+"/approve", "approve-"+refund, object{})
	r.as = s.opts.Reviewer
	s.post(ctx, r)
}

// burst is an order that is paid, and refunds of more than half of it, all at once: there is room for one.
func (p *shopper) burst(ctx context.Context) {
	order, ok := p.shop.post(ctx, p.shop.compose("/v1/orders", p.key("order"), object{
		"amount": 10000, "currency": "usd", "return_url": "https://shop.example.com/done",
		"billing_details": object{"email": "buyer@example.com", "address": object{"country": "DE"}},
	}))
	if !ok || order.status != http.StatusCreated {
		return
	}
	paid, ok := p.try(ctx, order.id, cardBody(goodCard))
	if !ok || paid.said != "succeeded" {
		return
	}
	p.shop.record.burst(paid.id)
	var all sync.WaitGroup
	for range p.shop.opts.Burst {
		r := p.shop.compose("/v1/refunds", p.key("burst"), object{"payment": paid.id, "amount": 6000, "allow_duplicate": true})
		all.Go(func() { p.shop.post(ctx, r) })
	}
	all.Wait()
}
