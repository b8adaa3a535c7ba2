package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/ids"
)

// methodBody asks for a card to be kept.
func methodBody(number string, changes ...object) object {
	body := payBody(number)
	card, _ := body["payment_method"].(object)
	return orderless(object{"type": "card", "card": card["card"]}, changes...)
}

func orderless(body object, changes ...object) object {
	for _, change := range changes {
		for name, value := range change {
			if body[name] = value; value == nil {
				delete(body, name)
			}
		}
	}
	return body
}

func payer() object {
	return object{"email": "ada@example.com", "address": object{"country": "IE"}}
}

func (b *testBundle) saveCard(t *testing.T, number, key string, changes ...object) response {
	t.Helper()
	return b.do(t, request{method: "POST", path: "/v1/payment_methods", body: methodBody(number, changes...), key: key})
}

func TestPaymentMethod_KeepsWhatAPersonRecognizesACardBy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.createCustomer(t, object{"billing_details": payer()}).str("id")
	made := b.saveCard(t, goodCard, "k", object{"customer": who, "metadata": object{"a": "1"}})
	require.Equal(t, http.StatusCreated, made.status, made.body)
	require.Contains(t, made.body, `"card":{"brand":"visa","last4":"1390","exp_month":12,"exp_year":2031,"country":null}`)
	require.Equal(t, []string{"payment_method", "card", "active", who}, []string{made.str("object"), made.str("type"), made.str("status"), made.str("customer")})
	require.ElementsMatch(t, []string{"self", "payment_method:update", "payment_method:detach", "payment_method:customer"}, made.rels())
	require.NotContains(t, made.body, "token")

	require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	again := b.saveCard(t, goodCard, "k", object{"customer": who, "metadata": object{"a": "1"}})
	require.Equal(t, []string{made.str("id"), "true"}, []string{again.str("id"), again.header.Get("Idempotent-Replayed")})
	require.Len(t, b.vault.kept, 1)
	other := b.saveCard(t, goodCard, "k2", object{"customer": who})
	require.NotEqual(t, made.str("id"), other.str("id"), "the same card again is another method")

	listed := b.do(t, request{method: "GET", path: "/v1/customers/" + who + "/payment_methods", as: apikeys.RoleOps})
	require.Equal(t, http.StatusOK, listed.status, listed.body)
	require.Len(t, listed.at("data"), 2)
	path := "/v1/payment_methods/" + made.str("id")
	updated := b.do(t, request{method: "POST", path: path, body: object{"metadata": object{"a": nil, "b": "2"}, "billing_details": payer()}})
	require.Equal(t, object{"b": "2"}, updated.at("metadata"))
	require.Equal(t, "IE", updated.str("billing_details.address.country"))

	for range 2 {
		gone := b.do(t, request{method: "POST", path: path + "/detach"})
		require.Equal(t, http.StatusOK, gone.status, gone.body)
		require.Equal(t, []any{"detached", nil}, []any{gone.at("status"), gone.at("customer")})
		require.ElementsMatch(t, []string{"self", "payment_method:update"}, gone.rels())
	}
	listed = b.do(t, request{method: "GET", path: "/v1/customers/" + who + "/payment_methods"})
	require.Len(t, listed.at("data"), 1)

	events := b.do(t, request{method: "GET", path: "/v1/events?customer=" + who})
	require.Equal(t, http.StatusOK, events.status, events.body)
	var told []string
	data, _ := events.at("data").([]any)
	for _, one := range data {
		e, _ := one.(map[string]any)
		require.Nil(t, e["order"])
		told = append(told, e["type"].(string))
	}
	require.Equal(t, []string{"payment_method.detached", "payment_method.attached", "payment_method.attached"}, told)
}

func TestPaymentMethod_IsAttachedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.saveCard(t, goodCard, "k", object{"billing_details": payer()})
	require.Equal(t, http.StatusCreated, made.status, made.body)
	require.Nil(t, made.at("customer"))
	require.Contains(t, made.rels(), "payment_method:attach")
	path := "/v1/payment_methods/" + made.str("id") + "/attach"
	who, other := b.createCustomer(t, object{}).str("id"), b.createCustomer(t, object{}).str("id")
	for range 2 {
		attached := b.do(t, request{method: "POST", path: path, body: object{"customer": who}})
		require.Equal(t, http.StatusOK, attached.status, attached.body)
		require.Equal(t, who, attached.str("customer"))
	}
	b.do(t, request{method: "POST", path: path, body: object{"customer": other}}).refused(t, http.StatusUnprocessableEntity, invalid,
		"payment_method_not_allowed", "The payment method belongs to another customer.", "payment_method")
	b.do(t, request{method: "POST", path: strings.Replace(path, "attach", "detach", 1)})
	b.do(t, request{method: "POST", path: path, body: object{"customer": who}}).refused(t, http.StatusUnprocessableEntity, invalid,
		"payment_method_not_allowed", "The payment method is detached. Save the card again.", "payment_method")
}

func TestPaymentMethod_Declines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 { // also when Redis has forgotten the answer
		declined := b.saveCard(t, declinedCard, "k", object{"billing_details": payer()})
		require.Equal(t, http.StatusPaymentRequired, declined.status, declined.body)
		require.Equal(t, []string{"card_error", "card_declined", "do_not_honor", "The card was declined."}, []string{
			declined.str("error.type"), declined.str("error.code"), declined.str("error.decline_code"), declined.str("error.message"),
		})
		require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	}
	refused := b.saveCard(t, refusedCard, "k2", object{"billing_details": payer()})
	require.Equal(t, http.StatusUnprocessableEntity, refused.status, refused.body)
	require.Equal(t, []string{invalid, "provider_refused"}, []string{refused.str("error.type"), refused.str("error.code")})

	unsent := b.saveCard(t, unsentCard, "k3", object{"billing_details": payer()})
	unsent.refused(t, http.StatusServiceUnavailable, "api_error", "provider_unavailable",
		"The payment provider cannot be reached. Nothing was sent; repeat the request.", "")
	require.NotEmpty(t, unsent.header.Get("Retry-After"))
}

// A lost answer is found out by repeating the request: the card that was kept is taken, and not kept twice.
func TestPaymentMethod_LostAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.createCustomer(t, object{"billing_details": payer()}).str("id")
	lost := b.saveCard(t, lostCard, "k", object{"customer": who})
	lost.refused(t, http.StatusServiceUnavailable, "api_error", "payment_method_unconfirmed",
		"It is not known whether the provider has kept the card. Repeat the request with the same Idempotency-Key.", "")
	second := b.saveCard(t, lostCard, "other", object{"customer": who})
	second.refused(t, http.StatusConflict, invalid, "payment_method_in_progress",
		"This card is being kept by another request whose outcome is not known yet. Repeat that request, or try again later.", "")
	found := b.saveCard(t, lostCard, "k", object{"customer": who})
	require.Equal(t, http.StatusCreated, found.status, found.body)
	require.Len(t, b.vault.kept, 1)
}

func TestPaymentMethod_Refusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	unknown := ids.New[ids.PaymentMethodEntity]().String()
	nobody := ids.New[ids.CustomerEntity]().String()
	missing := `No such payment method: "` + unknown + `".`
	path := "/v1/payment_methods/" + unknown
	b.do(t, request{method: "GET", path: path}).refused(t, http.StatusNotFound, invalid, "resource_missing", missing, "")
	b.do(t, request{method: "POST", path: path}).refused(t, http.StatusNotFound, invalid, "resource_missing", missing, "")
	b.do(t, request{method: "POST", path: path + "/detach"}).refused(t, http.StatusNotFound, invalid, "resource_missing", missing, "")
	b.do(t, request{method: "POST", path: path + "/attach", body: object{"customer": nobody}}).refused(t, http.StatusNotFound, invalid, "resource_missing", missing, "")
	b.do(t, request{method: "GET", path: "/v1/customers/" + nobody + "/payment_methods"}).refused(t, http.StatusNotFound, invalid,
		"resource_missing", `No such customer: "`+nobody+`".`, "")

	for name, tc := range map[string]struct {
		change               object
		code, message, param string
		wrong                bool
	}{
		"no email":   {object{"billing_details": object{"address": object{"country": "DE"}}}, "parameter_missing", "billing_details.email is required.", "billing_details.email", false},
		"no country": {object{"billing_details": object{"email": "a@example.com"}}, "parameter_missing", "billing_details.address.country is required.", "billing_details.address.country", false},
		"nobody":     {object{"customer": nobody}, "parameter_invalid", "There is no such customer. Create one with POST /v1/customers.", "customer", false},
		"no type":    {object{"type": "wallet"}, "parameter_invalid", "type must be card.", "type", true},
		"no card":    {object{"card": nil}, "parameter_missing", "card is required.", "card", true},
		"expiry": {
			object{"card": object{"number": goodCard, "exp_month": 13, "exp_year": 2031, "cvc": "123", "holder_name": "A"}},
			"parameter_invalid", "card.exp_month must be between 1 and 12.", "card.exp_month", false,
		},
	} {
		r := request{
			method: "POST", path: "/v1/payment_methods", body: methodBody(goodCard, object{"billing_details": payer()}, tc.change),
			key: "k-" + strings.ReplaceAll(name, " ", "-"), wrong: tc.wrong,
		}
		b.do(t, r).refused(t, http.StatusBadRequest, invalid, tc.code, tc.message, tc.param)
	}
	require.Empty(t, b.vault.kept)
}
