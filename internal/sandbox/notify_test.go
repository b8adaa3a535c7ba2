package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNotification_IsSignedInBothPlaces(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.PaymentIntents = true })
	params := b.sale("2221008123677736", "5")
	e := b.call(t, pathSale, params)
	eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "notified")
	n := b.shop.notifications()[0]
	want := digest(n.fields, unsignedInNotification(), DefaultSecretKey)
	require.Equal(t, want, n.fields["sign"])
	require.Equal(t, "v1="+want, n.header.Get("X-RH-Signature"))
	require.Equal(t, "application/json", n.header.Get("Content-Type"))
	delete(n.fields, "sign")
	require.Equal(t, map[string]any{
		"notifyType": "TXN", "transactionId": e.id(), "txnType": "SALE", "merchantNo": DefaultMerchantNo,
		"merchantTxnId": params["merchantTxnId"], "responseTime": "2026-03-01 09:30:01", "txnTime": "2026-03-01 09:30:01",
		"txnTimeZone": "+08:00", "orderAmount": "5.00", "orderCurrency": "USD", "status": "S", "eci": "00",
		"cardBinCountry": "US", "reason": `{"respCode":"20000","respMsg":"Success"}`, "paymentMethod": "MASTERCARD",
		"channelRequestId": DefaultMerchantNo + e.id(), "paymentId": e.Data["paymentId"], "paymentStatus": "S",
	}, n.fields)
}

func TestNotification_SignaturesCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Sim.OmitBodySign = true })
	b.charge(t, cardPays, "5")
	eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "notified")
	require.NotContains(t, b.shop.notifications()[0].fields, "sign")
	require.NotEmpty(t, b.shop.notifications()[0].header.Get("X-RH-Signature"))

	b = setup(t, func(c *Config) { c.Sim.OmitHeaderSign = true })
	b.charge(t, cardPays, "5")
	eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "notified")
	require.NotEmpty(t, b.shop.notifications()[0].fields["sign"])
	require.NotContains(t, b.shop.notifications()[0].header, http.CanonicalHeaderKey("X-RH-Signature"))
}

func TestNotification_CarriesBothKeysWhileTheyRotate(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.PreviousSecretKey, c.SecretKey = DefaultSecretKey, "the new one" })
	b.charge(t, cardPays, "5") // the client still signs with the old key
	eventually(t, func() bool { return len(b.shop.notifications()) == 1 }, "notified")
	n := b.shop.notifications()[0]
	require.Equal(t, "v1="+digest(n.fields, unsignedInNotification(), DefaultSecretKey)+
		", v1="+digest(n.fields, unsignedInNotification(), "the new one"), n.header.Get("X-RH-Signature"))
	require.Equal(t, digest(n.fields, unsignedInNotification(), "the new one"), n.fields["sign"])
}

func TestNotification_IsDeliveredThreeTimesAtMost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.shop.answer = func(id string, _ int) (int, string) { return http.StatusOK, id + "\n" } // not the bare id
	e := b.charge(t, cardPays, "5")
	delivered := func() int { return len(b.sandbox.Deliveries(e.id())) }
	eventually(t, func() bool { return delivered() == 1 }, "at once")
	b.clock.move(29 * time.Minute)
	quietly(t, func() bool { return delivered() > 1 }, "not before half an hour")
	b.clock.move(time.Minute)
	eventually(t, func() bool { return delivered() == 2 }, "after half an hour")
	b.clock.move(30 * time.Minute)
	eventually(t, func() bool { return delivered() == 3 }, "after an hour")
	b.clock.move(24 * time.Hour)
	quietly(t, func() bool { return delivered() > 3 }, "never a fourth time")

	received := b.shop.notifications()
	for _, n := range received {
		require.Equal(t, string(received[0].body), string(n.body), "every delivery is the same bytes")
	}
	last := b.sandbox.Deliveries(e.id())[0]
	require.Equal(t, 3, last.Attempt)
	require.False(t, last.Acknowledged)
	require.Equal(t, "2026-03-01 10:30:01", last.At)
	require.Equal(t, e.id()+"\n", last.Answer)
}

func TestNotification_StopsWhenAcknowledged(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.ClockScale = 60 }) // half an hour in half a minute
	b.shop.answer = func(id string, nth int) (int, string) {
		return map[int]int{1: http.StatusInternalServerError, 2: http.StatusOK}[nth], id
	}
	e := b.charge(t, cardPays, "5")
	eventually(t, func() bool { return len(b.sandbox.Deliveries(e.id())) == 1 }, "at once")
	b.clock.move(30 * time.Second)
	eventually(t, func() bool { return len(b.sandbox.Deliveries(e.id())) == 2 }, "again")
	require.True(t, b.sandbox.Deliveries(e.id())[0].Acknowledged)
	b.clock.move(time.Hour)
	quietly(t, func() bool { return len(b.sandbox.Deliveries(e.id())) > 2 }, "no more")
}

func TestNotification_GoesToTheConfiguredAddressWhenTheRequestHasNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sandbox.cfg.NotifyURL = b.shop.URL + "/portal"
	var msg map[string]any
	require.NoError(t, json.Unmarshal([]byte(b.orderMsg("5", "USD")), &msg))
	delete(msg, "notifyUrl")
	raw, err := json.Marshal(msg)
	require.NoError(t, err)
	e := b.charge(t, cardPays, "5", set("txnOrderMsg", string(raw)))
	eventually(t, func() bool { return len(b.sandbox.Deliveries(e.id())) == 1 }, "notified")
	require.True(t, strings.HasSuffix(b.sandbox.Deliveries(e.id())[0].URL, "/portal"))
}

func TestNotification_WaitsWhileTooManyAreOnTheirWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sandbox.post.slots = make(chan struct{}, 2)
	arrived, answer := make(chan struct{}, 5), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-answer
	}))
	t.Cleanup(slow.Close)
	for range 5 {
		b.charge(t, cardPays, "5", set("txnOrderMsg", strings.ReplaceAll(b.orderMsg("5", "USD"), b.shop.URL, slow.URL)))
	}
	eventually(t, func() bool { return len(arrived) == 2 }, "two go")
	quietly(t, func() bool { return len(arrived) > 2 }, "the others wait")
	close(answer)
	eventually(t, func() bool { return len(arrived) == 5 }, "and go in their turn")
}
