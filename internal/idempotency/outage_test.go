package idempotency_test

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded/redistest"
	"tillway/internal/idempotency"
)

// clock is a time that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func storeAt(t *testing.T, client redis.UniversalClient, c *clock) *idempotency.Store {
	t.Helper()
	keys, err := idempotency.NewKeys(dataKey())
	require.NoError(t, err)
	store, err := idempotency.New(idempotency.Options{Redis: client, Keys: keys, Now: c.now})
	require.NoError(t, err)
	return store
}

func requireDegraded(t *testing.T, store *idempotency.Store) idempotency.Lease {
	t.Helper()
	lease, record, err := store.Begin(t.Context(), scopeA, fingerprintA)
	require.NoError(t, err)
	require.Nil(t, record)
	require.True(t, lease.Degraded)
	return lease
}

func TestBegin_DegradesWhileRedisIsStoppedAndRecovers(t *testing.T) {
	t.Parallel()
	server, c := redistest.Private(t), &clock{}
	store := storeAt(t, server.Client(), c)
	inFlight, _, err := store.Begin(t.Context(), scopeA, fingerprintA)
	require.NoError(t, err)
	server.Stop(t)

	require.ErrorIs(t, store.Finish(t.Context(), inFlight, answer), idempotency.ErrDegraded)
	begun := time.Now()
	for range 100 {
		lease := requireDegraded(t, store)
		require.NoError(t, store.Finish(t.Context(), lease, answer))
		require.NoError(t, store.Abandon(t.Context(), lease))
	}
	require.Less(t, time.Since(begun), time.Second, "an outage costs one caller per pause, not each")

	server.Start(t)
	var lease idempotency.Lease
	require.Eventually(t, func() bool {
		c.advance(2 * time.Second)
		lease, _, err = store.Begin(t.Context(), scopeA, fingerprintA)
		return err == nil && !lease.Degraded
	}, 10*time.Second, 20*time.Millisecond)
	require.NoError(t, store.Finish(t.Context(), lease, answer))
}

func TestBegin_DegradesInTimeWhenRedisHangs(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	silent, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	store := storeAt(t, redistest.Open(t, "redis://"+silent.Addr().String()), &clock{})

	begun := time.Now()
	lease := requireDegraded(t, store)
	require.Less(t, time.Since(begun), time.Second)
	require.NoError(t, store.Finish(t.Context(), lease, answer))
}

// A Begin whose answer was lost on the way did claim the key. Finishing its degraded lease stores the answer all the same.
func TestFinish_OfADegradedLeaseUnblocksAKeyThatWasClaimed(t *testing.T) {
	t.Parallel()
	client, c := redistest.New(t), &clock{}
	client.AddHook(&loseAnswers{})
	store := storeAt(t, client, c)

	lease := requireDegraded(t, store)
	require.EqualValues(t, 1, client.DBSize(t.Context()).Val(), "the script did run")
	c.advance(2 * time.Second)
	require.NoError(t, store.Finish(t.Context(), lease, answer))

	_, record, err := store.Begin(t.Context(), scopeA, fingerprintA)
	require.NoError(t, err)
	require.Equal(t, &answer, record)
}
