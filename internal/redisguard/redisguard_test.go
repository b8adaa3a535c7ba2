package redisguard_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/redisguard"
)

var errDown = errors.New("connection refused")

func newGuard(t *testing.T, timeout, pause time.Duration) *redisguard.Guard {
	t.Helper()
	guard, err := redisguard.New(nil, timeout, pause, time.Now)
	require.NoError(t, err)
	return guard
}

func TestDo_PausesAfterAFailureAndThenTriesWithOneCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		guard := newGuard(t, 100*time.Millisecond, time.Second)
		var calls atomic.Int32
		failing := func(context.Context) error {
			calls.Add(1)
			<-time.After(50 * time.Millisecond)
			return errDown
		}
		require.ErrorIs(t, guard.Do(t.Context(), failing), errDown)
		require.ErrorIs(t, guard.Do(t.Context(), failing), redisguard.ErrPaused)
		require.EqualValues(t, 1, calls.Load())

		<-time.After(time.Second)
		results := make(chan error, 20)
		for range cap(results) {
			go func() { results <- guard.Do(t.Context(), failing) }()
		}
		for range cap(results) {
			require.Error(t, <-results)
		}
		require.EqualValues(t, 2, calls.Load())

		<-time.After(time.Second)
		require.NoError(t, guard.Do(t.Context(), func(context.Context) error { return nil }))
		require.NoError(t, guard.Do(t.Context(), func(context.Context) error { return nil }))
	})
}

func TestDo_EndsASlowCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		guard := newGuard(t, 100*time.Millisecond, time.Second)
		begun := time.Now()
		err := guard.Do(t.Context(), func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "did not answer in time")
		require.Equal(t, 100*time.Millisecond, time.Since(begun))
		require.ErrorIs(t, guard.Do(t.Context(), func(context.Context) error { return nil }), redisguard.ErrPaused)
	})
}

func TestDo_DoesNotBlameRedisForACallerThatLeft(t *testing.T) {
	t.Parallel()
	guard := newGuard(t, time.Second, time.Second)
	left := errors.New("the caller hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(left)

	require.ErrorIs(t, guard.Do(ctx, func(ctx context.Context) error { return ctx.Err() }), left)
	require.NoError(t, guard.Do(t.Context(), func(context.Context) error { return nil }))
}

func TestDo_BoundsARealClientOnAServerThatNeverAnswers(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	silent, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	client := redis.NewClient(&redis.Options{Addr: silent.Addr().String(), ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	guard, err := redisguard.New(client, 100*time.Millisecond, time.Minute, time.Now)
	require.NoError(t, err)

	begun := time.Now()
	err = guard.Do(t.Context(), func(ctx context.Context) error { return client.Ping(ctx).Err() })

	require.Error(t, err)
	require.Less(t, time.Since(begun), time.Second)
}

func TestNew_RefusesAClientThatNoDeadlineReaches(t *testing.T) {
	t.Parallel()
	single := redis.NewClient(&redis.Options{})
	t.Cleanup(func() { _ = single.Close() })
	_, err := redisguard.New(single, time.Second, time.Second, time.Now)
	require.ErrorContains(t, err, "ContextTimeoutEnabled")

	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	t.Cleanup(func() { _ = cluster.Close() })
	_, err = redisguard.New(cluster, time.Second, time.Second, time.Now)
	require.ErrorContains(t, err, "ContextTimeoutEnabled")
}
