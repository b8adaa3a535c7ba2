package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/sandbox"
)

// promptly is how soon every process picks up what a moved clock makes due (API.md, Test clock: two seconds), and what a
// loaded machine adds.
const promptly = 2*time.Second + 3*time.Second

// advance moves the clock of the installation through one of its processes.
func (c *client) advance(by time.Duration) {
	c.world.t.Helper()
	c.send(call{
		method: http.MethodPost, path: "/v1/test_clock", as: admin, body: object{"advance_seconds": int64(by / time.Second)},
	}).requireStatus(c.world.t, http.StatusOK)
}

func TestClock_MovedThroughOneProcessIsObeyedByAll(t *testing.T) {
	t.Parallel()
	w := start(t, with("RESOLVE_SCHEDULE", "6h,12h"))
	other := w.serve(freePort(t))
	w.provider.silence()

	kept := w.service.createOrder(object{"expires_in": 3 * 3600})
	expiring := w.service.createOrder(object{"expires_in": 3600})
	unknown := w.service.createOrder(object{"expires_in": 24 * 3600})
	w.provider.arm(sandbox.Fault{Name: "query_down", Times: 1})
	p := into[payment](t, w.service.pay(unknown.ID, "4000009900000103", nil).requireStatus(t, http.StatusAccepted))

	w.service.advance(time.Hour)
	began := time.Now()
	other.awaitOrder(expiring.ID, "expired")
	require.Less(t, time.Since(began), promptly)
	require.Equal(t, "open", other.order(kept.ID).Status)
	var made order
	eventually(t, promptly, "created is the clock's, as soon as the other one follows it", func() bool {
		made = other.createOrder(object{"expires_in": 60})
		created := get[struct{ Created int64 }](other.client, "/v1/orders/"+made.ID).Created
		return time.Until(time.Unix(created, 0)) > time.Hour-30*time.Second
	})
	require.Equal(t, made.ID, get[page[order]](other.client, "/v1/orders?limit=1").Data[0].ID, "newest first")

	w.service.stop(t) // the other one alone has it now
	require.Equal(t, "unknown", other.payment(p.ID).Status)
	other.advance(5 * time.Hour) // the question is not answered
	eventually(t, patience, "the provider was asked", func() bool { return w.provider.books("").Calls[p.MerchantTxnID] >= 1 })
	require.Equal(t, "unknown", other.payment(p.ID).Status)
	require.Eventually(t, func() bool {
		other.advance(time.Hour) // until the claim of that question is over
		return other.payment(p.ID).Status == "succeeded"
	}, patience, 500*time.Millisecond)
	require.Equal(t, "paid", other.order(unknown.ID).Status)
	w.provider.requireOneSale(unknown.ID)

	w.restart()
	require.Equal(t, "expired", w.service.order(kept.ID).Status, "a process that starts later knows the clock")
	reading := func(c *client) int64 {
		got := c.send(call{method: http.MethodGet, path: "/v1/test_clock", as: admin}).requireStatus(t, http.StatusOK)
		return into[struct{ Now int64 }](t, got).Now
	}
	require.InDelta(t, reading(other.client), reading(w.service.client), 5)
}

// TestClock_ALateSuccessIsFoundWithoutAnyNotification: a decline that turns out to be a charge, of which nobody tells.
func TestClock_ALateSuccessIsFoundWithoutAnyNotification(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.silence()
	o := w.service.createOrder(object{"late_payment": "accept", "expires_in": 48 * 3600})
	w.service.pay(o.ID, "4000009900000244", nil).requireStatus(t, http.StatusPaymentRequired)
	eventually(t, patience, "the provider has charged", func() bool { return w.provider.books(o.ID).Orders[0].Successes == 1 })
	require.Equal(t, "open", w.service.order(o.ID).Status)

	w.service.advance(time.Hour + time.Minute)
	require.Equal(t, "succeeded", w.service.payment(w.service.awaitOrder(o.ID, "paid").LatestPayment).Status)
	w.provider.requireOneSale(o.ID)
}

func TestClock_CarriesTheRetriesOfNotifications(t *testing.T) {
	t.Parallel()
	w := start(t)
	ahead := notice{
		"notifyType": "TXN", "transactionId": "2084000000000000777", "txnType": "SALE", "merchantNo": merchantNo,
		"merchantTxnId": "pay_01jz3q8t9kf0p8v6m2c4x5y7za", "responseTime": "2026-11-22 10:00:01", "txnTime": "2026-11-22 10:00:00",
		"txnTimeZone": "+08:00", "orderAmount": "27.00", "orderCurrency": "EUR", "status": "S", "eci": "05",
		"reason": `{"respCode":"20000","respMsg":"Success"}`, "paymentMethod": "VISA",
	}
	got, err := w.service.notify(t.Context(), ahead.signed(signingKey), nil)
	require.NoError(t, err)
	got.requireStatus(t, http.StatusOK)
	conn, err := pgx.Connect(t.Context(), w.database)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	status := func() (status string, attempts int) {
		require.NoError(t, conn.QueryRow(t.Context(),
			"SELECT status, attempts FROM notifications WHERE transaction_id = $1", ahead["transactionId"]).Scan(&status, &attempts))
		return status, attempts
	}
	eventually(t, patience, "it was tried again", func() bool { _, attempts := status(); return attempts > 0 })
	was, _ := status()
	require.Equal(t, "unmatched", was)

	w.service.advance(15 * time.Minute)
	began := time.Now()
	eventually(t, patience, "it was given up", func() bool { is, _ := status(); return is == "dead" })
	require.Less(t, time.Since(began), promptly)
}

func TestClock_MovedByYearsKeepsWorking(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.service.advance(5 * 365 * 24 * time.Hour)
	o := w.service.createOrder(nil)
	p := into[payment](t, w.service.pay(o.ID, goodCard, nil).requireStatus(t, http.StatusCreated))
	w.service.awaitPayment(p.ID, "succeeded")
	w.requirePaidOnce(o.ID)
	conn, err := pgx.Connect(t.Context(), w.database)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var inDefault int
	require.NoError(t, conn.QueryRow(t.Context(),
		"SELECT (SELECT count(*) FROM evidence_default) + (SELECT count(*) FROM notifications_default)").Scan(&inDefault))
	require.Zero(t, inDefault, "the months were made before the clock came to them")
}
