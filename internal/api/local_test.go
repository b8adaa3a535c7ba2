package api_test

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

const (
	testIBAN    = "DE89370400440532013000"
	testVoucher = "Voucher 4711\n<script>alert(1)</script>"
)

// codeEnds is until when the provider's code can be paid by.
var codeEnds = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// local is the provider's answer to a payment by a local method.
func local(e orders.Evidence, l orders.Local) orders.Evidence {
	e.Outcome = orders.OutcomeActionRequired
	switch l.Method {
	case "iDEAL":
		e.RedirectURL = "https://bank.example.com/pay"
	case "PromptPay":
		e.Display = orders.Display{Code: "code-4711", ExpiresAt: codeEnds}
	case "Picture":
		e.Display = orders.Display{ImageURL: "https://bank.example.com/4711.png"}
	case "Konbini":
		e.Display = orders.Display{Text: testVoucher}
	case "WebMoney":
		e.Outcome = orders.OutcomeDeclined
		e.Failure = &orders.Failure{Code: "card_declined", DeclineCode: "do_not_honor", Message: "The card was declined.", Category: orders.FailureSoft, ProviderCode: "20005"}
	default:
		e.Outcome = orders.OutcomeProcessing
	}
	return e
}

// localBody pays by iDEAL; details change the method, changes the rest.
func localBody(details object, changes ...object) object {
	method := object{"method": "iDEAL"}
	for name, value := range details {
		method[name] = value
		if value == nil {
			delete(method, name)
		}
	}
	body := object{"payment_method": object{"type": "local", "local": method}}
	for _, change := range changes {
		maps.Copy(body, change)
	}
	return body
}

// setupLocal starts a service that offers local methods, and takes no cards.
func setupLocal(t *testing.T) *testBundle {
	t.Helper()
	return setupConfigured(t, nil, func(c *orders.Config) {
		c.LocalMethods = []string{"iDEAL", "PromptPay", "Picture", "Konbini", "WebMoney", "SEPADD"}
	}, func(d *api.Deps) { d.CardEntry = api.CardEntryHostedOnly })
}

func TestLocal_SaysWhatTheShopperIsToDo(t *testing.T) {
	t.Parallel()
	b := setupLocal(t)
	records := func() int { return len(b.redis.Keys(t.Context(), "*idem*").Val()) }
	for method, want := range map[string]any{
		"iDEAL": map[string]any{"type": "redirect_to_url", "redirect_to_url": map[string]any{
			"url": "https://bank.example.com/pay", "return_url": "https://shop.example.com/done?cart=7",
		}},
		"PromptPay": map[string]any{"type": "display_qr_code", "display_qr_code": map[string]any{
			"data": "code-4711", "image_url": nil, "expires_at": float64(codeEnds.Unix()), //nolint:forbidigo // as a test reads JSON
		}},
		"Picture": map[string]any{"type": "display_qr_code", "display_qr_code": map[string]any{
			"data": nil, "image_url": "https://bank.example.com/4711.png", "expires_at": nil,
		}},
		"Konbini": map[string]any{"type": "display_instructions", "display_instructions": map[string]any{"text": testVoucher}},
	} {
		id, created := b.createOrder(t)
		key := rand.Text()
		pay := request{
			method: "POST", path: "/v1/orders/" + id + "/payments", key: key, secret: created.str("client_secret"),
			body: localBody(object{"method": method, "iban": "de89 3704 0044 0532 0130 00"}),
		}
		paid := b.do(t, pay)
		require.Equal(t, http.StatusCreated, paid.status, paid.body)
		require.Equal(t, "requires_action", paid.str("status"))
		require.Equal(t, want, paid.at("next_action"))
		require.Equal(t, map[string]any{"type": "local", "local": map[string]any{"method": method}, "card": nil}, paid.at("payment_method_details"))
		require.Equal(t, method == "iDEAL", slices.Contains(paid.rels(), "payment:redirect"))

		again := b.do(t, pay)
		require.Equal(t, http.StatusCreated, again.status)
		require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
		require.Equal(t, want, again.at("next_action"), "the same request again says it again")
		require.Equal(t, want, b.do(t, request{method: "GET", path: "/v1/payments/" + paid.str("id")}).at("next_action"))

		other, before := pay, records()
		other.key = rand.Text()
		for range 2 {
			refused := b.do(t, other)
			requireError(t, refused, invalid, "payment_in_progress",
				"Payment "+paid.str("id")+" of this order is requires_action. Wait for its outcome or continue it.", b, paid.str("id"))
			require.Equal(t, want, refused.at("error.payment.next_action"), "the way on is in the refusal")
		}
		require.Equal(t, method == "iDEAL", records() > before, "an answer that shows something is not kept")

		order, err := ids.Parse[ids.OrderEntity](id)
		require.NoError(t, err)
		o, err := b.orders.Get(t.Context(), order)
		require.NoError(t, err)
		b.provider.settle(paid.str("merchant_txn_id"), orders.OutcomeSucceeded, o.Amount)
		returned := b.do(t, request{method: "GET", path: "/v1/payments/" + paid.str("id") + "/return", as: "none"})
		require.Contains(t, returned.header.Get("Location"), "status=succeeded")
		ended := b.do(t, request{method: "GET", path: "/v1/payments/" + paid.str("id")})
		require.Nil(t, ended.at("next_action"))
		require.Nil(t, ended.at("three_ds"))
		if method != "iDEAL" { // whose answer was final: it is repeated as it was
			replayed := b.do(t, pay)
			require.Equal(t, []any{http.StatusCreated, "succeeded", nil}, []any{replayed.status, replayed.str("status"), replayed.at("next_action")})
		}
	}
}

func TestLocal_ADeclineAndAnOpenOutcome(t *testing.T) {
	t.Parallel()
	b := setupLocal(t)
	id, _ := b.createOrder(t)
	declined := b.do(t, request{method: "POST", path: "/v1/orders/" + id + "/payments", key: "declined", body: localBody(object{"method": "WebMoney", "prepaid_number": "12345678"})})
	require.Equal(t, http.StatusPaymentRequired, declined.status, declined.body)
	require.Equal(t, []string{"card_error", "payment_declined", "do_not_honor", "The payment was declined by the bank or wallet. Please pay in another way."},
		[]string{declined.str("error.type"), declined.str("error.code"), declined.str("error.decline_code"), declined.str("error.message")})

	debited := b.do(t, request{method: "POST", path: "/v1/orders/" + id + "/payments", key: "debit", body: localBody(object{"method": "SEPADD", "iban": testIBAN})})
	require.Equal(t, http.StatusAccepted, debited.status, debited.body)
	require.Equal(t, "processing", debited.str("status"))
	require.NotContains(t, b.logs.String(), testIBAN)
	require.NotContains(t, debited.body, testIBAN)
}
