package api

import (
	"net/http"
	"strings"

	"tillway/internal/customers"
	"tillway/internal/orders"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/lifecycle"
)

// link is a HAL link; Method is left out for GET.
type link struct {
	Href      string `json:"href"`
	Method    string `json:"method,omitempty"`
	Templated bool   `json:"templated,omitempty"`
}

type links map[string]link

// offer adds a link to a route if the caller may use it; the route must be one of the table's.
func (s *server) offer(to links, caller principal, rel, method, pattern, id string) {
	r, known := s.routes[Route{method, pattern}]
	if !known || !r.allows(caller) {
		return
	}
	l := link{Href: strings.Replace(pattern, "{id}", id, 1)}
	if method != http.MethodGet {
		l.Method = method
	}
	to[rel] = l
}

// orderLinks says what the caller may do with an order now, by the rules that the commands themselves obey.
func (s *server) orderLinks(o orders.Order, caller principal) links {
	id := o.ID.String()
	l := links{"self": {Href: "/v1/orders/" + id}}
	s.offer(l, caller, "order:payments", http.MethodGet, "/v1/orders/{id}/payments", id)
	s.offer(l, caller, "order:timeline", http.MethodGet, "/v1/orders/{id}/timeline", id)
	if s.Orders.Payable(o) {
		s.offer(l, caller, "order:pay", http.MethodPost, "/v1/orders/{id}/payments", id)
	}
	if o.Cancelable() {
		s.offer(l, caller, "order:cancel", http.MethodPost, "/v1/orders/{id}/cancel", id)
	}
	if s.Orders.MayRefundOrder(o) {
		s.offer(l, caller, "order:refund", http.MethodPost, "/v1/refunds", id)
	}
	return l
}

// paymentLinks says what can be done with a payment now.
func (s *server) paymentLinks(p orders.Payment, caller principal) links {
	l := links{"self": {Href: "/v1/payments/" + p.ID.String()}}
	s.offer(l, caller, "payment:order", http.MethodGet, "/v1/orders/{id}", p.Order.String())
	s.offer(l, caller, "payment:query", http.MethodPost, "/v1/ops/payments/{id}/query", p.ID.String())
	if p.Held() {
		s.offer(l, caller, "payment:capture", http.MethodPost, "/v1/payments/{id}/capture", p.ID.String())
	}
	if s.Orders.Cancelable(p) {
		s.offer(l, caller, "payment:cancel", http.MethodPost, "/v1/payments/{id}/cancel", p.ID.String())
	}
	if s.Orders.MayRefund(p) {
		s.offer(l, caller, "payment:refund", http.MethodPost, "/v1/refunds", p.ID.String())
	}
	if p.Status == orders.PaymentRequiresAction && p.RedirectURL != "" {
		l["payment:redirect"] = link{Href: p.RedirectURL}
	}
	return l
}

// customerLinks says what can be done with a customer that is there.
func (s *server) customerLinks(c customers.Customer, caller principal) links {
	id := c.ID.String()
	l := links{"self": {Href: "/v1/customers/" + id}}
	s.offer(l, caller, "customer:update", http.MethodPost, "/v1/customers/{id}", id)
	s.offer(l, caller, "customer:payment_methods", http.MethodGet, "/v1/customers/{id}/payment_methods", id)
	s.offer(l, caller, "customer:delete", http.MethodDelete, "/v1/customers/{id}", id)
	return l
}

// methodLinks says what can be done with a payment method now.
func (s *server) methodLinks(m customers.PaymentMethod, caller principal) links {
	id := m.ID.String()
	l := links{"self": {Href: "/v1/payment_methods/" + id}}
	s.offer(l, caller, "payment_method:update", http.MethodPost, "/v1/payment_methods/{id}", id)
	if m.Attachable() {
		s.offer(l, caller, "payment_method:attach", http.MethodPost, "/v1/payment_methods/{id}/attach", id)
	}
	if m.Detachable() {
		s.offer(l, caller, "payment_method:detach", http.MethodPost, "/v1/payment_methods/{id}/detach", id)
	}
	if m.Status == customers.StatusActive && !m.Customer.IsZero() {
		s.offer(l, caller, "payment_method:customer", http.MethodGet, "/v1/customers/{id}", m.Customer.String())
	}
	return l
}

// subscriptionLinks says what may be asked of a subscription now.
func (s *server) subscriptionLinks(sub subscriptions.Subscription, caller principal) links {
	id := sub.ID.String()
	l := links{"self": {Href: "/v1/subscriptions/" + id}}
	s.offer(l, caller, "subscription:update", http.MethodPost, "/v1/subscriptions/{id}", id)
	s.offer(l, caller, "subscription:orders", http.MethodGet, "/v1/subscriptions/{id}/orders", id)
	s.offer(l, caller, "subscription:customer", http.MethodGet, "/v1/customers/{id}", sub.Customer.String())
	if sub.Allows(lifecycle.CommandCancel) {
		s.offer(l, caller, "subscription:cancel", http.MethodPost, "/v1/subscriptions/{id}/cancel", id)
	}
	if sub.Allows(lifecycle.CommandPause) {
		s.offer(l, caller, "subscription:pause", http.MethodPost, "/v1/subscriptions/{id}/pause", id)
	}
	if sub.Allows(lifecycle.CommandResume) {
		s.offer(l, caller, "subscription:resume", http.MethodPost, "/v1/subscriptions/{id}/resume", id)
	}
	if sub.Allows(lifecycle.CommandChangeCard) && s.CardEntry != CardEntryHostedOnly {
		s.offer(l, caller, "subscription:update_link", http.MethodGet, "/v1/subscriptions/{id}/update_link", id)
	}
	return l
}

// refundLinks says what can be done with a refund now.
func (s *server) refundLinks(r orders.Refund, caller principal) links {
	id := r.ID.String()
	l := links{"self": {Href: "/v1/refunds/" + id}}
	s.offer(l, caller, "refund:payment", http.MethodGet, "/v1/payments/{id}", r.Payment.String())
	s.offer(l, caller, "refund:order", http.MethodGet, "/v1/orders/{id}", r.Order.String())
	if r.Withdrawable() {
		s.offer(l, caller, "refund:cancel", http.MethodPost, "/v1/refunds/{id}/cancel", id)
	}
	if r.Approvable(caller.id()) {
		s.offer(l, caller, "refund:approve", http.MethodPost, "/v1/refunds/{id}/approve", id)
		s.offer(l, caller, "refund:reject", http.MethodPost, "/v1/refunds/{id}/reject", id)
	}
	return l
}
