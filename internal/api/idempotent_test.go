package api_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api"
	"tillway/internal/embedded/redistest"
	"tillway/internal/idempotency"
	"tillway/internal/orders"
)

func TestIdempotency_RepeatsTheStoredAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	create := request{method: "POST", path: "/v1/orders", body: orderBody(), key: "create-1"}
	first := b.do(t, create)
	require.Empty(t, first.header.Get("Idempotent-Replayed"))
	again := b.do(t, create)
	require.Equal(t, http.StatusCreated, again.status)
	require.Equal(t, first.body, again.body)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))

	pay := request{method: "POST", path: "/v1/orders/" + first.str("id") + "/payments", body: payBody(declinedCard), key: "pay-1"}
	declined := b.do(t, pay)
	require.Equal(t, http.StatusPaymentRequired, declined.status)
	repeated := b.do(t, pay)
	require.Equal(t, declined.body, repeated.body)
	pay.header = map[string]string{"X-Correlation-Id": "c-2"}
	later := b.do(t, pay)
	require.Equal(t, declined.body, later.body, "with the correlation id of the request that did it")
	require.Equal(t, "c-2", later.header.Get("X-Correlation-Id"))
	require.Equal(t, "true", repeated.header.Get("Idempotent-Replayed"))
	require.Equal(t, 1, b.provider.saleCount())
}

func TestIdempotency_RefusesAnotherBodyUnderTheSameKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	create := request{method: "POST", path: "/v1/orders", body: orderBody(), key: "k"}
	first := b.do(t, create)
	create.body = orderBody(object{"amount": 1})
	const message = "This Idempotency-Key was already used for a different request. Use a new key for a new request."
	for range 2 { // the refusal itself is not remembered
		reused := b.do(t, create)
		require.Equal(t, http.StatusUnprocessableEntity, reused.status)
		require.JSONEq(t, errorJSON("idempotency_error", "idempotency_key_reused", message, ""), reused.body)
	}
	create.body = orderBody()
	require.Equal(t, first.body, b.do(t, create).body)
}

func TestIdempotency_KeysOfOthersDoNotMeet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	create := request{method: "POST", path: "/v1/orders", body: orderBody(), key: "k"}
	first := b.do(t, create)
	create.as = "admin"
	require.NotEqual(t, first.str("id"), b.do(t, create).str("id"))

	pay := request{method: "POST", path: "/v1/orders/" + first.str("id") + "/payments", body: payBody(goodCard), key: "k"}
	require.Equal(t, http.StatusCreated, b.do(t, pay).status, "another route")
	require.Equal(t, http.StatusOK, b.do(t, request{method: "POST", path: "/v1/orders/" + first.str("id"), body: "{}", key: "k"}).status)
}

func TestIdempotency_SaysWhenTheFirstIsStillRunning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	pay := request{method: "POST", path: "/v1/orders/" + id + "/payments", body: payBody(slowCard), key: "k"}
	var running sync.WaitGroup
	var first response
	running.Go(func() { first, _ = b.try(t.Context(), pay) })
	<-b.provider.began

	const message = "A request with this Idempotency-Key is still running. Repeat it in a moment to get its answer."
	second := b.do(t, pay)
	require.Equal(t, http.StatusConflict, second.status)
	require.JSONEq(t, errorJSON("idempotency_error", "idempotency_in_flight", message, ""), second.body)
	require.Equal(t, "1", second.header.Get("Retry-After"))

	close(b.provider.release)
	running.Wait()
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, first.body, b.do(t, pay).body)
	require.Equal(t, 1, b.provider.saleCount())
}

func TestIdempotency_AnOpenAnswerIsRepeatedAsItStandsNow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome orders.Outcome
		status  int
	}{
		"succeeded":  {orders.OutcomeSucceeded, http.StatusCreated},
		"declined":   {orders.OutcomeDeclined, http.StatusPaymentRequired},
		"still open": {orders.OutcomeUnknown, http.StatusAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id, _ := b.createOrder(t)
			pay := request{method: "POST", path: "/v1/orders/" + id + "/payments", body: payBody(lostCard), key: "k"}
			first := b.do(t, pay)
			require.Equal(t, http.StatusAccepted, first.status)

			b.provider.settle(first.str("merchant_txn_id"), c.outcome, owed(t))
			b.do(t, request{method: "GET", path: "/v1/payments/" + first.str("id") + "/return", as: "none"})
			now := b.do(t, pay)
			require.Equal(t, c.status, now.status, now.body)
			require.Equal(t, "true", now.header.Get("Idempotent-Replayed"))
			payment := now.json
			if c.status >= 400 {
				payment, _ = now.at("error.payment").(map[string]any)
			}
			require.Equal(t, b.do(t, request{method: "GET", path: "/v1/payments/" + first.str("id")}).json, payment)
			require.Equal(t, 1, b.provider.saleCount())
		})
	}
}

func TestIdempotency_ForgetsWhatFailed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bad := request{method: "POST", path: "/v1/orders", body: orderBody(object{"amount": 0}), key: "k", wrong: true}
	require.Equal(t, http.StatusBadRequest, b.do(t, bad).status)
	good := request{method: "POST", path: "/v1/orders", body: orderBody(), key: "k"}
	require.Equal(t, http.StatusCreated, b.do(t, good).status)
}

// A sale that was never sent ends in 503, and its key may be used again (API.md §1).
func TestIdempotency_AfterAnUnsentSaleTheKeyPaysAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	pay := request{method: "POST", path: "/v1/orders/" + id + "/payments", body: payBody(unsentCard), key: "k"}
	for range 2 {
		require.Equal(t, http.StatusServiceUnavailable, b.do(t, pay).status)
	}
	require.Equal(t, 2, b.provider.saleCount())
}

// With Redis gone or flushed, the rows decide alone: the same answers, and never a second charge.
func TestIdempotency_HoldsWithoutRedis(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *redistest.Server){
		"gone":    func(t *testing.T, r *redistest.Server) { t.Helper(); r.Stop(t) },
		"flushed": func(t *testing.T, r *redistest.Server) { t.Helper(); r.Flush(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			private := redistest.Private(t)
			b := setup(t, func(d *api.Deps) {
				store, err := idempotency.New(idempotency.Options{Redis: private.Client(), Keys: d.Fingerprints})
				require.NoError(t, err)
				d.Idempotency = store
			})
			create := request{method: "POST", path: "/v1/orders", body: orderBody(), key: "k"}
			first := b.do(t, create)
			pay := request{method: "POST", path: "/v1/orders/" + first.str("id") + "/payments", body: payBody(goodCard), key: "k"}
			paid := b.do(t, pay)
			require.Equal(t, http.StatusCreated, paid.status, paid.body)
			slow, _ := b.createOrder(t)
			inFlight := request{method: "POST", path: "/v1/orders/" + slow + "/payments", body: payBody(slowCard), key: "k"}
			var running sync.WaitGroup
			running.Go(func() { _, _ = b.try(t.Context(), inFlight) })
			<-b.provider.began
			lose(t, private)

			again := b.do(t, create)
			require.Equal(t, http.StatusCreated, again.status, again.body)
			require.Equal(t, first.str("id"), again.str("id"))
			require.Equal(t, first.str("client_secret"), again.str("client_secret"))
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			repaid := b.do(t, pay)
			require.Equal(t, http.StatusCreated, repaid.status, repaid.body)
			require.Equal(t, paid.body, repaid.body)
			require.Equal(t, "true", repaid.header.Get("Idempotent-Replayed"))

			create.body = orderBody(object{"amount": 1})
			reused := b.do(t, create)
			require.Equal(t, http.StatusUnprocessableEntity, reused.status)
			require.Equal(t, "idempotency_key_reused", reused.str("error.code"))
			busy := b.do(t, inFlight)
			require.Equal(t, http.StatusConflict, busy.status, busy.body)
			require.Equal(t, "idempotency_in_flight", busy.str("error.code"))

			close(b.provider.release)
			running.Wait()
			settled := b.do(t, inFlight)
			require.Equal(t, http.StatusCreated, settled.status, settled.body)
			require.Equal(t, 2, b.provider.saleCount())
		})
	}
}

func TestIdempotency_FiftyAtOnceAreOneSale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, _ := b.createOrder(t)
	pay := request{method: "POST", path: "/v1/orders/" + id + "/payments", body: payBody(goodCard), key: "k"}
	answers := make([]response, 50)
	var running sync.WaitGroup
	for i := range answers {
		running.Go(func() { answers[i], _ = b.try(t.Context(), pay) })
	}
	running.Wait()
	final := b.do(t, pay)
	for _, answer := range answers {
		if answer.status == http.StatusConflict {
			require.Equal(t, "idempotency_in_flight", answer.str("error.code"))
			continue
		}
		require.Equal(t, final.body, answer.body)
	}
	require.Equal(t, 1, b.provider.saleCount())
}
