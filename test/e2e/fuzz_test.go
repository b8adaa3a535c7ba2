package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/api/openapitest"
)

// attempts is how many requests one draw makes: what matters is what they are, not how many draws rapid keeps apart.
const attempts = 8

// catcher stands in for the test in the transport that holds answers to the document, so that rapid can find the
// smallest request that breaks it.
type catcher struct {
	*testing.T

	found []string
}

// Errorf keeps the complaint.
func (c *catcher) Errorf(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// fuzzer draws requests against a running service.
type fuzzer struct {
	world    *world
	client   *client
	caught   *catcher
	orders   []string
	payments []string
	events   []string
	// subscriptions are of buyer; token is the secret of the link of one.
	subscriptions []string
	buyer, token  string
}

func newFuzzer(w *world) *fuzzer {
	f := &fuzzer{world: w, caught: &catcher{T: w.t}}
	plain := &http.Transport{MaxIdleConnsPerHost: 8}
	w.t.Cleanup(plain.CloseIdleConnections)
	f.client = &client{world: w, base: w.service.base, http: &http.Client{
		Transport:     openapitest.Transport(f.caught, plain),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       requestPatience,
	}}
	for _, card := range []string{goodCard, declinedCard, challengeCard} {
		o := w.service.createOrder(object{"reference": "fuzz-" + card[len(card)-4:]})
		w.service.pay(o.ID, card, nil)
		f.orders = append(f.orders, o.ID)
		f.payments = append(f.payments, w.service.paymentsOf(o.ID)[0].ID)
	}
	for range 3 { // to be captured and given up
		o, p := w.hold()
		f.orders, f.payments = append(f.orders, o.ID), append(f.payments, p.ID)
	}
	f.orders = append(f.orders, w.service.createOrder(nil).ID)
	f.buyer = w.service.createCustomer().ID
	for _, card := range []string{frictionlessCard, declinedCard, challengeCard, frictionlessCard} {
		w.service.subscribe(f.buyer, card, nil)
	}
	for _, sub := range get[page[subscription]](w.service.client, "/v1/subscriptions").Data {
		f.subscriptions = append(f.subscriptions, sub.ID)
		if sub.Status == "active" {
			f.token = w.service.cardLink(sub.ID).token()
		}
	}
	for _, e := range get[page[event]](w.service.client, "/v1/events").Data {
		f.events = append(f.events, e.ID)
	}
	return f
}

// draw is one request, of which anything may be wrong.
func (f *fuzzer) draw(t *rapid.T) call {
	route := rapid.SampledFrom(openapitest.Routes(f.world.t)).Draw(t, "route")
	method, path, _ := strings.Cut(route, " ")
	r := call{method: method, path: f.fill(t, path) + f.query(t), wrong: true, header: map[string]string{}}
	r.as = rapid.SampledFrom([]string{storefront, storefront, storefront, admin, operator, "none"}).Draw(t, "key")
	if method == http.MethodPost {
		r.key = rapid.OneOf(rapid.StringMatching(`[!-~]{1,40}`), rapid.StringMatching(`[ -~]{0,300}`)).Draw(t, "idempotency key")
		r.body = f.body(t, path)
	}
	weird := weirdHeaders()
	for _, name := range slices.Sorted(maps.Keys(weird)) { // sorted: rapid repeats its draws by their order
		if rapid.IntRange(0, 19).Draw(t, name) == 0 {
			r.header[name] = rapid.SampledFrom(weird[name]).Draw(t, name)
		}
	}
	return r
}

// fill puts ids into a path, mostly of things that exist.
func (f *fuzzer) fill(t *rapid.T, path string) string {
	path = strings.ReplaceAll(path, "{token}", f.token)
	if !strings.Contains(path, "{id}") {
		return path
	}
	known := f.orders
	if strings.Contains(path, "/payments/{id}") {
		known = f.payments
	} else if strings.Contains(path, "/events/{id}") {
		known = f.events
	} else if strings.Contains(path, "/subscriptions/{id}") {
		known = f.subscriptions
	}
	id := rapid.SampledFrom(known).Draw(t, "id")
	if rapid.IntRange(0, 5).Draw(t, "wrong id") == 0 {
		other := rapid.OneOf(
			rapid.StringN(1, 40, 120), rapid.SampledFrom(slices.Concat(f.orders, f.payments, f.events)),
			rapid.StringMatching(`(ord|pay|evt)_[0-9a-z]{26}`), rapid.SampledFrom([]string{"..", ".", "%00", "ord_", "_"}),
		).Draw(t, "other id")
		id = url.PathEscape(strings.ReplaceAll(other, "/", "")) // a slash would make it another path
	}
	return strings.ReplaceAll(path, "{id}", id)
}

func (f *fuzzer) query(t *rapid.T) string {
	if rapid.IntRange(0, 2).Draw(t, "with query") > 0 {
		return ""
	}
	names := []string{
		"limit", "starting_after", "ending_before", "status", "order", "customer", "reference", "currency", "email", "type",
		"amount[gte]", "amount[lte]", "amount[x]", "amount", "created[gte]", "created[lt]", "created", "provider_transaction_id", "x",
	}
	values := slices.Concat(f.orders, f.payments, f.events, []string{
		"1", "100", "0", "-1", "101", "9223372036854775807", "99999999999999999999", "1e3", "paid", "failed", "eur", "EUR", "",
		"order.paid", "a@b.c", "\x00", "\xff", "%", "'; DROP TABLE orders; --", strings.Repeat("x", 5000), "🙂",
	})
	var pairs []string
	for range rapid.IntRange(1, 3).Draw(t, "pairs") {
		name, value := rapid.SampledFrom(names).Draw(t, "name"), rapid.SampledFrom(values).Draw(t, "value")
		if rapid.IntRange(0, 9).Draw(t, "raw") > 0 {
			value = url.QueryEscape(value)
		} else {
			value = rapid.StringMatching(`[!-"$-~]{0,20}`).Draw(t, "raw value")
		}
		pairs = append(pairs, name+"="+value)
	}
	return "?" + strings.Join(pairs, "&")
}

// weirdHeaders are values that some client somewhere sends.
func weirdHeaders() map[string][]string {
	return map[string][]string{
		"Accept":           {"*/*", "text/html", "application/problem+json", "application/vnd.tillway.v2+json", ";;;", "application/json;q=0", ""},
		"Content-Type":     {"", "text/plain", "application/json; charset=latin1", "application/json;", "multipart/form-data", "application/vnd.tillway.v1+json", "application/vnd.tillway.v9+json"},
		"X-Correlation-Id": {"", "mine", strings.Repeat("c", 129), "a b", "ü", "\t"},
		"Authorization":    {"", "Bearer", "Bearer ", "Basic Og==", "Bearer ord_x_secret_y", "Bearer sk_test_unknown", "bearer " + storefront, storefront},
		"Content-Encoding": {"gzip", "br", "identity"},
		"X-RH-Signature":   {"", "v1=", "v1=00", strings.Repeat("v1=0,", 500)},
		"Expect":           {"100-continue"},
		"Range":            {"bytes=0-1"},
		"If-None-Match":    {"*"},
		"traceparent":      {"00-00000000000000000000000000000000-0000000000000000-00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "nonsense"},
		"X-Forwarded-For":  {"1.2.3.4", "nonsense", strings.Repeat("1.1.1.1,", 200)},
	}
}

// body is a valid one, a valid one with something spoilt, or nothing that ever was one.
func (f *fuzzer) body(t *rapid.T, path string) any {
	valid := f.validBody(t, path)
	switch rapid.IntRange(0, 9).Draw(t, "kind of body") {
	case 0:
		return string(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "bytes"))
	case 1:
		return encoded(anyJSON(3).Draw(t, "json"))
	case 2:
		text := encoded(valid)
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		return text[:cut] + rapid.SampledFrom([]string{"", "}", "\x00", "\xff", `"a":1`, "[[[[", "//"}).Draw(t, "tail")
	case 3:
		return valid
	default:
		return encoded(spoil(t, valid))
	}
}

func encoded(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return "null" // not reached: drawn from JSON
	}
	return string(raw)
}

func (f *fuzzer) validBody(t *rapid.T, path string) any {
	switch {
	case path == "/v1/webhooks/onerway":
		n := noticeOf(payment{ID: f.payments[0], MerchantTxnID: f.payments[0], ProviderTransactionID: "2084000000000000999", Currency: "eur"})
		if rapid.Bool().Draw(t, "changed") {
			field := rapid.SampledFrom(slices.Sorted(maps.Keys(n))).Draw(t, "field")
			n = n.but(field, rapid.SampledFrom(strange()).Draw(t, "strange"))
		}
		var body object
		if json.Unmarshal([]byte(n.signed(signingKey)), &body) != nil {
			return object{}
		}
		return body
	case strings.HasSuffix(path, "/payments") && rapid.IntRange(0, 3).Draw(t, "local") == 0:
		return object{"payment_method": object{"type": "local", "local": object{
			"method":    rapid.SampledFrom([]string{"iDEAL", "PromptPay", "Konbini", "SEPADD", "WebMoney", "Beads"}).Draw(t, "method"),
			"bank_name": "Bank", "iban": "DE89 3704 0044 0532 0130 00", "prepaid_number": "1234-5678",
		}}}
	case strings.HasSuffix(path, "/payments"):
		card := rapid.SampledFrom([]string{goodCard, declinedCard, challengeCard, frictionlessCard}).Draw(t, "card")
		body, _ := f.client.payCall("", card, "", object{
			"description": "fuzz", "metadata": object{"a": "b"}, "return_url": shop + "/x", "capture_method": "automatic",
			"three_ds": object{"strategy": "auto", "mpi": object{"eci": "05", "cavv": "AAAB", "ds_trans_id": "d"}},
			"browser": object{
				"ip": "203.0.113.7", "user_agent": "x", "accept": "*/*", "language": "en", "java_enabled": false,
				"color_depth": 24, "screen_height": 10, "screen_width": "20", "time_zone_offset": -60, "content_length": 1,
			},
		}).body.(object)
		return body
	case path == "/v1/orders":
		return orderBody(object{
			"description": "fuzz", "metadata": object{"a": "b"}, "expires_in": 600, "late_payment": "review",
			"items":            []any{object{"name": "Mug", "unit_amount": 2700, "quantity": 1, "type": "physical", "image_url": shop + "/m.png"}},
			"shipping_details": object{"first_name": "Ada", "phone": "+4930", "address": object{"line1": "x", "country": "DE"}},
		})
	case path == "/v1/subscriptions":
		return subscriptionBody(f.buyer, rapid.SampledFrom([]string{frictionlessCard, declinedCard, challengeCard}).Draw(t, "card"), object{
			"interval_count": 2, "time_zone": "Europe/Berlin", "trial_days": 3, "ends_at": 4102444800, "collection": "self_managed",
			"three_ds": object{"strategy": "auto"}, "browser": object{"ip": "203.0.113.7", "color_depth": "24"}, "metadata": object{"a": "b"},
			"dunning": object{"retry_days": []int{1, 3}, "give_up_days": 14, "end": "unpaid", "day_cap": 10, "month_cap": 18},
		})
	case strings.HasPrefix(path, "/v1/subscriptions/") && strings.HasSuffix(path, "/cancel"):
		return object{"at_period_end": true}
	case strings.HasPrefix(path, "/v1/subscriptions/") && strings.HasSuffix(path, "}"):
		return object{
			"amount": 900, "interval": "month", "interval_count": 3, "ends_at": 4102444800, "dunning": object{"retry_days": []int{2}},
			"cancel_at_period_end": false, "description": "d", "metadata": object{"a": "b", "c": nil},
		}
	case strings.HasSuffix(path, "/cancel"):
		return object{}
	case strings.HasSuffix(path, "/capture"):
		return object{"amount": 2700}
	default:
		return object{"description": "d", "metadata": object{"a": "b", "c": nil}}
	}
}

// spoil changes one place of a body.
func spoil(t *rapid.T, value any) any {
	var whole any
	if json.Unmarshal([]byte(encoded(value)), &whole) != nil { // a copy, all of it plain
		return nil
	}
	return spoilt(t, whole)
}

func spoilt(t *rapid.T, value any) any {
	stop := rapid.IntRange(0, 4).Draw(t, "stop") == 0
	switch inner := value.(type) {
	case object:
		if len(inner) == 0 || stop {
			break
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(inner))).Draw(t, "member")
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0:
			delete(inner, name)
		case 1:
			inner[rapid.SampledFrom([]string{"x", "", "Amount", "__proto__", "a\x00b", "🙂", strings.Repeat("n", 300)}).Draw(t, "new")] = inner[name]
		default:
			inner[name] = spoilt(t, inner[name])
		}
		return inner
	case []any:
		if len(inner) == 0 || stop {
			break
		}
		i := rapid.IntRange(0, len(inner)-1).Draw(t, "item")
		inner[i] = spoilt(t, inner[i])
		return inner
	}
	if rapid.Bool().Draw(t, "text") {
		return rapid.SampledFrom(strange()).Draw(t, "strange")
	}
	return anyJSON(2).Draw(t, "instead")
}

// strange are texts that break careless programs.
func strange() []string {
	return []string{
		"", " ", "0", "-1", "1.5", "\x00", "a\x00b", "\u202e", "🙂🙂", "é", "e\u0301", "\ufffd", "\u2028", "null", "true",
		strings.Repeat("x", 351), strings.Repeat("🙂", 2000), "<script>", "${x}", "'; --", "../..", "http://[", "javascript:alert(1)",
		"https://shop.example.com@evil.example", "//evil.example", "eur", "XXX", "kwd", "jpy", "9999999999999999999999", "\r\nX: y",
	}
}

func anyJSON(depth int) *rapid.Generator[any] {
	simple := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }), rapid.Map(rapid.Float64Range(-1e300, 1e300), func(x float64) any { return x }),
		rapid.Map(rapid.SampledFrom(strange()), func(s string) any { return s }), rapid.Map(rapid.StringN(0, 20, 80), func(s string) any { return s }),
		rapid.SampledFrom([]any{json.Number("1e400"), json.Number("-0"), json.Number("100000000000000000000000"), json.Number("1.0")}),
	)
	if depth == 0 {
		return simple
	}
	inner := anyJSON(depth - 1)
	return rapid.OneOf(simple,
		rapid.Map(rapid.SliceOfN(inner, 0, 3), func(s []any) any { return s }),
		rapid.Map(rapid.MapOfN(rapid.StringN(0, 8, 30), inner, 0, 3), func(m map[string]any) any { return m }))
}

func TestNothingThatACallerSends_MakesA500(t *testing.T) {
	t.Parallel()
	w := start(t, localMethods)
	f := newFuzzer(w)
	rapid.Check(t, func(rt *rapid.T) {
		for range attempts {
			r := f.draw(rt)
			f.caught.found = nil
			got, err := f.client.try(t.Context(), r)
			if err != nil {
				rt.Fatalf("%s %s is not answered: %v\nbody: %v", r.method, r.path, err, r.body)
			}
			if got.status >= http.StatusInternalServerError || len(f.caught.found) > 0 {
				rt.Fatalf("%s %s answers %d\nheaders: %v\nbody: %v\nanswer: %s\n%s",
					r.method, r.path, got.status, r.header, r.body, got.body, strings.Join(f.caught.found, "\n"))
			}
		}
	})
	for _, id := range f.orders {
		w.service.history(id)
	}
	books := w.provider.books("")
	for _, o := range books.Orders {
		require.LessOrEqual(t, o.Successes, 1, "and charges nobody twice")
	}
}

// TestNoValidOrder_IsRefusedByTheProvider: whatever names, addresses and lines an order has, what is sent for it is short
// enough and sums up. The simulator refuses everything else that the documents call wrong.
func TestNoValidOrder_IsRefusedByTheProvider(t *testing.T) {
	t.Parallel()
	w := start(t, localMethods)
	printable := rapid.StringOfN(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.P, unicode.S, unicode.M), 1, 60, 240)
	text := rapid.OneOf(printable, rapid.SampledFrom([]string{
		strings.Repeat("x", 256), strings.Repeat("é", 200), strings.Repeat("🙂", 60), `"quoted" \ <b>&amp;</b>`, "Straße 東京", "a\u0301",
	}))
	rapid.Check(t, func(rt *rapid.T) {
		currency := rapid.SampledFrom([]string{"eur", "usd", "jpy", "gbp"}).Draw(rt, "currency")
		total, items := 0, []object{}
		for range rapid.IntRange(0, 12).Draw(rt, "items") {
			price, quantity := rapid.IntRange(100, 90_000).Draw(rt, "price"), rapid.IntRange(1, 20).Draw(rt, "quantity")
			total += price * quantity
			items = append(items, object{"name": text.Draw(rt, "name"), "description": text.Draw(rt, "about"), "unit_amount": price, "quantity": quantity})
		}
		if total > 200 && rapid.Bool().Draw(rt, "discount") {
			total -= 100
			items = append(items, object{"name": text.Draw(rt, "discount name"), "unit_amount": -100, "quantity": 1, "type": "discount"})
		}
		contact := object{
			"first_name": text.Draw(rt, "first"), "last_name": text.Draw(rt, "last"), "email": "buyer@example.com", "phone": text.Draw(rt, "phone"),
			"address": object{
				"line1": text.Draw(rt, "line1"), "line2": text.Draw(rt, "line2"), "city": text.Draw(rt, "city"),
				"postal_code": text.Draw(rt, "postal"), "state": text.Draw(rt, "state"), "country": rapid.SampledFrom([]string{"US", "DE", "JP"}).Draw(rt, "country"),
			},
		}
		body := orderBody(object{"currency": currency, "billing_details": contact, "shipping_details": contact, "description": text.Draw(rt, "description")})
		if len(items) > 0 {
			body["items"], body["amount"] = items, total
		}
		made := tryOrFail(rt, w, call{method: http.MethodPost, path: "/v1/orders", body: body, key: rapid.StringMatching(`[a-z0-9]{24}`).Draw(rt, "key")})
		if made.status != http.StatusCreated {
			rt.Fatalf("%d %s", made.status, made.body)
		}
		pay := w.service.payCall(into[order](t, made).ID, goodCard, "k", object{"browser": object{"user_agent": text.Draw(rt, "agent"), "ip": "203.0.113.7"}})
		paid := tryOrFail(rt, w, pay)
		if paid.status != http.StatusCreated {
			rt.Fatalf("%d %s", paid.status, paid.body)
		}
	})
}

func tryOrFail(rt *rapid.T, w *world, r call) answer {
	got, err := w.service.try(context.WithoutCancel(w.t.Context()), r)
	if err != nil {
		rt.Fatal(err)
	}
	return got
}
