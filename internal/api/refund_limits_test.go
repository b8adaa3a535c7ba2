package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

func TestRefund_IsRefusedBeyondTheMerchantsLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		configure     func(*orders.Config)
		allowed       int
		code, message string
	}{
		"too late": {
			func(c *orders.Config) { c.RefundWindow = time.Nanosecond }, 0,
			"refund_window_closed", "A payment can be refunded for 1ns after it succeeded; this one succeeded at ",
		},
		"too often": {
			func(c *orders.Config) { c.RefundMaxCount = 1 }, 1,
			"refund_count_exceeded", "A payment can be refunded 1 times, and this one has 1 refunds that succeeded or may yet.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupConfigured(t, nil, test.configure)
			id, _ := b.createOrder(t)
			payment := b.pay(t, id, goodCard).str("id")
			read := func(path string) response { return b.do(t, request{method: "GET", path: path}) }
			require.Equal(t, test.allowed == 1, read("/v1/payments/" + payment).at("_links").(map[string]any)["payment:refund"] != nil)
			for range test.allowed {
				require.Equal(t, http.StatusCreated, b.refund(t, "first", object{"payment": payment, "amount": 700}).status)
			}
			order := read("/v1/orders/" + id)
			require.NotContains(t, order.rels(), "order:refund")
			require.NotContains(t, read("/v1/payments/"+payment).rels(), "payment:refund")

			refused := b.do(t, request{
				method: "POST", path: "/v1/refunds", key: "k", body: object{"payment": payment, "amount": 100},
				header: map[string]string{"X-Correlation-Id": "c-1"},
			})
			require.Equal(t, http.StatusUnprocessableEntity, refused.status, refused.body)
			message := refused.str("error.message")
			require.Contains(t, message, test.message)
			require.JSONEq(t, errorJSON(invalid, test.code, message, ""), refused.body)
			require.Equal(t, order.json, read("/v1/orders/"+id).json, "nothing changed")
		})
	}
}
