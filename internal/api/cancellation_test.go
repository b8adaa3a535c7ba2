package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func (b *testBundle) cancelPayment(t *testing.T, id string) response {
	t.Helper()
	return b.do(t, request{
		method: "POST", path: "/v1/payments/" + id + "/cancel", key: "cancel", header: map[string]string{"X-Correlation-Id": "c-1"},
	})
}

func TestCancelPayment_IsRefusedClearly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refused := func(card, code, message string) {
		t.Helper()
		order, _ := b.createOrder(t)
		p := b.pay(t, order, card)
		id := p.str("id")
		require.NotContains(t, p.rels(), "payment:cancel")
		got := b.cancelPayment(t, id)
		require.Equal(t, http.StatusConflict, got.status, got.body)
		require.Equal(t, code, got.str("error.code"))
		require.Regexp(t, message, got.str("error.message"))
		require.Equal(t, id, got.str("error.payment.id"))
		require.Nil(t, got.at("error.payment.cancel_requested_at"))
		require.Equal(t, "pending", b.do(t, request{method: "GET", path: "/v1/orders/" + order}).str("status"))
	}
	refused(challengeCard, "cancel_window_closed", `^An open payment can be canceled from \S+Z until \S+Z\.$`)
	refused(lostCard, "payment_not_cancelable",
		`^The provider has not named the payment, so it cannot be asked to cancel it\. Queries settle it\.$`)
}
