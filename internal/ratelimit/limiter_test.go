package ratelimit_test

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
	"tillway/internal/ratelimit"
)

// clock is a time that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// outcomes counts what was observed.
type outcomes struct {
	mu     sync.Mutex
	counts map[string]int
}

func (o *outcomes) observe(outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts == nil {
		o.counts = map[string]int{}
	}
	o.counts[outcome]++
}

func (o *outcomes) count(outcome string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[outcome]
}

const (
	// usual is the patience of the service, unhurried that of tests which are not about slowness, on a machine that may be.
	usual     = time.Duration(0)
	unhurried = 30 * time.Second
)

// nobody is a server that takes connections and never answers.
func nobody(t *testing.T) redis.UniversalClient {
	t.Helper()
	var listen net.ListenConfig
	silent, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	return redistest.Open(t, "redis://"+silent.Addr().String())
}

func newLimiter(
	t *testing.T, client redis.UniversalClient, perSecond int, patience time.Duration,
) (*ratelimit.Limiter, *outcomes, *clock) {
	t.Helper()
	seen, c := &outcomes{}, &clock{}
	limiter, err := ratelimit.NewLimiter(ratelimit.LimiterOptions{
		Redis: client, PerSecond: perSecond, Patience: patience, Observe: seen.observe, Now: c.now,
	})
	require.NoError(t, err)
	return limiter, seen, c
}

func TestLimiter_HoldsEachCallerToItsBudget(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		open     func(t *testing.T) redis.UniversalClient
		patience time.Duration
	}{
		"redis":     {func(t *testing.T) redis.UniversalClient { t.Helper(); return redistest.New(t) }, unhurried},
		"miniredis": {onMiniredis, unhurried},
		"no redis":  {nobody, usual},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const perSecond = 5
			limiter, seen, _ := newLimiter(t, test.open(t), perSecond, test.patience)
			limiter.Allow(t.Context(), "warm") // the first call dials, or finds out that nobody answers

			first := limiter.Allow(t.Context(), "a")
			require.True(t, first.Allowed)
			require.Equal(t, perSecond, first.Limit)
			require.Equal(t, perSecond-1, first.Remaining)
			require.Zero(t, first.RetryAfter)
			require.Zero(t, first.Reset.Nanosecond())
			require.WithinDuration(t, time.Now(), first.Reset, 2*time.Second)

			limited := requireLimitedSoon(t, limiter)
			require.Zero(t, limited.Remaining)
			require.Equal(t, time.Second, limited.RetryAfter)
			require.WithinDuration(t, time.Now(), limited.Reset, 3*time.Second)
			require.True(t, limiter.Allow(t.Context(), "b").Allowed)
			require.Positive(t, seen.count(ratelimit.OutcomeLimited)+seen.count(ratelimit.OutcomeLocalLimited))
			if name == "no redis" {
				require.Zero(t, seen.count(ratelimit.OutcomeAllowed))
			} else {
				require.Zero(t, seen.count(ratelimit.OutcomeLocalAllowed))
			}

			require.Eventually(t, func() bool { return limiter.Allow(t.Context(), "a").Allowed },
				5*time.Second, 20*time.Millisecond)
		})
	}
}

// requireLimitedSoon asks until the budget is used up. On a busy machine it fills a little meanwhile.
func requireLimitedSoon(t *testing.T, limiter *ratelimit.Limiter) ratelimit.Decision {
	t.Helper()
	for range 50 {
		if d := limiter.Allow(t.Context(), "a"); !d.Allowed {
			return d
		}
	}
	require.Fail(t, "never limited")
	return ratelimit.Decision{}
}

func onMiniredis(t *testing.T) redis.UniversalClient {
	t.Helper()
	return redistest.Open(t, "redis://"+miniredis.RunT(t).Addr())
}

func TestLimiter_SharesTheBudgetBetweenProcesses(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	const perSecond, processes = 20, 4
	var allowed atomic.Int64
	var group sync.WaitGroup
	begun := time.Now()
	for range processes {
		limiter, _, _ := newLimiter(t, redistest.Open(t, url), perSecond, unhurried)
		group.Go(func() {
			for range 2 * perSecond {
				if limiter.Allow(t.Context(), "a").Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	group.Wait()
	refilled := int64(time.Since(begun).Seconds()*perSecond) + 1
	require.GreaterOrEqual(t, allowed.Load(), int64(perSecond))
	require.LessOrEqual(t, allowed.Load(), perSecond+refilled)
}

func TestLimiter_GoesOnAloneWhileRedisIsStopped(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	limiter, seen, c := newLimiter(t, server.Client(), 10, usual)
	require.True(t, limiter.Allow(t.Context(), "a").Allowed)

	server.Stop(t)
	shared := seen.count(ratelimit.OutcomeAllowed)
	begun := time.Now()
	var allowed int
	for range 1000 {
		if limiter.Allow(t.Context(), "a").Allowed {
			allowed++
		}
	}
	took := time.Since(begun)
	require.Less(t, took, 2*time.Second, "an outage costs one request per pause, not each")
	require.GreaterOrEqual(t, allowed, 10)
	require.LessOrEqual(t, allowed, 11+int(10*took.Seconds()))

	server.Start(t)
	require.Eventually(t, func() bool {
		c.advance(2 * time.Second)
		return limiter.Allow(t.Context(), "a").Allowed && seen.count(ratelimit.OutcomeAllowed) > shared
	}, 10*time.Second, 20*time.Millisecond)
}

func TestLimiter_PutsNoCallersTextInRedis(t *testing.T) {
	t.Parallel()
	client := redistest.New(t)
	limiter, _, _ := newLimiter(t, client, 1, unhurried)
	limiter.Allow(t.Context(), "192.0.2.7")
	names := client.Keys(t.Context(), "*").Val()
	require.Len(t, names, 1)
	require.NotContains(t, names[0], "192.0.2.7")
}

func TestNew_RefusesABudgetOfNothing(t *testing.T) {
	t.Parallel()
	_, err := ratelimit.NewLimiter(ratelimit.LimiterOptions{})
	require.ErrorContains(t, err, "at least 1")
	_, err = ratelimit.NewOutbound(ratelimit.OutboundOptions{})
	require.ErrorContains(t, err, "at least 1")
}

func TestLocalLimiter_StaysSmallUnderAFloodOfCallers(t *testing.T) {
	t.Parallel()
	local := ratelimit.NewLocal(10)
	now := time.Unix(1_800_000_000, 0)
	for i := range 3 * ratelimit.MostKeys {
		require.True(t, local.Allow(fmt.Sprint(i), now))
		require.LessOrEqual(t, local.Len(), ratelimit.MostKeys)
	}
	require.Greater(t, local.Len(), ratelimit.MostKeys/2)

	// Once their buckets are full again, the forgotten make room for the new.
	for i := range 1000 {
		require.True(t, local.Allow(fmt.Sprint("later", i), now.Add(time.Hour)))
	}
	require.Less(t, local.Len(), ratelimit.MostKeys)
}
