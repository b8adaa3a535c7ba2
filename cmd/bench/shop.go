package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tillway/internal/ids"
)

// orderBody is a storefront's usual order; only the reference differs.
const orderBody = `{"amount":4797,"currency":"eur","reference":"%s","description":"Order of the autumn collection",` +
	`"items":[{"name":"Merino scarf, grey","unit_amount":1999,"quantity":2,"type":"physical"},` +
	`{"name":"Shipping","unit_amount":799,"quantity":1,"type":"shipping_fee"}],` +
	`"billing_details":{"first_name":"Anna","last_name":"Schmidt","email":"anna.schmidt@shop.example","phone":"+4930123456",` +
	`"address":{"line1":"Torstrasse 12","city":"Berlin","postal_code":"10119","country":"DE"}},` +
	`"shipping_details":{"first_name":"Anna","last_name":"Schmidt","email":"anna.schmidt@shop.example","phone":"+4930123456",` +
	`"address":{"line1":"Torstrasse 12","city":"Berlin","postal_code":"10119","country":"DE"}},` +
	`"return_url":"https://shop.example/checkout/done","metadata":{"cart":"c-204918","channel":"web"}}`

// paymentBody pays with a card that the simulator never sends to 3DS.
const paymentBody = `{"payment_method":{"type":"card","card":{"number":"4242424242424242","exp_month":12,"exp_year":2040,` +
	`"cvc":"123","holder_name":"Anna Schmidt"}},"browser":{"ip":"203.0.113.7",` +
	`"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0","accept":"text/html",` +
	`"language":"de-DE","java_enabled":false,"color_depth":24,"screen_height":1080,"screen_width":1920,"time_zone_offset":-60}}`

// shopper is one customer of the storefront after the other, on one connection.
type shopper struct {
	*client
	name   string // unique in the run
	count  int
	pays   []byte
	flying *gauge // of the calls that pay
}

// times are where one payment's time went, as its caller saw it.
type times struct {
	create, pay time.Duration
	// provider is the part of pay that the service spent waiting for the provider, as its Server-Timing says.
	provider time.Duration
}

func newShopper(ctx context.Context, addr, name string, flying *gauge) (*shopper, error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &shopper{client: c, name: name, pays: []byte(paymentBody), flying: flying}, nil
}

// buy creates an order and pays it. Anything but a success is an error: the figures are of payments that were made.
func (s *shopper) buy() (ids.Order, times, error) {
	var t times
	s.count++
	reference := s.name + "-" + strconv.Itoa(s.count)
	began := time.Now()
	created, err := s.post("/v1/orders", headers("create-"+reference), fmt.Appendf(nil, orderBody, reference))
	if err != nil {
		return ids.Order{}, t, err
	}
	if created.status != http.StatusCreated {
		return ids.Order{}, t, fmt.Errorf("create an order: %d %s", created.status, created.body)
	}
	text, err := orderID(created.body)
	if err != nil {
		return ids.Order{}, t, err
	}
	t.create = time.Since(began)
	order, err := s.pay(text, reference, &t)
	return order, t, err
}

func (s *shopper) pay(text, reference string, t *times) (ids.Order, error) {
	s.flying.enter()
	defer s.flying.leave()
	began := time.Now()
	paid, err := s.post("/v1/orders/"+text+"/payments", headers("pay-"+reference), s.pays)
	if err != nil {
		return ids.Order{}, err
	}
	t.pay = time.Since(began)
	if paid.status != http.StatusCreated || !bytes.Contains(paid.body, []byte(`"status":"succeeded"`)) {
		return ids.Order{}, fmt.Errorf("pay %s: %d %s", text, paid.status, paid.body)
	}
	if t.provider, err = providerTime(paid.timing); err != nil {
		return ids.Order{}, err
	}
	return ids.Parse[ids.OrderEntity](text)
}

func headers(key string) string {
	return "Authorization: Bearer " + apiKey + "\r\nIdempotency-Key: " + key + "\r\n"
}

// orderID finds the order's id without decoding the whole answer: the load generator shares the machine.
func orderID(body []byte) (string, error) {
	const before = `"id":"`
	at := bytes.Index(body, []byte(before+"ord_"))
	if at < 0 {
		return "", fmt.Errorf("no order id in %s", body)
	}
	id, _, _ := bytes.Cut(body[at+len(before):], []byte(`"`))
	return string(id), nil
}

// providerTime reads psp from Server-Timing: app;dur=1.0, db;dur=2.0, psp;dur=3.0.
func providerTime(timing string) (time.Duration, error) {
	_, rest, _ := strings.Cut(timing, "psp;dur=")
	number, _, _ := strings.Cut(rest, ",")
	milliseconds, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return 0, fmt.Errorf("no provider time in Server-Timing %q", timing)
	}
	return time.Duration(milliseconds * float64(time.Millisecond)), nil
}
