package idempotency_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
	"tillway/internal/fault"
	"tillway/internal/idempotency"
)

const (
	longLease = time.Minute
	// unhurried is for tests that are not about slowness, on a machine that may be.
	unhurried = 30 * time.Second
)

var (
	fingerprintA = [32]byte{0: 'a', 31: 0}
	fingerprintB = [32]byte{0: 'b', 31: 0xff}
	answer       = idempotency.Record{Status: 201, Body: []byte(`{"id":"ord_secret-answer"}`), Final: true, ResourceID: "ord_1"}
	scopeA       = idempotency.Scope{Principal: "key_principal", Route: "POST /v1/orders", Key: "key-of-the-caller"}
)

func dataKey() []byte { return bytes.Repeat([]byte{7}, 32) }

// outcomes counts what a store observes.
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

type testBundle struct {
	client redis.UniversalClient
	store  *idempotency.Store
	seen   *outcomes
}

func newBundle(t *testing.T, client redis.UniversalClient, lease time.Duration) testBundle {
	t.Helper()
	keys, err := idempotency.NewKeys(dataKey())
	require.NoError(t, err)
	seen := &outcomes{}
	store, err := idempotency.New(idempotency.Options{
		Redis: client, Keys: keys, Lease: lease, Observe: seen.observe,
		Patience: unhurried,
	})
	require.NoError(t, err)
	return testBundle{client: client, store: store, seen: seen}
}

func (b testBundle) begin(t *testing.T) idempotency.Lease {
	t.Helper()
	lease, record, err := b.store.Begin(t.Context(), scopeA, fingerprintA)
	require.NoError(t, err)
	require.Nil(t, record)
	require.False(t, lease.Degraded)
	return lease
}

// onEveryRedis runs a test on the real server and on the stand-in of the demo.
func onEveryRedis(t *testing.T, lease time.Duration, test func(t *testing.T, b testBundle)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, newBundle(t, redistest.New(t), lease))
	})
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		test(t, newBundle(t, redistest.Open(t, "redis://"+server.Addr()), lease))
	})
}

func requireFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	require.ErrorIs(t, err, &fault.Error{Kind: kind, Code: code})
}

func TestBegin_GivesOneOfFiftyTheLease(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, longLease, func(t *testing.T, b testBundle) {
		var fresh, busy atomic.Int32
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				_, record, err := b.store.Begin(t.Context(), scopeA, fingerprintA)
				switch {
				case err == nil && record == nil:
					fresh.Add(1)
				case errors.Is(err, &fault.Error{Kind: fault.Conflict, Code: "idempotency_in_flight"}):
					busy.Add(1)
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 1, fresh.Load())
		require.EqualValues(t, 49, busy.Load())
		require.Equal(t, 49, b.seen.count(idempotency.OutcomeInFlight))
	})
}

func TestBegin_AnswersByWhatBecameOfTheKey(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, longLease, func(t *testing.T, b testBundle) {
		lease := b.begin(t)
		require.EqualValues(t, 1, lease.Fence)

		_, _, err := b.store.Begin(t.Context(), scopeA, fingerprintA)
		requireFault(t, err, fault.Conflict, "idempotency_in_flight")
		busy, _ := errors.AsType[*fault.Error](err)
		require.Equal(t, time.Second, busy.RetryAfter)
		_, _, err = b.store.Begin(t.Context(), scopeA, fingerprintB)
		requireFault(t, err, fault.Refused, "idempotency_key_reused")

		require.NoError(t, b.store.Finish(t.Context(), lease, answer))
		_, record, err := b.store.Begin(t.Context(), scopeA, fingerprintA)
		require.NoError(t, err)
		require.Equal(t, &answer, record)
		_, _, err = b.store.Begin(t.Context(), scopeA, fingerprintB)
		requireFault(t, err, fault.Refused, "idempotency_key_reused")

		require.NoError(t, b.store.Finish(t.Context(), lease, answer), "a repeated finish is harmless")
		require.ErrorIs(t, b.store.Abandon(t.Context(), lease), idempotency.ErrLeaseLost, "a finished answer stays")
		_, record, err = b.store.Begin(t.Context(), scopeA, fingerprintA)
		require.NoError(t, err)
		require.NotNil(t, record)
	})
}

func TestBegin_KeepsScopesApart(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, longLease, func(t *testing.T, b testBundle) {
		for _, scope := range []idempotency.Scope{
			{Principal: "p", Route: "r", Key: "k"},
			{Principal: "q", Route: "r", Key: "k"},
			{Principal: "p", Route: "s", Key: "k"},
			{Principal: "p", Route: "r", Key: "l"},
			{Principal: "p", Route: "r", Key: "k", PathIDs: []string{"1"}},
			{Principal: "p", Route: "r", Key: "k", PathIDs: []string{"2"}},
			{Principal: "p", Route: "r", Key: "k", PathIDs: []string{"1", "2"}},
			{Principal: "p", Route: "r", Key: "k", PathIDs: []string{"12"}},
			{Principal: "p", Route: "r", Key: "", PathIDs: []string{"k"}},
			{Principal: "pr", Route: "", Key: "k"},
		} {
			_, record, err := b.store.Begin(t.Context(), scope, fingerprintA)
			require.NoError(t, err, "%+v", scope)
			require.Nil(t, record)
		}
	})
}

func TestAbandon_FreesTheKeyForAnyBody(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, longLease, func(t *testing.T, b testBundle) {
		lease := b.begin(t)
		require.NoError(t, b.store.Abandon(t.Context(), lease))
		require.ErrorIs(t, b.store.Abandon(t.Context(), lease), idempotency.ErrLeaseLost)

		_, record, err := b.store.Begin(t.Context(), scopeA, fingerprintB)
		require.NoError(t, err)
		require.Nil(t, record)
		require.ErrorIs(t, b.store.Abandon(t.Context(), lease), idempotency.ErrLeaseLost, "only the owner may")
		require.ErrorIs(t, b.store.Finish(t.Context(), lease, answer), idempotency.ErrLeaseLost)
	})
}

func TestBegin_TakesOverFromADeadOwnerAndRefusesItsLateAnswer(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, 30*time.Millisecond, func(t *testing.T, b testBundle) {
		stale := b.begin(t)
		_, _, err := b.store.Begin(t.Context(), scopeA, fingerprintB)
		requireFault(t, err, fault.Refused, "idempotency_key_reused")

		var lease idempotency.Lease
		require.Eventually(t, func() bool {
			var err error
			lease, _, err = b.store.Begin(t.Context(), scopeA, fingerprintA)
			return err == nil
		}, 5*time.Second, 5*time.Millisecond)
		require.Greater(t, lease.Fence, stale.Fence)
		require.Equal(t, 1, b.seen.count(idempotency.OutcomeTakeover))

		require.ErrorIs(t, b.store.Finish(t.Context(), stale, idempotency.Record{Status: 500}), idempotency.ErrLeaseLost)
		require.ErrorIs(t, b.store.Abandon(t.Context(), stale), idempotency.ErrLeaseLost)
		require.NoError(t, b.store.Finish(t.Context(), lease, answer))
		_, record, err := b.store.Begin(t.Context(), scopeA, fingerprintA)
		require.NoError(t, err)
		require.Equal(t, &answer, record)
	})
}

func TestFinish_AcceptsALateOwnerWhomNobodyReplaced(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, time.Millisecond, func(t *testing.T, b testBundle) {
		lease := b.begin(t)
		begun := b.client.Time(t.Context()).Val()
		require.Eventually(t, func() bool {
			return b.client.Time(t.Context()).Val().Sub(begun) > 2*time.Millisecond
		}, 5*time.Second, time.Millisecond)
		require.NoError(t, b.store.Finish(t.Context(), lease, answer))
	})
}

func TestFinish_IsRefusedAfterAFlush(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, longLease, func(t *testing.T, b testBundle) {
		lease := b.begin(t)
		require.NoError(t, b.client.FlushDB(t.Context()).Err())
		require.ErrorIs(t, b.store.Finish(t.Context(), lease, answer), idempotency.ErrLeaseLost)
		require.Zero(t, b.client.DBSize(t.Context()).Val())

		// The repeat runs, and the first owner, whose fence is the same again, cannot answer for it.
		second := b.begin(t)
		require.Equal(t, lease.Fence, second.Fence)
		require.ErrorIs(t, b.store.Finish(t.Context(), lease, answer), idempotency.ErrLeaseLost)
		require.NoError(t, b.store.Finish(t.Context(), second, answer))
	})
}

func TestFinish_OutlivesItsCaller(t *testing.T) {
	t.Parallel()
	b := newBundle(t, redistest.New(t), longLease)
	lease := b.begin(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, b.store.Finish(gone, lease, answer))

	_, _, err := b.store.Begin(gone, scopeA, fingerprintA)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, b.seen.count(idempotency.OutcomeDegraded))
}

func TestFinish_GivesBackTheKeyOfAnAnswerTooLarge(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, longLease, func(t *testing.T, b testBundle) {
		largest := idempotency.Record{Status: 200, Body: bytes.Repeat([]byte{'x'}, idempotency.MaxBody)}
		require.NoError(t, b.store.Finish(t.Context(), b.begin(t), largest))
		_, record, err := b.store.Begin(t.Context(), scopeA, fingerprintA)
		require.NoError(t, err)
		require.Len(t, record.Body, idempotency.MaxBody)
		require.NoError(t, b.client.FlushDB(t.Context()).Err())

		larger := idempotency.Record{Status: 200, Body: append(largest.Body, 'x')}
		require.ErrorIs(t, b.store.Finish(t.Context(), b.begin(t), larger), idempotency.ErrTooLarge)
		require.Zero(t, b.client.DBSize(t.Context()).Val())
	})
}

func TestStore_LeavesNothingReadableInRedis(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, longLease, func(t *testing.T, b testBundle) {
		require.NoError(t, b.store.Finish(t.Context(), b.begin(t), answer))

		names := b.client.Keys(t.Context(), "*").Val()
		require.Len(t, names, 1)
		stored := b.client.HGetAll(t.Context(), names[0]).Val()
		var dump strings.Builder
		dump.WriteString(names[0])
		for field, value := range stored {
			dump.WriteString(field + "=" + value + "\n")
		}
		for _, plain := range []string{"secret-answer", "ord_", "201", scopeA.Key, scopeA.Principal, "/v1/orders"} {
			require.NotContains(t, dump.String(), plain)
		}
		ttl := b.client.PTTL(t.Context(), names[0]).Val()
		require.Greater(t, ttl, 23*time.Hour)
		require.LessOrEqual(t, ttl, 24*time.Hour)
	})
}

func TestBegin_TakesARecordThatCannotBeOpenedForAbsent(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, longLease, func(t *testing.T, b testBundle) {
		require.NoError(t, b.store.Finish(t.Context(), b.begin(t), answer))
		other := scopeA
		other.Key = "another"
		foreign, _, err := b.store.Begin(t.Context(), other, fingerprintA)
		require.NoError(t, err)
		require.NoError(t, b.store.Finish(t.Context(), foreign, answer))
		names := b.client.Keys(t.Context(), "*").Val()
		require.Len(t, names, 2)
		// Each record in the other's place: both are whole, and neither belongs there.
		first := b.client.HGet(t.Context(), names[0], "record").Val()
		second := b.client.HGet(t.Context(), names[1], "record").Val()
		require.NoError(t, b.client.HSet(t.Context(), names[0], "record", second).Err())
		require.NoError(t, b.client.HSet(t.Context(), names[1], "record", first).Err())

		lease := b.begin(t)
		require.EqualValues(t, 2, lease.Fence)
		require.Equal(t, 1, b.seen.count(idempotency.OutcomeUnreadable))
		_, _, err = b.store.Begin(t.Context(), scopeA, fingerprintA)
		requireFault(t, err, fault.Conflict, "idempotency_in_flight")
		require.NoError(t, b.store.Finish(t.Context(), lease, answer))
	})
}

func TestKeep_FollowsTheContract(t *testing.T) {
	t.Parallel()
	for status, kept := range map[int]bool{
		200: true, 201: true, 202: true, 402: true, 409: true, 422: true,
		400: false, 401: false, 403: false, 404: false, 429: false, 500: false, 503: false,
	} {
		require.Equal(t, kept, idempotency.Keep(status), status)
	}
}
