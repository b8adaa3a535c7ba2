package ratelimit_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
	"tillway/internal/fault"
	"tillway/internal/ratelimit"
)

type outboundBundle struct {
	*ratelimit.Outbound
	clock *clock
	seen  *outcomes
}

func newOutbound(t *testing.T, client redis.UniversalClient, perSecond int, patience time.Duration) outboundBundle {
	t.Helper()
	b := outboundBundle{clock: &clock{}, seen: &outcomes{}}
	outbound, err := ratelimit.NewOutbound(ratelimit.OutboundOptions{
		Redis: client, PerSecond: perSecond, Patience: patience, Now: b.clock.now,
		Observe: func(lane ratelimit.Lane, outcome string, _ time.Duration) {
			b.seen.observe(string(lane) + " " + outcome)
		},
	})
	require.NoError(t, err)
	b.Outbound = outbound
	return b
}

// acquireAll asks n times at once and returns when each call that found a place started, in order.
func acquireAll(t *testing.T, n int, lane ratelimit.Lane, processes ...outboundBundle) []time.Time {
	t.Helper()
	var mu sync.Mutex
	var starts []time.Time
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if err := processes[i%len(processes)].Acquire(t.Context(), lane); err == nil {
				mu.Lock()
				defer mu.Unlock()
				starts = append(starts, time.Now())
			}
		})
	}
	group.Wait()
	slices.SortFunc(starts, time.Time.Compare)
	return starts
}

func TestAcquire_SharesTheBudgetBetweenProcessesAndRefusesWhatWouldWaitTooLong(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	const perSecond = 20 // burst 2, rate 19
	first := newOutbound(t, redistest.Open(t, url), perSecond, unhurried)
	second := newOutbound(t, redistest.Open(t, url), perSecond, unhurried)

	begun := time.Now()
	starts := acquireAll(t, 200, ratelimit.LaneSale, first, second)
	asked := time.Since(begun)

	// The burst now, and what a second holds ahead of the last who asked.
	require.GreaterOrEqual(t, len(starts), 2+18)
	require.LessOrEqual(t, len(starts), 2+19+int(19*asked.Seconds()))
	require.Less(t, asked, 5*time.Second)
	require.Equal(t, 200-len(starts), first.seen.count("sale busy")+second.seen.count("sale busy"))
	require.Zero(t, first.seen.count("sale local_granted")+second.seen.count("sale local_granted"))
}

// timeless is a Redis whose clock stands still, so that no place comes free.
func timeless(t *testing.T) redis.UniversalClient {
	t.Helper()
	server := miniredis.RunT(t)
	server.SetTime(time.Unix(1_800_000_000, 0))
	return redistest.Open(t, "redis://"+server.Addr())
}

func TestAcquire_RefusesWithAFaultThatSaysNothingWasSent(t *testing.T) {
	t.Parallel()
	outbound := newOutbound(t, timeless(t), 1, unhurried)
	for range 2 { // one now, one a second ahead
		booked, _, _ := outbound.Try(t.Context(), ratelimit.LaneSale)
		require.True(t, booked)
	}
	err := outbound.Acquire(t.Context(), ratelimit.LaneSale)

	require.ErrorIs(t, err, &fault.Error{Kind: fault.Unavailable, Code: "provider_unavailable"})
	require.ErrorIs(t, err, ratelimit.ErrBusy)
	refusal, _ := errors.AsType[*fault.Error](err)
	require.Equal(t, time.Second, refusal.RetryAfter)
	require.Contains(t, refusal.Message, "Nothing was sent")
}

func TestAcquire_RefusesALaneWithoutARule(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, newOutbound(t, nil, 1, usual).Acquire(t.Context(), "teleport"), `unknown lane: "teleport"`)
}

func TestAcquire_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	outbound := newOutbound(t, timeless(t), 1, unhurried)
	require.NoError(t, outbound.Acquire(t.Context(), ratelimit.LaneQuery))
	late := errors.New("the shopper closed the page")

	// Waiting for room in the lane, waiting for the booked time, and not even begun.
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, late)
	defer cancel()
	require.ErrorIs(t, outbound.Acquire(ctx, ratelimit.LaneQuery), late)
	ctx, cancel = context.WithTimeoutCause(t.Context(), 50*time.Millisecond, late)
	defer cancel()
	require.ErrorIs(t, outbound.Acquire(ctx, ratelimit.LaneSale), late)
	require.ErrorIs(t, outbound.Acquire(ctx, ratelimit.LaneSale), late)
	require.Equal(t, 1, outbound.seen.count("query left"))
	require.Equal(t, 2, outbound.seen.count("sale left"))
}

func TestAcquire_KeepsTheSameRateAloneWhileRedisIsStopped(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	outbound := newOutbound(t, server.Client(), 50, usual) // burst 5, rate 46
	require.NoError(t, outbound.Acquire(t.Context(), ratelimit.LaneSale))
	shared := outbound.seen.count("sale granted")
	server.Stop(t)

	begun := time.Now()
	starts := acquireAll(t, 30, ratelimit.LaneSale, outbound)
	require.Len(t, starts, 30)
	require.GreaterOrEqual(t, time.Since(begun), 450*time.Millisecond, "30 calls, 5 of them at once")
	require.Less(t, time.Since(begun), 5*time.Second)
	require.Equal(t, 30, outbound.seen.count("sale local_granted"))

	server.Start(t)
	require.Eventually(t, func() bool {
		outbound.clock.advance(2 * time.Second)
		return outbound.Acquire(t.Context(), ratelimit.LaneSale) == nil && outbound.seen.count("sale granted") > shared
	}, 10*time.Second, 20*time.Millisecond)
}

func TestAcquire_LosesLittleTimeToARedisThatHangs(t *testing.T) {
	t.Parallel()
	outbound := newOutbound(t, nobody(t), 50, usual)
	begun := time.Now()
	require.NoError(t, outbound.Acquire(t.Context(), ratelimit.LaneSale))
	require.Less(t, time.Since(begun), time.Second)
}

// Without Redis and on a clock that jumps, waiting can be told exactly.
func TestAcquire_LetsBackgroundLanesWaitForTheirShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		outbound := newOutbound(t, refusing{}, 10, usual) // rate 10; reconciliation: 2 a second
		begun := time.Now()
		starts := acquireAll(t, 20, ratelimit.LaneReconciliation, outbound)
		require.Len(t, starts, 20)
		took := time.Since(begun)
		require.GreaterOrEqual(t, took, 9*time.Second)
		require.Less(t, took, 30*time.Second)
		for i := 2; i < len(starts); i++ {
			require.GreaterOrEqual(t, starts[i].Sub(starts[i-2]), time.Second)
		}

		// A lane that never gets room gives up when its time is over.
		crowd := acquireAll(t, 200, ratelimit.LaneRefund, outbound)
		require.Less(t, len(crowd), 30)
		require.Equal(t, 200-len(crowd), outbound.seen.count("refund busy"))
	})
}

func TestAcquire_LetsRenewalsThatWaitTogetherHaveTheWholeRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		outbound := newOutbound(t, refusing{}, 50, usual) // burst 5, rate 46
		begun := time.Now()
		require.Len(t, acquireAll(t, 460, ratelimit.LaneRenewal, outbound), 460)
		require.Less(t, time.Since(begun), 12*time.Second, "460 at 46 a second")
	})
}

// refusing is a client without a server, for tests on a clock of their own.
type refusing struct{ redis.UniversalClient }

func (refusing) EvalSha(ctx context.Context, _ string, _ []string, _ ...any) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(errors.New("connection refused"))
	return cmd
}
