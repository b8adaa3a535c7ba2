package orders_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
	"tillway/internal/postgres"
)

const skew = 5 * time.Minute

// skewed makes one more process on the same database, wired as the server wires it, on a machine whose clock is wrong.
func (b *testBundle) skewed(wrong time.Duration) *orders.Service {
	b.t.Helper()
	clock, err := postgres.NewClock(b.t.Context(), b.pool, func() time.Time { return time.Now().Add(wrong) })
	require.NoError(b.t, err)
	service := orders.New(b.pool, b.gateway, nil, discard(), clock.Now, b.config)
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(b.t, service.Drain(ctx))
	})
	return service
}

// eachPair runs a test for what one process writes and another judges, of which at least one has a wrong clock.
func eachPair(t *testing.T, test func(t *testing.T, b *testBundle, writes, judges *orders.Service)) {
	t.Helper()
	for _, pair := range [][2]time.Duration{{0, skew}, {-skew, 0}, {-skew, skew}, {skew, -skew}} {
		t.Run(fmt.Sprintf("written at %s judged at %s", pair[0], pair[1]), func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *orders.Config) { c.NotFoundAfter = time.Minute })
			test(t, b, b.skewed(pair[0]), b.skewed(pair[1]))
		})
	}
}

func TestClockSkew_ExpiresNoOrderBeforeItsTimeAndNoneLate(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, b *testBundle, writes, judges *orders.Service) {
		t.Helper()
		req := newOrder()
		req.ExpiresIn = time.Minute
		created, err := writes.Create(t.Context(), req)
		require.NoError(t, err)
		ended, err := judges.ExpireDue(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, ended, "it has a minute yet")
		require.True(t, judges.Payable(created.Order))

		_, err = b.pool.Exec(t.Context(), "UPDATE orders SET expires_at = now()")
		require.NoError(t, err)
		require.Eventually(t, func() bool { // within what a clock may be off, half a round trip
			ended, err = judges.ExpireDue(t.Context(), 10)
			return err == nil && ended == 1
		}, 5*time.Second, 10*time.Millisecond)
	})
}

func TestClockSkew_LeavesTheClaimsOfOthersAlone(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, b *testBundle, claims, judges *orders.Service) {
		t.Helper()
		b.gateway.sale = answer(orders.OutcomeUnknown)
		b.pay(b.order(), "k")
		_, err := b.pool.Exec(t.Context(), "UPDATE payments SET next_check_at = now() - interval '1 second'")
		require.NoError(t, err)
		mine, err := claims.ClaimDue(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, mine, 1)
		theirs, err := judges.ClaimDue(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, theirs, "claimed a moment ago, for half a minute")

		_, err = b.pool.Exec(t.Context(), "UPDATE payments SET next_check_at = next_check_at - interval '31 seconds'")
		require.NoError(t, err)
		theirs, err = judges.ClaimDue(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, theirs, 1, "its worker is dead")
	})
}

// TestClockSkew_BelievesNoDenialOfAFreshPayment: believed, the shopper would pay again while the first sale is on its way.
func TestClockSkew_BelievesNoDenialOfAFreshPayment(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, b *testBundle, writes, judges *orders.Service) {
		t.Helper()
		b.gateway.sale = answer(orders.OutcomeUnknown)
		b.gateway.find = func(context.Context, orders.Query) (orders.Evidence, error) {
			return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
		}
		result, err := writes.Pay(t.Context(), payRequest(b.order().ID, key("k")))
		require.NoError(t, err)
		p := result.Payment
		for range 5 {
			p, err = judges.Ask(t.Context(), p, time.Second)
			require.NoError(t, err)
			require.Equal(t, orders.PaymentUnknown, p.Status)
		}
		_, err = b.pool.Exec(t.Context(), "UPDATE payments SET sent_at = sent_at - interval '61 seconds'")
		require.NoError(t, err)
		p, err = judges.Ask(t.Context(), p, time.Second)
		require.NoError(t, err)
		require.Equal(t, orders.PaymentFailed, p.Status, "a minute has passed, for everybody")
	})
}
