package orders_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/details"
	"tillway/internal/orders"
)

func TestPay_HandsTheSandboxFaultOfMetadataToTheGateway(t *testing.T) {
	t.Parallel()
	const ofOrder, ofPayment = "lose_answer", "slow;delay_ms=8000,duplicate_notification;copies=3"
	cases := map[string]struct {
		order, payment details.Metadata
		want           string
	}{
		"none":                     {details.Metadata{"color": "red"}, nil, ""},
		"the order's":              {details.Metadata{"sandbox_fault": ofOrder}, nil, ofOrder},
		"the payment's before it":  {details.Metadata{"sandbox_fault": ofOrder}, details.Metadata{"sandbox_fault": ofPayment}, ofPayment},
		"the payment's empty one":  {details.Metadata{"sandbox_fault": ofOrder}, details.Metadata{"sandbox_fault": ""}, ""},
		"no line of a header":      {details.Metadata{"sandbox_fault": "slow\r\nX-Other: 1"}, nil, ""},
		"nothing long":             {details.Metadata{"sandbox_fault": strings.Repeat("a", 201)}, nil, ""},
		"nothing with other signs": {details.Metadata{"sandbox_fault": "ada@example.com"}, nil, ""},
	}
	t.Run("nothing in live mode", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *orders.Config) { c.Livemode = true })
		b.pay(b.order(func(r *orders.CreateOrder) { r.Metadata = details.Metadata{"sandbox_fault": ofOrder} }), "k")
		require.Empty(t, b.gateway.sent()[0].SandboxFault)
	})
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			o := b.order(func(r *orders.CreateOrder) { r.Metadata = tt.order })
			req := payRequest(o.ID, key("k"))
			req.Metadata = tt.payment
			_, err := b.service.Pay(t.Context(), req)
			require.NoError(t, err)
			require.Equal(t, tt.want, b.gateway.sent()[0].SandboxFault)
		})
	}
}
