package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/ids"
)

func (b *testBundle) createCustomer(t *testing.T, body object) response {
	t.Helper()
	made := b.do(t, request{method: "POST", path: "/v1/customers", body: body, key: ids.New[ids.EventEntity]().String()})
	require.Equal(t, http.StatusCreated, made.status, made.body)
	return made
}

func TestCustomer_IsKeptAsGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := object{
		"email": "Ada@Example.com", "name": "Ada Lovelace", "phone": "+353861234567", "description": "regular",
		"billing_details": object{"email": "ada@example.com", "address": object{"country": "ie", "line1": "1 Main St"}},
		"metadata":        object{"tier": "gold"},
	}
	made := b.do(t, request{method: "POST", path: "/v1/customers", body: body, key: "k"})
	require.Equal(t, http.StatusCreated, made.status, made.body)
	require.Equal(t, "customer", made.str("object"))
	require.Equal(t, "Ada@Example.com", made.str("email"))
	require.Equal(t, "IE", made.str("billing_details.address.country"))
	require.ElementsMatch(t, []string{"self", "customer:update", "customer:delete", "customer:payment_methods"}, made.rels())

	again := b.do(t, request{method: "POST", path: "/v1/customers", body: body, key: "k"})
	require.Equal(t, made.str("id"), again.str("id"))
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	again = b.do(t, request{method: "POST", path: "/v1/customers", body: body, key: "k"})
	require.Equal(t, []string{made.str("id"), "true"}, []string{again.str("id"), again.header.Get("Idempotent-Replayed")})
	require.NoError(t, b.redis.FlushDB(t.Context()).Err())
	other := b.do(t, request{method: "POST", path: "/v1/customers", body: object{"name": "x"}, key: "k"})
	other.refused(t, http.StatusUnprocessableEntity, "idempotency_error", "idempotency_key_reused",
		"This Idempotency-Key was already used for a different request. Use a new key for a new request.", "")

	read := b.do(t, request{method: "GET", path: "/v1/customers/" + made.str("id"), as: apikeys.RoleOps})
	require.Equal(t, http.StatusOK, read.status)
	require.ElementsMatch(t, []string{"self", "customer:payment_methods"}, read.rels(), "operators only read")
	require.Equal(t, "gold", read.str("metadata.tier"))
}

func TestCustomer_UpdateChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.createCustomer(t, object{
		"email": "a@example.com", "name": "A", "phone": "1", "description": "d", "metadata": object{"a": "1", "b": "2"},
		"billing_details": object{"first_name": "A"},
	})
	path := "/v1/customers/" + made.str("id")
	updated := b.do(t, request{method: "POST", path: path, body: object{
		"name": "B", "phone": nil, "metadata": object{"a": nil, "c": "3"},
	}})
	require.Equal(t, http.StatusOK, updated.status, updated.body)
	require.Equal(t, []any{"a@example.com", "B", nil, "d"},
		[]any{updated.at("email"), updated.at("name"), updated.at("phone"), updated.at("description")})
	require.Equal(t, object{"b": "2", "c": "3"}, updated.at("metadata"))
	require.Equal(t, "A", updated.str("billing_details.first_name"))

	updated = b.do(t, request{method: "POST", path: path, body: object{"billing_details": object{"last_name": "C"}}})
	require.Equal(t, object{"last_name": "C"}, updated.at("billing_details"))
	updated = b.do(t, request{method: "POST", path: path, body: object{"billing_details": nil, "email": nil, "metadata": nil}})
	require.Equal(t, []any{nil, nil, object{}}, []any{updated.at("billing_details"), updated.at("email"), updated.at("metadata")})
}

func TestCustomer_ListFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.createCustomer(t, object{"email": "One@example.com"}).str("id")
	second := b.createCustomer(t, object{"email": "one@EXAMPLE.com"}).str("id")
	gone := b.createCustomer(t, object{"email": "one@example.com"}).str("id")
	third := b.createCustomer(t, object{}).str("id")
	b.do(t, request{method: "DELETE", path: "/v1/customers/" + gone})
	for query, want := range map[string][]string{
		"":                                 {third, second, first},
		"?email=one@example.com":           {second, first},
		"?limit=1&starting_after=" + third: {second},
		"?ending_before=" + second:         {third},
		"?created[lt]=1":                   nil,
	} {
		page := b.do(t, request{method: "GET", path: "/v1/customers" + query, as: apikeys.RoleOps})
		require.Equal(t, http.StatusOK, page.status, page.body)
		var found []string
		data, _ := page.at("data").([]any)
		for _, one := range data {
			found = append(found, one.(map[string]any)["id"].(string))
		}
		require.Equal(t, want, found, query)
	}
}

func TestCustomer_DeletedIsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.createCustomer(t, object{"email": "a@example.com"}).str("id")
	path := "/v1/customers/" + id
	gone := object{"id": id, "object": "customer", "deleted": true}
	for _, method := range []string{"DELETE", "DELETE", "GET"} {
		answer := b.do(t, request{method: method, path: path})
		require.Equal(t, http.StatusOK, answer.status, answer.body)
		require.Equal(t, gone, answer.json, method)
	}
	update := b.do(t, request{method: "POST", path: path, body: object{"name": "B"}})
	update.refused(t, http.StatusNotFound, invalid, "resource_missing", `No such customer: "`+id+`".`, "")
	order := b.do(t, request{method: "POST", path: "/v1/orders", body: orderBody(object{"customer": id}), key: "k"})
	order.refused(t, http.StatusBadRequest, invalid, "parameter_invalid",
		"There is no such customer. Create one with POST /v1/customers.", "customer")
}

func TestCustomer_Refusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	unknown := ids.New[ids.CustomerEntity]().String()
	for _, method := range []string{"GET", "POST", "DELETE"} {
		answer := b.do(t, request{method: method, path: "/v1/customers/" + unknown})
		answer.refused(t, http.StatusNotFound, invalid, "resource_missing", `No such customer: "`+unknown+`".`, "")
	}
	for param, body := range map[string]object{
		"email":                           {"email": "nobody"},
		"billing_details.address.country": {"billing_details": object{"address": object{"country": "Germany"}}},
		"name":                            {"name": goodCard},
	} {
		answer := b.do(t, request{method: "POST", path: "/v1/customers", body: body, key: "k-" + param})
		require.Equal(t, http.StatusBadRequest, answer.status, answer.body)
		require.Equal(t, []string{"parameter_invalid", param}, []string{answer.str("error.code"), answer.str("error.param")})
		require.NotContains(t, answer.body, goodCard)
	}
	strange := b.do(t, request{method: "POST", path: "/v1/customers", body: object{"hue": "A"}, key: "k", wrong: true})
	strange.refused(t, http.StatusBadRequest, invalid, "unknown_field", "hue is not a field of this request.", "hue")
	keyless := b.do(t, request{method: "POST", path: "/v1/customers", body: object{}, wrong: true})
	require.Equal(t, "idempotency_key_required", keyless.str("error.code"))
	for _, r := range []request{
		{method: "POST", path: "/v1/customers", body: object{}, key: "k2"}, {method: "DELETE", path: "/v1/customers/" + unknown},
	} {
		r.as = apikeys.RoleOps
		answer := b.do(t, r)
		answer.refused(t, http.StatusForbidden, invalid, "forbidden", "The role of this key, ops, may not do this.", "")
	}
}

// refused reads the whole error body.
func (r response) refused(t *testing.T, status int, kind, code, message, param string) {
	t.Helper()
	require.Equal(t, status, r.status, r.body)
	require.JSONEq(t, errorJSON(kind, code, message, param), r.body)
}
