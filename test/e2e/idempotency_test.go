package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
)

// untilAnswered repeats a request while an earlier one with its key is still running, as the documents tell a client to.
func (c *client) untilAnswered(ctx context.Context, r call) (answer, error) {
	for {
		got, err := c.try(ctx, r)
		if err != nil || got.status != http.StatusConflict || codeOf(got) != "idempotency_in_flight" {
			return got, err
		}
		if _, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil {
			return got, fmt.Errorf("in flight without Retry-After: %w", err)
		}
		select {
		case <-ctx.Done():
			return got, ctx.Err()
		case <-time.After(100 * time.Millisecond): // sooner than Retry-After: more pressure
		}
	}
}

// requireSameAnswer requires that all requests were answered 201 with one payment.
func requireSameAnswer(t *testing.T, results []result) {
	t.Helper()
	for _, r := range results {
		require.NoError(t, r.err)
		require.Equal(t, http.StatusCreated, r.status, r.body)
		p := into[payment](t, r.answer)
		require.Equal(t, into[payment](t, results[0].answer).ID, p.ID)
		require.Equal(t, "succeeded", p.Status)
	}
}

// requireOneOf requires that of requests with different keys one paid, and all others were refused for that reason.
func requireOneOf(t *testing.T, results []result) {
	t.Helper()
	paid := 0
	for _, r := range results {
		require.NoError(t, r.err)
		if r.status == http.StatusCreated {
			paid++
			continue
		}
		require.Equal(t, http.StatusConflict, r.status, r.body)
		require.Contains(t, []string{"payment_in_progress", "order_not_payable"}, codeOf(r.answer), r.body)
	}
	require.Equal(t, 1, paid)
}

func TestFiftyRequestsWithOneKey_AreOneSaleAndFiftyEqualAnswers(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.provider.silence() // the payment stands still, so an answer out of its row, as without Redis, is the same as a kept one
	o := w.service.createOrder(nil)
	pay := w.service.payCall(o.ID, goodCard, rand.Text(), nil)
	results := together(t.Context(), 50, func(ctx context.Context, _ int) (answer, error) {
		return w.service.untilAnswered(ctx, pay)
	})
	requireSameAnswer(t, results)
	for _, r := range results {
		require.Equal(t, results[0].body, r.body, "to the byte")
	}
	w.requirePaidOnce(o.ID)
	require.Len(t, w.service.paymentsOf(o.ID), 1)
}

func TestFiftyRequestsWithOneKey_AreOneOrder(t *testing.T) {
	t.Parallel()
	w := start(t)
	create := call{method: http.MethodPost, path: "/v1/orders", body: orderBody(nil), key: rand.Text()}
	results := together(t.Context(), 50, func(ctx context.Context, _ int) (answer, error) {
		return w.service.untilAnswered(ctx, create)
	})
	for _, r := range results {
		require.NoError(t, r.err)
		require.Equal(t, http.StatusCreated, r.status, r.body)
		require.Equal(t, results[0].body, r.body)
	}
	require.Len(t, get[page[order]](w.service.client, "/v1/orders").Data, 1)
}

func TestTwentyKeysOnOneOrder_AreOneSale(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(nil)
	requireOneOf(t, together(t.Context(), 20, func(ctx context.Context, i int) (answer, error) {
		return w.service.untilAnswered(ctx, w.service.payCall(o.ID, goodCard, fmt.Sprintf("key-%d", i), nil))
	}))
	w.requirePaidOnce(o.ID)
}

func TestTwoProcesses_ShareOneDatabaseAndChargeOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	processes := []*service{w.service, w.serve(freePort(t))}

	o := w.service.createOrder(nil)
	requireOneOf(t, together(t.Context(), 20, func(ctx context.Context, i int) (answer, error) {
		c := processes[i%2].client
		return c.untilAnswered(ctx, c.payCall(o.ID, goodCard, fmt.Sprintf("key-%d", i), nil))
	}))
	w.requirePaidOnce(o.ID)

	o = w.service.createOrder(nil)
	requireSameAnswer(t, together(t.Context(), 20, func(ctx context.Context, i int) (answer, error) {
		c := processes[i%2].client
		return c.untilAnswered(ctx, c.payCall(o.ID, goodCard, "one-key", nil))
	}))
	w.requirePaidOnce(o.ID)
}

func TestWithoutRedis_OneKeyIsOneSaleAndTwentyKeysToo(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	w := start(t, onRedis(server))
	server.Stop(t)

	same := w.service.createOrder(nil)
	pay := w.service.payCall(same.ID, goodCard, rand.Text(), nil)
	requireSameAnswer(t, together(t.Context(), 50, func(ctx context.Context, _ int) (answer, error) {
		return w.service.untilAnswered(ctx, pay)
	}))
	w.requirePaidOnce(same.ID)

	different := w.service.createOrder(nil)
	requireOneOf(t, together(t.Context(), 20, func(ctx context.Context, i int) (answer, error) {
		return w.service.untilAnswered(ctx, w.service.payCall(different.ID, goodCard, fmt.Sprintf("key-%d", i), nil))
	}))
	w.requirePaidOnce(different.ID)
	w.service.send(call{method: http.MethodGet, path: "/readyz", as: "none"}).requireStatus(t, http.StatusOK)
}

// TestRedisLostInMidFlight_ChargesOnce loses Redis while a sale is at the provider: the key's record and its lease are
// gone, and requests with the same key and with others arrive both before and after.
func TestRedisLostInMidFlight_ChargesOnce(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *redistest.Server){
		"killed":    func(t *testing.T, s *redistest.Server) { t.Helper(); s.Stop(t) },
		"flushed":   func(t *testing.T, s *redistest.Server) { t.Helper(); s.Flush(t) },
		"restarted": func(t *testing.T, s *redistest.Server) { t.Helper(); s.Stop(t); s.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Private(t)
			w := start(t, onRedis(server))
			o := w.service.createOrder(nil)
			w.provider.hold(1500 * time.Millisecond)
			same := w.service.payCall(o.ID, goodCard, "the-key", nil)
			wave := func(others int) []result {
				return together(t.Context(), 10, func(ctx context.Context, i int) (answer, error) {
					if i < 5 {
						return w.service.untilAnswered(ctx, same)
					}
					other := w.service.payCall(o.ID, goodCard, fmt.Sprintf("other-%d-%d", others, i), nil)
					return w.service.untilAnswered(ctx, other)
				})
			}
			first := make(chan result, 1)
			go func() { // ends with its request
				got, err := w.service.try(t.Context(), same)
				first <- result{got, err}
			}()
			w.provider.awaitSales(1)
			before := make(chan []result, 1)
			go func() { before <- wave(1) }() // ends with its requests
			lose(t, server)
			after := wave(2)

			results := slices.Concat(<-before, after)
			begun := <-first
			require.NoError(t, begun.err)
			begun.requireStatus(t, http.StatusCreated)
			for i, r := range results {
				require.NoError(t, r.err)
				if i%10 < 5 {
					r.requireStatus(t, http.StatusCreated)
					require.Equal(t, into[payment](t, begun.answer).ID, into[payment](t, r.answer).ID)
				} else {
					r.requireStatus(t, http.StatusConflict)
				}
			}
			w.requirePaidOnce(o.ID)
		})
	}
}

func TestKey_CannotBeUsedForAnotherBody(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	w := start(t, onRedis(server))
	o := w.service.createOrder(nil)
	w.service.send(w.service.payCall(o.ID, goodCard, "k", nil)).requireStatus(t, http.StatusCreated)
	otherCard := w.service.payCall(o.ID, "4242424242424242", "k", nil)
	for _, lose := range []func(){func() {}, func() { server.Flush(t) }, func() { server.Stop(t) }} {
		lose()
		got := w.service.send(otherCard).requireStatus(t, http.StatusUnprocessableEntity)
		require.Equal(t, "idempotency_key_reused", codeOf(got))
		replayed := w.service.send(w.service.payCall(o.ID, goodCard, "k", nil)).requireStatus(t, http.StatusCreated)
		require.Equal(t, "true", replayed.header.Get("Idempotent-Replayed"))
	}
	w.requirePaidOnce(o.ID)
}
