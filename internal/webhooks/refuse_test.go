package webhooks_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
	"tillway/internal/orders"
	"tillway/internal/webhooks"
)

// refused checks the whole answer to a delivery that was not taken.
func refused(t *testing.T, got answer, status int, kind, code string) {
	t.Helper()
	require.Equal(t, status, got.status, got.body)
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	var shown struct {
		Error map[string]string `json:"error"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &shown))
	require.NotEmpty(t, shown.Error["message"])
	delete(shown.Error, "message")
	require.Equal(t, map[string]string{
		"type": kind, "code": code, "doc": "https://pay.example.com/docs#error-" + code, "correlation_id": "",
	}, shown.Error)
}

func TestReceive_RefusesWhatIsNotTheProviders(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		body   func(t *testing.T, sale message) string
		header string
	}{
		"forged": {body: func(t *testing.T, m message) string { return m.signed(t, "a guess") }},
		"tampered": {body: func(t *testing.T, m message) string {
			return strings.Replace(m.with("status", "F").signed(t, secret), `"status":"F"`, `"status":"S"`, 1)
		}},
		"unsigned":         {body: func(t *testing.T, m message) string { return m.unsigned(t) }},
		"no secret at all": {body: func(t *testing.T, m message) string { return m.signed(t, "") }},
		"another merchant": {body: func(t *testing.T, m message) string { return m.with("merchantNo", "800210").signed(t, secret) }},
		"no merchant":      {body: func(t *testing.T, m message) string { return m.with("merchantNo", nil).signed(t, secret) }},
		"a wrong header decides over a right sign": {
			body: func(t *testing.T, m message) string { return m.signed(t, secret) }, header: "v1=" + strings.Repeat("b", 64),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := b.payment(t)
			before := b.order(t, p)
			body := test.body(t, saleOf(p.MerchantTxnID, "S"))
			for range 2 {
				got := b.deliver(t, body, onerway.SignatureHeader, test.header)
				refused(t, got, http.StatusUnauthorized, "authentication_error", "invalid_signature")
			}
			require.Equal(t, before, b.order(t, p))
			stored := b.rows(t)
			require.Len(t, stored, 1)
			require.Equal(t, "quarantined", stored[0].Status)
			require.Equal(t, 2, stored[0].Deliveries)
			require.NotEmpty(t, stored[0].Reason)
		})
	}
}

func TestReceive_RefusesWhatIsNoNotification(t *testing.T) {
	t.Parallel()

	b := setup(t)
	sale := saleOf("pay_x", "S")
	for name, body := range map[string]string{
		"nothing":            "",
		"no JSON":            "transactionId=1",
		"an array":           "[" + sale.signed(t, secret) + "]",
		"a string":           `"S"`,
		"two objects":        sale.signed(t, secret) + sale.signed(t, secret),
		"a member twice":     strings.Replace(sale.signed(t, secret), `{`, `{"status":"F",`, 1),
		"no transaction":     sale.with("transactionId", nil).signed(t, secret),
		"not UTF-8":          "{\"a\":\"\xff\"}",
		"nested too deep":    `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"cut in the middle":  sale.signed(t, secret)[:100],
		"a byte order mark":  "\uFEFF" + sale.signed(t, secret),
		"null instead of it": "null",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, b.deliver(t, body), http.StatusBadRequest, "invalid_request_error", "parameter_invalid")
			require.Empty(t, b.rows(t))
		})
	}
}

func TestReceive_LimitsTheSize(t *testing.T) {
	t.Parallel()

	b := setup(t)
	const limit = 256 << 10
	sale := saleOf("pay_x", "S")
	room := limit - len(sale.with("pad", "").signed(t, secret))
	require.Equal(t, http.StatusOK, b.deliver(t, sale.with("pad", strings.Repeat("x", room)).signed(t, secret)).status)
	got := b.deliver(t, sale.with("pad", strings.Repeat("x", room+1)).signed(t, secret))
	refused(t, got, http.StatusRequestEntityTooLarge, "invalid_request_error", "body_too_large")
	require.Len(t, b.rows(t), 1)
}

func TestReceive_RefusesOtherSources(t *testing.T) {
	t.Parallel()

	b := setup(t, func(c *webhooks.Config) { c.AllowSource = func(a netip.Addr) bool { return !a.IsLoopback() } })
	p := b.payment(t)
	got := b.deliver(t, saleOf(p.MerchantTxnID, "S").signed(t, secret))
	refused(t, got, http.StatusForbidden, "invalid_request_error", "forbidden")
	require.Equal(t, orders.StatusPending, b.order(t, p).Status)
	stored := b.rows(t)
	require.Equal(t, "quarantined", stored[0].Status)
	require.Equal(t, "source not allowed", stored[0].Reason)
}

func TestReceive_AForgedCopyNeitherHidesNorAltersTheGenuineOne(t *testing.T) {
	t.Parallel()

	b := setup(t)
	p := b.payment(t)
	body := saleOf(p.MerchantTxnID, "S").signed(t, secret)
	forged := []string{onerway.SignatureHeader, "v1=" + strings.Repeat("b", 64)}
	require.Equal(t, http.StatusUnauthorized, b.deliver(t, body, forged...).status)
	b.acknowledged(t, body)
	require.Equal(t, http.StatusUnauthorized, b.deliver(t, body, forged...).status)

	require.Equal(t, orders.StatusPaid, b.order(t, p).Status)
	stored := b.rows(t)
	require.Equal(t, []string{"quarantined", "applied"}, []string{stored[0].Status, stored[1].Status})
	require.Equal(t, []int{2, 1}, []int{stored[0].Deliveries, stored[1].Deliveries})
}

func TestReceive_QuarantineIsBounded(t *testing.T) {
	t.Parallel()

	b := setup(t)
	b.clock.Add(int64(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))) // a whole minute lies ahead
	require.Equal(t, http.StatusUnauthorized,
		b.deliver(t, saleOf("pay_x", "S").with("pad", strings.Repeat("ü", 50_000)).with("transactionId", strings.Repeat("9", 9000)).unsigned(t)).status)
	require.LessOrEqual(t, len(b.rows(t)[0].Body), 8<<10)

	for i := range 80 {
		got := b.deliver(t, saleOf("pay_x", "S").with("n", strconv.Itoa(i)).unsigned(t))
		require.Equal(t, http.StatusUnauthorized, got.status, "refused all the same")
	}
	require.Len(t, b.rows(t), 60)

	b.clock.Add(int64(time.Minute))
	b.deliver(t, saleOf("pay_x", "S").with("n", "another minute").unsigned(t))
	require.Len(t, b.rows(t), 61)
	require.Contains(t, b.log.String(), "count=21")
}
