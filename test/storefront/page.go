package storefront

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// checkOut pays on the provider's page, with another card if the first is declined, or goes away.
func (p *shopper) checkOut(ctx context.Context, page string) {
	if p.chance(leavesCheckout) {
		if back := p.visit(ctx, http.MethodPost, page, url.Values{"action": {"leave"}}); back != "" && p.chance(triesAgain) {
			p.comeBack(ctx, back)
		}
		return
	}
	next := p.payThere(ctx, page, p.card())
	if next == page && p.chance(triesAgain) {
		next = p.payThere(ctx, page, goodCard)
	}
	switch {
	case next == "" || next == page:
	case strings.HasPrefix(next, p.shop.opts.URL):
		p.comeBack(ctx, next)
	default:
		p.authenticate(ctx, next)
	}
}

func (p *shopper) payThere(ctx context.Context, page, card string) string {
	return p.visit(ctx, http.MethodPost, page, url.Values{
		"action": {"pay"}, "number": {card}, "expiry": {"12/34"}, "cvv": {"123"}, "name": {"Ada Lovelace"},
	})
}

// authenticate answers the bank's page, or not, and comes back to the service's return page.
func (p *shopper) authenticate(ctx context.Context, page string) {
	action := "approve"
	switch {
	case p.chance(p.shop.opts.LeavesBank):
		return
	case p.chance(failsBank):
		action = "fail"
	}
	back := p.visit(ctx, http.MethodPost, page, url.Values{"action": {action}})
	if back == "" {
		return
	}
	p.comeBack(ctx, back)
}

// comeBack opens the service's return page until it leads on to the shop.
func (p *shopper) comeBack(ctx context.Context, back string) {
	for deadline := time.Now().Add(p.shop.opts.Patience); ; wait(ctx, repeatAfter) {
		if p.visit(ctx, http.MethodGet, back, nil) != "" || time.Now().After(deadline) || ctx.Err() != nil {
			return
		}
	}
}

// visit opens a page and returns where it leads, "" when it cannot be had.
func (p *shopper) visit(ctx context.Context, method, page string, form url.Values) string {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, page, strings.NewReader(form.Encode()))
	if err != nil {
		return ""
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := p.shop.http.Do(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	return response.Header.Get("Location")
}
