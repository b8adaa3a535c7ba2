package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
)

// Redis gone or flushed in mid-flight: TestRedisLostInMidFlight_ChargesOnce and TestWithoutRedis_OneKeyIsOneSaleAndTwentyKeysToo.

func TestRedisGoneFromTheStart_ServesAndChargesOnceAndUsesItWhenItComes(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	server.Stop(t)
	w := start(t, onRedis(server))
	o := w.service.createOrder(nil)
	pay := w.service.payCall(o.ID, goodCard, rand.Text(), nil)
	requireSameAnswer(t, together(t.Context(), 10, func(ctx context.Context, _ int) (answer, error) {
		return w.service.untilAnswered(ctx, pay)
	}))
	w.requirePaidOnce(o.ID)

	server.Start(t)
	w.service.awaiting(func() string { return "nothing is kept in the Redis that came" }, func() bool {
		w.service.createOrder(nil)
		return server.Client().DBSize(t.Context()).Val() > 1 // the limiter's name, and a key's
	})
	again := w.service.send(pay).requireStatus(t, http.StatusCreated)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	w.requirePaidOnce(o.ID)
}

// TestRedisSlow_CostsABoundedWaitAndChargesOnce: no request waits for even one answer of Redis.
func TestRedisSlow_CostsABoundedWaitAndChargesOnce(t *testing.T) {
	t.Parallel()
	const late = 8 * time.Second
	address, wire := redisOver(t, redistest.URL(t))
	w := start(t, with("REDIS_URL", address))
	before := w.service.createOrder(nil)
	kept := w.service.payCall(before.ID, goodCard, "kept", nil)
	w.service.send(kept).requireStatus(t, http.StatusCreated)

	restore := wire.slow(late)
	began := time.Now()
	w.service.pay(w.service.createOrder(nil).ID, goodCard, nil).requireStatus(t, http.StatusCreated)
	again := w.service.send(kept).requireStatus(t, http.StatusCreated)
	require.Less(t, time.Since(began), late, "an order, a payment and a repetition together")
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"), "PostgreSQL knows the key too")

	same, other := w.service.createOrder(nil), w.service.createOrder(nil)
	pay := w.service.payCall(same.ID, goodCard, "one-key", nil)
	requireSameAnswer(t, together(t.Context(), 10, func(ctx context.Context, _ int) (answer, error) {
		return w.service.untilAnswered(ctx, pay)
	}))
	requireOneOf(t, together(t.Context(), 10, func(ctx context.Context, i int) (answer, error) {
		return w.service.untilAnswered(ctx, w.service.payCall(other.ID, goodCard, fmt.Sprintf("key-%d", i), nil))
	}))
	w.service.send(call{method: http.MethodGet, path: "/readyz", as: "none"}).requireStatus(t, http.StatusOK)
	restore()
	for _, o := range []order{before, same, other} {
		w.requirePaidOnce(o.ID)
	}
}
