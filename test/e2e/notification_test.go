package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// notify delivers a notification.
func (c *client) notify(ctx context.Context, body string, header map[string]string) (answer, error) {
	return c.try(ctx, call{
		method: http.MethodPost, path: "/v1/webhooks/onerway", as: "none", body: body, header: header, wrong: true,
	})
}

// state is everything that the API says of an order, to be compared before and after.
func (c *client) state(o order) string {
	c.world.t.Helper()
	var all strings.Builder
	for _, path := range []string{
		"/v1/orders/" + o.ID, "/v1/orders/" + o.ID + "/payments?limit=100", "/v1/events?limit=100&order=" + o.ID,
	} {
		all.WriteString(c.send(call{method: http.MethodGet, path: path}).requireStatus(c.world.t, http.StatusOK).body)
	}
	return all.String()
}

func TestNotification_ThatIsNotTheProvidersChangesNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := challenged(w, challengeCard, nil)
	good := noticeOf(p)
	signature := func(n notice, key string) string {
		return into[map[string]string](t, answer{body: n.signed(key)})["sign"]
	}
	swap := func(old, replacement string) string {
		signed := good.signed(signingKey)
		require.Contains(t, signed, old)
		return strings.Replace(signed, old, replacement, 1)
	}
	for name, c := range map[string]struct {
		body   string
		header map[string]string
		status int
	}{
		"signed with another key":            {body: good.signed("another key"), status: 401},
		"not signed":                         {body: swap(`"sign":"`+signature(good, signingKey)+`"`, `"x":""`), status: 401},
		"an empty signature":                 {body: swap(signature(good, signingKey), ""), status: 401},
		"a signature in capitals":            {body: swap(signature(good, signingKey), strings.ToUpper(signature(good, signingKey))), status: 401},
		"of another merchant":                {body: good.but("merchantNo", "800210").signed(signingKey), status: 401},
		"the amount was changed":             {body: swap(`"27.00"`, `"0.01"`), status: 401},
		"the payment was changed":            {body: swap(p.MerchantTxnID, p.MerchantTxnID+"1"), status: 401},
		"the status was changed":             {body: swap(`"status":"S"`, `"status":"F"`), status: 401},
		"a field was added":                  {body: swap(`{`, `{"extra":"1",`), status: 401},
		"a bad header over a good signature": {body: good.signed(signingKey), header: map[string]string{"X-RH-Signature": "v1=" + strings.Repeat("0", 64)}, status: 401},
		"a header that is no signature":      {body: good.signed(signingKey), header: map[string]string{"X-RH-Signature": "v2"}, status: 401},
		"not JSON":                           {body: "status=S", status: 400},
		"nothing":                            {body: "", status: 400},
		"not an object":                      {body: "[" + good.signed(signingKey) + "]", status: 400},
		"two objects":                        {body: good.signed(signingKey) + "{}", status: 400},
		"over 256 KiB":                       {body: good.but("padding", strings.Repeat("x", 256<<10)).signed(signingKey), status: 413},
		"of a payment that we do not have":   {body: good.but("merchantTxnId", "pay_01jz3q8t9kf0p8v6m2c4x5y7za").but("transactionId", "2084000000000000999").signed(signingKey), status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // what changes nothing does not disturb the others either
			w := w.on(t)
			before := w.service.state(o)
			got, err := w.service.notify(t.Context(), c.body, c.header)
			require.NoError(t, err)
			got.requireStatus(t, c.status)
			require.Equal(t, before, w.service.state(o))
		})
	}
}

// TestNotification_OfOtherMoneyMovesNothing: the signature is right, and the row is not.
func TestNotification_OfOtherMoneyMovesNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, change := range map[string]struct{ field, value string }{
		"another amount":      {"orderAmount", "2.70"},
		"another currency":    {"orderCurrency", "USD"},
		"another transaction": {"transactionId", "2084000000000000999"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.on(t)
			o, p := challenged(w, challengeCard, nil)
			got, err := w.service.notify(t.Context(), noticeOf(p).but(change.field, change.value).signed(signingKey), nil)
			require.NoError(t, err)
			got.requireStatus(t, http.StatusOK)
			require.Equal(t, "requires_action", w.service.payment(p.ID).Status)
			after := w.service.order(o.ID)
			require.Equal(t, "pending", after.Status)
			require.Zero(t, after.AmountPaid)
			// The provider is asked at once; when it has agreed with us, nobody needs to look any more.
			require.Contains(t, w.service.history(o.ID), "order.needs_review", "a person is told")
		})
	}
}

func TestNotification_TwentyTimesAtOnceMakesOneEvent(t *testing.T) {
	t.Parallel()
	w := start(t)
	o, p := challenged(w, challengeCard, nil)
	body := noticeOf(p).signed(signingKey)
	for _, r := range together(t.Context(), 20, func(ctx context.Context, _ int) (answer, error) {
		return w.service.notify(ctx, body, nil)
	}) {
		require.NoError(t, r.err)
		r.requireStatus(t, http.StatusOK)
		require.Equal(t, p.ProviderTransactionID, r.body, "the bare id")
		require.Regexp(t, "^text/plain", r.header.Get("Content-Type"))
	}
	want := []string{"order.created", "payment.processing", "payment.requires_action", "payment.succeeded", "order.paid"}
	require.Equal(t, want, w.service.history(o.ID))
	require.True(t, w.service.payment(p.ID).Confirmed)

	before := w.service.state(o)
	replayed, err := w.service.notify(t.Context(), body, nil) // later, as an eavesdropper would
	require.NoError(t, err)
	replayed.requireStatus(t, http.StatusOK)
	require.Equal(t, before, w.service.state(o))
}

func TestNotification_ThatSaysFailedDoesNotUndoAPaidOrder(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(nil)
	p := into[payment](t, w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated))
	w.service.awaitPayment(p.ID, "succeeded")
	failed := noticeOf(p).but("status", "F").but("reason", `{"respCode":"70002","respMsg":"Unknown decline"}`)
	got, err := w.service.notify(t.Context(), failed.signed(signingKey), nil)
	require.NoError(t, err)
	got.requireStatus(t, http.StatusOK)
	after := w.service.order(o.ID)
	require.Equal(t, "paid", after.Status)
	require.Contains(t, w.service.history(o.ID), "order.needs_review")

	stale := noticeOf(p).but("status", "P")
	got, err = w.service.notify(t.Context(), stale.signed(signingKey), nil)
	require.NoError(t, err)
	got.requireStatus(t, http.StatusOK)
	require.Equal(t, "paid", w.service.order(o.ID).Status)
}
