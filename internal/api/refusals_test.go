package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/apikeys"
	"tillway/internal/embedded/redistest"
	"tillway/internal/ids"
	"tillway/internal/ratelimit"
)

// errorJSON is the whole envelope of an error, as the caller of a test reads it.
func errorJSON(kind, code, message, param string) string {
	e := object{
		"type": kind, "code": code, "message": message, "doc": publicURL + "/docs#error-" + code, "correlation_id": "c-1",
	}
	if param != "" {
		e["param"] = param
	}
	raw, err := json.Marshal(object{"error": e})
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

const invalid = "invalid_request_error"

// Every refusal that needs nothing but the request, with its whole body.
func TestRefusals_ReadWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, created := b.createOrder(t, object{"reference": "taken"})
	other, _ := b.createOrder(t)
	payment := b.pay(t, other, goodCard).str("id")
	order, payments := "/v1/orders/"+id, "/v1/orders/"+id+"/payments"
	noOrder := ids.New[ids.OrderEntity]().String()
	secret := created.str("client_secret")
	post := func(path string, body any) request {
		return request{method: "POST", path: path, body: body, key: "k", wrong: true}
	}
	get := func(path string) request { return request{method: "GET", path: path, wrong: true} }
	with := func(r request, change func(*request)) request {
		change(&r)
		return r
	}
	card := func(changes object) object {
		body := payBody(goodCard)
		details, _ := body["payment_method"].(object)["card"].(object)
		for name, value := range changes {
			details[name] = value
			if value == nil {
				delete(details, name)
			}
		}
		return body
	}
	for name, c := range map[string]struct {
		request              request
		status               int
		kind, code, message  string
		param, authenticated string
	}{
		"no key":              {with(get(order), func(r *request) { r.as = "none" }), 401, "authentication_error", "invalid_api_key", "This request needs a key: Authorization: Bearer <key>.", "", `Bearer realm="tillway"`},
		"unknown key":         {with(get(order), func(r *request) { r.secret = "sk_test_wrong" }), 401, "authentication_error", "invalid_api_key", "No such API key, or it has been revoked. Send a secret key as Authorization: Bearer sk_test_….", "", `Bearer realm="tillway", error="invalid_token"`},
		"another scheme":      {with(get(order), func(r *request) { r.header = map[string]string{"Authorization": "Basic abc"} }), 401, "authentication_error", "invalid_api_key", "Send the key as Authorization: Bearer <key>; no other scheme is understood.", "", `Bearer realm="tillway", error="invalid_token"`},
		"wrong client secret": {with(get(order), func(r *request) { r.secret = id + "_secret_0000" }), 401, "authentication_error", "invalid_api_key", "This client secret is not valid.", "", `Bearer realm="tillway", error="invalid_token"`},

		"client secret on another order": {with(get("/v1/orders/"+other), func(r *request) { r.secret = secret }), 403, invalid, "forbidden", "A client secret may only read and pay the order that it belongs to. Use a secret key.", "", ""},
		"client secret on a list":        {with(get("/v1/orders"), func(r *request) { r.secret = secret }), 403, invalid, "forbidden", "A client secret may only read and pay the order that it belongs to. Use a secret key.", "", ""},
		"client secret to cancel":        {with(post(order+"/cancel", nil), func(r *request) { r.secret = secret }), 403, invalid, "forbidden", "A client secret may only read and pay the order that it belongs to. Use a secret key.", "", ""},
		"ops creates":                    {with(post("/v1/orders", orderBody()), func(r *request) { r.as = apikeys.RoleOps }), 403, invalid, "forbidden", "The role of this key, ops, may not do this.", "", ""},

		"no such order":         {get("/v1/orders/" + noOrder), 404, invalid, "resource_missing", fmt.Sprintf("No such order: %q.", noOrder), "", ""},
		"not an order's id":     {get("/v1/orders/" + payment), 404, invalid, "resource_missing", fmt.Sprintf("No such order: %q.", payment), "", ""},
		"a long id":             {get("/v1/orders/" + strings.Repeat("x", 200)), 404, invalid, "resource_missing", fmt.Sprintf("No such order: %q.", strings.Repeat("x", 40)+"…"), "", ""},
		"a card as an id":       {get("/v1/payments/" + goodCard), 404, invalid, "resource_missing", `No such payment: "[redacted]".`, "", ""},
		"a NUL in an id":        {get("/v1/payments/a%00b"), 404, invalid, "resource_missing", `No such payment: "a\x00b".`, "", ""},
		"no such payment":       {get("/v1/payments/" + strings.Replace(noOrder, "ord_", "pay_", 1)), 404, invalid, "resource_missing", fmt.Sprintf("No such payment: %q.", strings.Replace(noOrder, "ord_", "pay_", 1)), "", ""},
		"payments of no order":  {get("/v1/orders/" + noOrder + "/payments"), 404, invalid, "resource_missing", fmt.Sprintf("No such order: %q.", noOrder), "", ""},
		"paying no order":       {post("/v1/orders/"+noOrder+"/payments", payBody(goodCard)), 404, invalid, "resource_missing", fmt.Sprintf("No such order: %q.", noOrder), "", ""},
		"nothing for an id":     {post("/v1/orders//payments", "\x00"), 404, invalid, "resource_missing", `No such order: "".`, "", ""},
		"no such path":          {get("/v2"), 404, invalid, "resource_missing", "There is nothing at this path. GET /v1 lists what there is.", "", ""},
		"a slash too many":      {get("/v1/orders/"), 404, invalid, "resource_missing", "There is nothing at this path. GET /v1 lists what there is.", "", ""},
		"half a character":      {post("/v1/orders", `{"amount":2700,"currency":"eur","metadata":{"note":"\ud800"}}`), 400, invalid, "parameter_invalid", "metadata.note must not escape half of a surrogate pair.", "metadata.note", ""},
		"another method":        {with(get(order), func(r *request) { r.method = "DELETE" }), 405, invalid, "method_not_allowed", "This path does not answer DELETE. See the Allow header.", "", ""},
		"an unknown version":    {with(get(order), func(r *request) { r.header = map[string]string{"Accept": "application/vnd.tillway.v2+json"} }), 406, invalid, "not_acceptable", "Accept names nothing that we speak: application/vnd.tillway.v1+json or application/json.", "", ""},
		"a form":                {with(post("/v1/orders", "amount=1"), func(r *request) { r.header = map[string]string{"Content-Type": "application/x-www-form-urlencoded"} }), 415, invalid, "unsupported_media_type", "Content-Type must be application/vnd.tillway.v1+json or application/json.", "", ""},
		"an unknown body":       {with(post("/v1/orders", "{}"), func(r *request) { r.header = map[string]string{"Content-Type": "application/vnd.tillway.v2+json"} }), 415, invalid, "unsupported_media_type", "Content-Type must be application/vnd.tillway.v1+json or application/json.", "", ""},
		"another charset":       {with(post("/v1/orders", "{}"), func(r *request) { r.header = map[string]string{"Content-Type": "application/json; charset=latin1"} }), 415, invalid, "unsupported_media_type", "JSON is sent in UTF-8.", "", ""},
		"a compressed body":     {with(post("/v1/orders", "{}"), func(r *request) { r.header = map[string]string{"Content-Encoding": "gzip"} }), 415, invalid, "unsupported_media_type", "Send the body without Content-Encoding.", "", ""},
		"a body over its limit": {post("/v1/orders", `{"description":"`+strings.Repeat("x", 1<<20)+`"}`), 413, invalid, "body_too_large", "The body may have at most 1048576 bytes.", "", ""},

		"no idempotency key":         {with(post("/v1/orders", orderBody()), func(r *request) { r.key = "" }), 400, invalid, "idempotency_key_required", "This request needs an Idempotency-Key header: a value of your own that is new for each thing you want done.", "Idempotency-Key", ""},
		"no idempotency key to pay":  {with(post(payments, payBody(goodCard)), func(r *request) { r.key = "" }), 400, invalid, "idempotency_key_required", "This request needs an Idempotency-Key header: a value of your own that is new for each thing you want done.", "Idempotency-Key", ""},
		"a bad key, though optional": {with(post(order, "{}"), func(r *request) { r.key = "a b" }), 400, invalid, "parameter_invalid", "Idempotency-Key may hold visible ASCII characters only; character 2 is not one.", "Idempotency-Key", ""},

		"no JSON":                  {post("/v1/orders", "amount: 1"), 400, invalid, "parameter_invalid", "The body is not valid JSON (at byte 1).", "", ""},
		"a list":                   {post("/v1/orders", "[]"), 400, invalid, "parameter_invalid", "The body must be a JSON object, not an array.", "", ""},
		"no amount":                {post("/v1/orders", orderBody(object{"amount": nil})), 400, invalid, "parameter_missing", "amount is required.", "amount", ""},
		"no currency":              {post("/v1/orders", orderBody(object{"currency": nil})), 400, invalid, "parameter_missing", "currency is required.", "currency", ""},
		"an empty currency":        {post("/v1/orders", orderBody(object{"currency": ""})), 400, invalid, "parameter_missing", "currency is required.", "currency", ""},
		"no such currency":         {post("/v1/orders", orderBody(object{"currency": "xyz"})), 400, invalid, "parameter_invalid", "currency must be an ISO 4217 code such as eur.", "currency", ""},
		"amount zero":              {post("/v1/orders", orderBody(object{"amount": 0})), 400, invalid, "parameter_invalid", "amount must be between 1 and 99999999 minor units.", "amount", ""},
		"amount as text":           {post("/v1/orders", orderBody(object{"amount": "12"})), 400, invalid, "parameter_invalid", "amount must be an integer, not a string.", "amount", ""},
		"amount as a float":        {post("/v1/orders", `{"amount":12.0,"currency":"eur"}`), 400, invalid, "parameter_invalid", "amount must be an integer, written without a fraction or an exponent.", "amount", ""},
		"an unknown field":         {post("/v1/orders", orderBody(object{"items": []object{{"name": "a", "unit_amount": 1, "quantity": 1}, {"hue": 1}}})), 400, invalid, "unknown_field", "items[1].hue is not a field of this request.", "items[1].hue", ""},
		"an unknown card field":    {post(payments, card(object{"foo": "1"})), 400, invalid, "unknown_field", "payment_method.card.foo is not a field of this request.", "payment_method.card.foo", ""},
		"an item without name":     {post("/v1/orders", orderBody(object{"items": []object{{"unit_amount": 1, "quantity": 1}}})), 400, invalid, "parameter_missing", "items[0].name is required.", "items[0].name", ""},
		"another entity's id":      {post("/v1/orders", orderBody(object{"customer": id})), 400, invalid, "parameter_invalid", "customer is not a valid identifier of its kind.", "customer", ""},
		"expired from birth":       {post("/v1/orders", orderBody(object{"expires_in": 0})), 400, invalid, "parameter_invalid", "expires_in must be a positive number of seconds, within reason.", "expires_in", ""},
		"expires never":            {post("/v1/orders", orderBody(object{"expires_in": int64(9e18)})), 400, invalid, "parameter_invalid", "expires_in must be a positive number of seconds, within reason.", "expires_in", ""},
		"a card as a metadata key": {post("/v1/orders", orderBody(object{"metadata": object{goodCard: strings.Repeat("x", 501)}})), 400, invalid, "parameter_invalid", "metadata seems to hold a card number. Card data belongs in payment_method.card alone.", "metadata", ""},
		"a foreign return_url":     {post("/v1/orders", orderBody(object{"return_url": "https://evil.example.com"})), 400, invalid, "parameter_invalid", "return_url is not on the allow-list. Add its origin to RETURN_URL_ALLOWLIST.", "return_url", ""},
		"a query on a post":        {post("/v1/orders?draft=1", orderBody()), 400, invalid, "unknown_field", "draft is not a parameter of this request.", "draft", ""},
		"something to cancel with": {post(order+"/cancel", object{"reason": "x"}), 400, invalid, "unknown_field", "reason is not a field of this request.", "reason", ""},

		"no payment method":      {post(payments, "{}"), 400, invalid, "parameter_missing", "payment_method is required.", "payment_method", ""},
		"no card":                {post(payments, object{"payment_method": object{"type": "card"}}), 400, invalid, "parameter_missing", "payment_method.card is required.", "payment_method.card", ""},
		"no such type":           {post(payments, object{"payment_method": object{"type": "check"}}), 400, invalid, "parameter_invalid", "payment_method.type must be card, saved, hosted or local.", "payment_method.type", ""},
		"a card and a saved one": {post(payments, object{"payment_method": object{"type": "card", "payment_method": "pm_1"}}), 400, invalid, "parameter_invalid", "A card is given as payment_method.card.", "payment_method.payment_method", ""},
		"no number":              {post(payments, card(object{"number": nil})), 400, invalid, "parameter_missing", "payment_method.card.number is required.", "payment_method.card.number", ""},
		"no cvc":                 {post(payments, card(object{"cvc": nil})), 400, invalid, "parameter_missing", "payment_method.card.cvc is required.", "payment_method.card.cvc", ""},
		"no holder":              {post(payments, card(object{"holder_name": " "})), 400, invalid, "parameter_missing", "payment_method.card.holder_name is required.", "payment_method.card.holder_name", ""},
		"number as a number":     {post(payments, card(object{"number": 4761344136141390})), 400, invalid, "parameter_invalid", "payment_method.card.number must be a string, not a number.", "payment_method.card.number", ""},
		"letters in a number":    {post(payments, card(object{"number": "4761344136141390x"})), 400, invalid, "parameter_invalid", "payment_method.card.number must have 12 to 19 digits.", "payment_method.card.number", ""},
		"a short number":         {post(payments, card(object{"number": "47613441361"})), 400, invalid, "parameter_invalid", "payment_method.card.number must have 12 to 19 digits.", "payment_method.card.number", ""},
		"month 13":               {post(payments, card(object{"exp_month": 13})), 400, invalid, "parameter_invalid", "payment_method.card.exp_month must be between 1 and 12.", "payment_method.card.exp_month", ""},
		"year 1999":              {post(payments, card(object{"exp_year": "1999"})), 400, invalid, "parameter_invalid", "payment_method.card.exp_year must be between 2000 and 2099.", "payment_method.card.exp_year", ""},
		"cvc of two digits":      {post(payments, card(object{"cvc": "12"})), 400, invalid, "parameter_invalid", "payment_method.card.cvc must have 3 or 4 digits.", "payment_method.card.cvc", ""},
		"a long holder":          {post(payments, card(object{"holder_name": strings.Repeat("é", 49)})), 400, invalid, "parameter_invalid", "payment_method.card.holder_name must be text of at most 48 characters.", "payment_method.card.holder_name", ""},
		"a strategy":             {post(payments, payBody(goodCard, object{"three_ds": object{"strategy": "never"}})), 400, invalid, "parameter_invalid", "three_ds.strategy must be auto, force or skip.", "three_ds.strategy", ""},
		"an mpi without id":      {post(payments, payBody(goodCard, object{"three_ds": object{"mpi": object{"eci": "05", "cavv": "x"}}})), 400, invalid, "parameter_missing", "three_ds.mpi.ds_trans_id (3DS 2) or three_ds.mpi.xid (3DS 1) is required.", "three_ds.mpi.ds_trans_id", ""},
		"an mpi without cavv":    {post(payments, payBody(goodCard, object{"three_ds": object{"mpi": object{"eci": "05"}}})), 400, invalid, "parameter_missing", "three_ds.mpi.cavv is required.", "three_ds.mpi.cavv", ""},
		"an address with a zone": {post(payments, payBody(goodCard, object{"browser": object{"ip": "fe80::1%eth0"}})), 400, invalid, "parameter_invalid", "browser.ip must be an IPv4 or IPv6 address.", "browser.ip", ""},
		"no address":             {post(payments, payBody(goodCard, object{"browser": object{"ip": "localhost"}})), 400, invalid, "parameter_invalid", "browser.ip must be an IPv4 or IPv6 address.", "browser.ip", ""},
		"a hosted card":          {post(payments, payBody(goodCard, object{"payment_method": object{"type": "hosted", "card": object{"number": goodCard, "exp_month": 12, "exp_year": 2031, "cvc": "123", "holder_name": "A B"}}})), 400, invalid, "parameter_invalid", "A hosted payment takes no card: the shopper types it on the provider's page.", "payment_method.card", ""},
		"a hosted saved one":     {post(payments, object{"payment_method": object{"type": "hosted", "payment_method": "pm_1"}}), 400, invalid, "parameter_invalid", "A hosted payment takes no saved payment method.", "payment_method.payment_method", ""},
		"a hosted strategy":      {post(payments, object{"payment_method": object{"type": "hosted"}, "three_ds": object{"strategy": "force"}}), 400, invalid, "parameter_invalid", "The provider decides on the authentication of a hosted payment; leave three_ds out.", "three_ds", ""},
		"a capture method":       {post(payments, payBody(goodCard, object{"capture_method": "later"})), 400, invalid, "parameter_invalid", "capture_method must be automatic or manual.", "capture_method", ""},

		"a local one unnamed":     {post(payments, object{"payment_method": object{"type": "local"}}), 400, invalid, "parameter_missing", "payment_method.local is required.", "payment_method.local", ""},
		"a local one without":     {post(payments, localBody(object{"method": nil})), 400, invalid, "parameter_missing", "payment_method.local.method is required.", "payment_method.local.method", ""},
		"a local field":           {post(payments, localBody(object{"walletAccountId": "1"})), 400, invalid, "unknown_field", "payment_method.local.walletAccountId is not a field of this request.", "payment_method.local.walletAccountId", ""},
		"a local card":            {post(payments, payBody(goodCard, object{"payment_method": object{"type": "local", "local": object{"method": "iDEAL"}, "card": object{"number": goodCard, "exp_month": 12, "exp_year": 2031, "cvc": "123", "holder_name": "A B"}}})), 400, invalid, "parameter_invalid", "A local payment method takes no card.", "payment_method.card", ""},
		"a local saved one":       {post(payments, object{"payment_method": object{"type": "local", "local": object{"method": "iDEAL"}, "payment_method": "pm_1"}}), 400, invalid, "parameter_invalid", "A local payment method is not a saved one.", "payment_method.payment_method", ""},
		"a card with a local":     {post(payments, object{"payment_method": object{"type": "hosted", "local": object{"method": "iDEAL"}}}), 400, invalid, "parameter_invalid", "payment_method.local goes with payment_method.type local.", "payment_method.local", ""},
		"a local strategy":        {post(payments, localBody(nil, object{"three_ds": object{"strategy": "auto"}})), 400, invalid, "parameter_invalid", "3D Secure is for cards; leave three_ds out.", "three_ds", ""},
		"a local one to be saved": {post(payments, localBody(nil, object{"save_payment_method": true})), 400, invalid, "parameter_invalid", "Only a card can be saved.", "save_payment_method", ""},
		"a local hold":            {post(payments, localBody(nil, object{"capture_method": "manual"})), 422, invalid, "payment_method_not_allowed", "A local payment method takes the money at once and holds none. Leave capture_method out.", "capture_method", ""},
		"no IBAN":                 {post(payments, localBody(object{"iban": "DE 8937"})), 400, invalid, "parameter_invalid", "payment_method.local.iban is not an IBAN.", "payment_method.local.iban", ""},
		"a short prepaid number":  {post(payments, localBody(object{"prepaid_number": "1234567"})), 400, invalid, "parameter_invalid", "payment_method.local.prepaid_number must be text of 8 to 64 characters.", "payment_method.local.prepaid_number", ""},
		"a bank of two lines":     {post(payments, localBody(object{"bank_name": "a\nb"})), 400, invalid, "parameter_invalid", "The texts of payment_method.local are of one line each.", "payment_method.local", ""},
		"a long bank":             {post(payments, localBody(object{"bank_name": strings.Repeat("é", 129)})), 400, invalid, "parameter_invalid", "payment_method.local.bank_name has at most 128 characters.", "payment_method.local.bank_name", ""},
		"a card as a bank":        {post(payments, localBody(object{"bank_name": goodCard})), 400, invalid, "parameter_invalid", "payment_method.local.bank_name seems to hold a card number. Card data belongs in payment_method.card alone.", "payment_method.local.bank_name", ""},
		"a local one not offered": {post(payments, localBody(nil)), 422, invalid, "payment_method_not_allowed", "This installation does not offer that local payment method (LOCAL_PAYMENT_METHODS).", "payment_method.local.method", ""},

		"a saved card that is none": {post(payments, object{"payment_method": object{"type": "saved", "payment_method": "pm_1"}}), 400, invalid, "parameter_invalid", "payment_method.payment_method is not the id of a payment method.", "payment_method.payment_method", ""},
		"a saved card without name": {post(payments, object{"payment_method": object{"type": "saved"}}), 400, invalid, "parameter_missing", "payment_method.payment_method is required.", "payment_method.payment_method", ""},
		"a saved card and a card":   {post(payments, payBody(goodCard, object{"payment_method": object{"type": "saved", "card": payBody(goodCard)["payment_method"].(object)["card"]}})), 400, invalid, "parameter_invalid", "A saved card is named by payment_method.payment_method alone.", "payment_method.card", ""},
		"a stranger's saved card":   {post(payments, object{"payment_method": object{"type": "saved", "payment_method": "pm_01kb3v6yhrekj9wdc9rqc4k8pf"}}), 422, invalid, "payment_method_not_allowed", "This order cannot be paid with that payment method. It must be one of the order's customer, and not detached.", "payment_method.payment_method", ""},
		"a saved card held":         {post(payments, object{"capture_method": "manual", "payment_method": object{"type": "saved", "payment_method": "pm_01kb3v6yhrekj9wdc9rqc4k8pf"}}), 422, invalid, "payment_method_not_allowed", "A saved card can be charged, not held. Leave capture_method out, or send the card.", "capture_method", ""},
		"saving for nobody":         {post(payments, payBody(goodCard, object{"save_payment_method": true})), 400, invalid, "parameter_invalid", "A card is saved for a customer. Create the order with one.", "save_payment_method", ""},
		"saving a saved one":        {post(payments, object{"save_payment_method": true, "payment_method": object{"type": "saved", "payment_method": "pm_01kb3v6yhrekj9wdc9rqc4k8pf"}}), 400, invalid, "parameter_invalid", "Only a card can be saved.", "save_payment_method", ""},
		"wrong sum":                 {post("/v1/orders", orderBody(object{"items": []object{{"name": "a", "unit_amount": 1, "quantity": 1}}})), 422, invalid, "items_do_not_sum", "The items sum to 1 but amount is 2700.", "items", ""},
		"three decimals":            {post("/v1/orders", orderBody(object{"currency": "kwd"})), 422, invalid, "currency_not_supported", "KWD has three decimals.", "currency", ""},

		"limit zero":            {get("/v1/orders?limit=0"), 400, invalid, "parameter_invalid", "limit must be between 1 and 100.", "limit", ""},
		"limit 101":             {get("/v1/payments?limit=101"), 400, invalid, "parameter_invalid", "limit must be between 1 and 100.", "limit", ""},
		"limit as words":        {get("/v1/orders?limit=ten"), 400, invalid, "parameter_invalid", "limit must be an integer.", "limit", ""},
		"limit twice":           {get("/v1/orders?limit=1&limit=2"), 400, invalid, "parameter_invalid", "limit is given more than once.", "limit", ""},
		"an unknown cursor":     {get("/v1/orders?starting_after=" + noOrder), 400, invalid, "parameter_invalid", "starting_after is not the id of a listed resource.", "starting_after", ""},
		"a cursor of a payment": {get("/v1/orders?ending_before=" + payment), 400, invalid, "parameter_invalid", "ending_before is not the id of a listed resource.", "ending_before", ""},
		"both cursors":          {get("/v1/orders?starting_after=" + id + "&ending_before=" + id), 400, invalid, "parameter_invalid", "starting_after and ending_before exclude each other.", "ending_before", ""},
		"an unknown filter":     {get("/v1/orders?colors=1"), 400, invalid, "unknown_field", "colors is not a parameter of this request.", "colors", ""},
		"a filter of payments":  {get("/v1/orders?order=" + id), 400, invalid, "unknown_field", "order is not a parameter of this request.", "order", ""},
		"no such status":        {get("/v1/orders?status=done"), 400, invalid, "parameter_invalid", "status must be one of open, pending, authorized, paid, partially_refunded, refunded, canceled, expired.", "status", ""},
		"a long filter":         {get("/v1/orders?reference=" + strings.Repeat("x", 513)), 400, invalid, "parameter_invalid", "reference is too long.", "reference", ""},
		"an empty filter":       {get("/v1/orders?reference="), 400, invalid, "parameter_invalid", "reference is empty.", "reference", ""},
		"no such customer":      {get("/v1/orders?customer=cus_1"), 400, invalid, "parameter_invalid", "customer is not a valid identifier of its kind.", "customer", ""},
		"a date":                {get("/v1/orders?created[gte]=2026-01-01"), 400, invalid, "parameter_invalid", "created[gte] must be an integer.", "created[gte]", ""},
		"the far future":        {get("/v1/orders?created[lt]=9223372036854775807"), 400, invalid, "parameter_invalid", "created[lt] must be a time in unix seconds.", "created[lt]", ""},
		"a huge amount":         {get("/v1/orders?amount[gte]=99999999999999999999"), 400, invalid, "parameter_invalid", "amount[gte] must be an integer.", "amount[gte]", ""},
		"a NUL in a filter":     {get("/v1/orders?reference=a%00"), 400, invalid, "parameter_invalid", "The query must be UTF-8 without NUL characters.", "", ""},
		"no UTF-8 in a filter":  {get("/v1/orders?reference=%ff"), 400, invalid, "parameter_invalid", "The query must be UTF-8 without NUL characters.", "", ""},
		"a broken query":        {get("/v1/orders?reference=%zz"), 400, invalid, "parameter_invalid", "The query is not properly encoded.", "", ""},
		"a query where none is": {get(order + "?expand=1"), 400, invalid, "unknown_field", "expand is not a parameter of this request.", "expand", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.request.key == "k" {
				c.request.key = strings.NewReplacer(" ", "-", ",", "").Replace(name)
			}
			got := b.do(t, c.request)
			require.Equal(t, c.status, got.status, got.body)
			require.JSONEq(t, errorJSON(c.kind, c.code, c.message, c.param), got.body)
			require.Equal(t, "application/json", got.header.Get("Content-Type"))
			require.Equal(t, c.authenticated, got.header.Get("WWW-Authenticate"))
			requireEverywhere(t, got)
			if c.status == http.StatusMethodNotAllowed {
				require.Equal(t, "GET, POST, OPTIONS", got.header.Get("Allow"))
			}
		})
	}
}

// requireEverywhere checks what every answer has.
func requireEverywhere(t *testing.T, got response) {
	t.Helper()
	require.Equal(t, "c-1", got.header.Get("X-Correlation-Id"))
	require.NotEmpty(t, got.header.Get("X-Ratelimit-Limit"))
	require.NotEmpty(t, got.header.Get("X-Ratelimit-Remaining"))
	require.NotEmpty(t, got.header.Get("X-Ratelimit-Reset"))
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Regexp(t, `^app;dur=[0-9.]+, db;dur=[0-9.]+, psp;dur=[0-9.]+$`, got.header.Get("Server-Timing"))
}

func TestRefusals_OfTheStateOfThings(t *testing.T) {
	t.Parallel()
	b := setup(t)

	paid, _ := b.createOrder(t, object{"reference": "r-1"})
	require.Equal(t, 201, b.pay(t, paid, goodCard).status)
	again := b.pay(t, paid, goodCard)
	require.Equal(t, http.StatusConflict, again.status)
	require.JSONEq(t, errorJSON(invalid, "order_not_payable", "The order is paid and cannot be paid.", ""), again.body)

	canceled := b.do(t, request{method: "POST", path: "/v1/orders/" + paid + "/cancel"})
	require.Equal(t, http.StatusConflict, canceled.status)
	require.JSONEq(t, errorJSON(invalid, "order_not_cancelable", "The order is paid and cannot be canceled.", ""), canceled.body)

	taken := b.do(t, request{method: "POST", path: "/v1/orders", body: orderBody(object{"reference": "r-1"}), key: "k"})
	require.Equal(t, http.StatusConflict, taken.status)
	require.JSONEq(t, errorJSON(invalid, "reference_in_use",
		"Another order has this reference. Use a reference of its own, or read that order with GET /v1/orders?reference=….",
		"reference"), taken.body)

	live, _ := b.createOrder(t)
	p := b.pay(t, live, challengeCard)
	second := b.pay(t, live, goodCard)
	require.Equal(t, http.StatusConflict, second.status)
	requireError(t, second, invalid, "payment_in_progress",
		"Payment "+p.str("id")+" of this order is requires_action. Wait for its outcome or continue it.", b, p.str("id"))
	require.Equal(t, "https://psp.example.com/3ds/1", second.at("error.payment._links").(map[string]any)["payment:redirect"].(map[string]any)["href"])

	pending := b.do(t, request{method: "POST", path: "/v1/orders/" + live + "/cancel"})
	require.JSONEq(t, errorJSON(invalid, "order_not_cancelable", "The order is pending and cannot be canceled.", ""), pending.body)

	nobody, _ := b.createOrder(t, object{"billing_details": nil})
	unknown := b.pay(t, nobody, goodCard)
	require.Equal(t, http.StatusBadRequest, unknown.status)
	require.JSONEq(t, errorJSON(invalid, "parameter_missing",
		"A payment needs billing_details.email, on the order or its customer.", "billing_details.email"), unknown.body)
}

// requireError checks the whole body of an error that shows a payment.
func requireError(t *testing.T, got response, kind, code, message string, b *testBundle, payment string) {
	t.Helper()
	var want object
	require.NoError(t, json.Unmarshal([]byte(errorJSON(kind, code, message, "")), &want))
	shown := b.do(t, request{method: "GET", path: "/v1/payments/" + payment}).json
	inner, _ := want["error"].(map[string]any)
	inner["payment"] = shown
	if code := got.str("error.decline_code"); code != "" {
		inner["decline_code"] = code
	}
	raw, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, string(raw), got.body)
}

func TestRefusals_OfTheCard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)

	declined := b.pay(t, id, declinedCard)
	require.Equal(t, http.StatusPaymentRequired, declined.status)
	require.Equal(t, "insufficient_funds", declined.str("error.decline_code"))
	require.Equal(t, "failed", declined.str("error.payment.status"))
	requireError(t, declined, "card_error", "insufficient_funds", "The card has insufficient funds.", b, declined.str("error.payment.id"))

	refused := b.pay(t, id, refusedCard)
	require.Equal(t, http.StatusUnprocessableEntity, refused.status)
	requireError(t, refused, invalid, "provider_refused", "The provider refused the request.", b, refused.str("error.payment.id"))

	unsent := b.pay(t, id, unsentCard)
	require.Equal(t, http.StatusServiceUnavailable, unsent.status)
	require.JSONEq(t, errorJSON("api_error", "provider_unavailable",
		"The payment provider cannot be reached. Nothing was charged; repeat the request.", ""), unsent.body)
	require.Equal(t, "1", unsent.header.Get("Retry-After"))

	require.Equal(t, "open", b.do(t, request{method: "GET", path: "/v1/orders/" + id}).str("status"), "may be tried again")
}

func TestRefusals_AsProblemDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	accept := map[string]string{"Accept": "application/problem+json"}

	missing := b.do(t, request{method: "GET", path: "/v1/orders/nope", header: accept, wrong: true})
	require.Equal(t, "application/problem+json", missing.header.Get("Content-Type"))
	require.JSONEq(t, `{"type":"https://pay.example.com/docs#error-resource_missing","title":"Resource missing","status":404,
		"detail":"No such order: \"nope\".","error_type":"invalid_request_error","code":"resource_missing","correlation_id":"c-1"}`, missing.body)

	pay := request{method: "POST", path: "/v1/orders/" + id + "/payments", body: payBody(declinedCard), key: "k", header: accept}
	declined := b.do(t, pay)
	require.Equal(t, http.StatusPaymentRequired, declined.status)
	require.Equal(t, "failed", declined.str("payment.status"))
	require.Equal(t, "insufficient_funds", declined.str("decline_code"))
	require.Equal(t, declined.body, b.do(t, pay).body, "repeated in the same form")
	pay.header = nil
	require.Equal(t, declined.at("payment"), b.do(t, pay).at("error.payment"), "and in the other")

	read := b.do(t, request{method: "GET", path: "/v1/orders/" + id, header: accept})
	require.Equal(t, "application/json", read.header.Get("Content-Type"), "a success is no problem")
}

func TestRefusals_OverTheRateLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *api.Deps) {
		limiter, err := ratelimit.NewLimiter(ratelimit.LimiterOptions{Redis: redistest.New(t), PerSecond: 1})
		require.NoError(t, err)
		d.Limiter = limiter
	})
	first := b.do(t, request{method: "GET", path: "/v1/orders"})
	require.Equal(t, http.StatusOK, first.status)
	require.Equal(t, "1", first.header.Get("X-Ratelimit-Limit"))
	require.Equal(t, "0", first.header.Get("X-Ratelimit-Remaining"))

	second := b.do(t, request{method: "GET", path: "/v1/orders"})
	require.Equal(t, http.StatusTooManyRequests, second.status)
	require.Equal(t, "1", second.header.Get("Retry-After"))
	require.JSONEq(t, errorJSON("rate_limit_error", "rate_limit_exceeded", "Too many requests. Slow down and try again.", ""), second.body)
	requireEverywhere(t, second)

	require.Equal(t, http.StatusOK, b.do(t, request{method: "GET", path: "/v1/orders", as: apikeys.RoleOps}).status, "another key")

	require.Equal(t, http.StatusUnauthorized, b.do(t, request{method: "GET", path: "/v1/orders", secret: "guess-1", wrong: true}).status)
	guess := b.do(t, request{method: "GET", path: "/v1/orders", secret: "guess-2", wrong: true})
	require.Equal(t, http.StatusTooManyRequests, guess.status, "guessing keys is limited by address")
}

func TestRefusals_WhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	b.do(t, request{method: "GET", path: "/v1/orders/" + id}) // the key is known from now on
	b.cutDatabase()

	got := b.do(t, request{method: "GET", path: "/v1/orders/" + id})
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.Equal(t, "database_unavailable", got.str("error.code"))
	require.Equal(t, "api_error", got.str("error.type"))
	require.NotEmpty(t, got.header.Get("Retry-After"))

	stranger := b.do(t, request{method: "GET", path: "/v1/orders/" + id, as: apikeys.RoleOps})
	require.Equal(t, http.StatusServiceUnavailable, stranger.status, "a key that is not known yet is not a wrong key")
	require.Equal(t, "database_unavailable", stranger.str("error.code"))

	ready := b.do(t, request{method: "GET", path: "/readyz", as: "none"})
	require.Equal(t, http.StatusServiceUnavailable, ready.status)
	require.JSONEq(t, `{"status":"unavailable","checks":{"postgres":{"status":"unavailable","required":true},"redis":{"status":"ok","required":false}}}`, ready.body)
	require.Equal(t, http.StatusOK, b.do(t, request{method: "GET", path: "/healthz", as: "none"}).status)
}

func TestRefusals_OfADefectTellNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *api.Deps) { d.Orders = nil })
	got := b.do(t, request{method: "GET", path: "/v1/orders", wrong: true})
	require.Equal(t, http.StatusInternalServerError, got.status)
	require.JSONEq(t, errorJSON("api_error", "internal_error",
		"Something went wrong on our side. Quote the correlation id when you report it.", ""), got.body)
	require.Eventually(t, func() bool { return strings.Contains(b.logs.String(), `"level":"ERROR"`) }, 5*time.Second, time.Millisecond)
	logged := b.logs.String()
	require.Equal(t, 1, strings.Count(logged, "nil pointer"), "logged once")
	require.Contains(t, logged, `"correlation_id":"c-1"`)
}
