package apikeys_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/apikeys"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/postgres/pgtest"
)

// testClock is a clock that a test moves.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// counter counts the statements of a pool.
type counter struct{ queries atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.queries.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

type testBundle struct {
	pool    *pgxpool.Pool
	service *apikeys.Service
	clock   *testClock
	counter *counter
}

func setup(t *testing.T, livemode bool) *testBundle {
	t.Helper()
	b := &testBundle{clock: &testClock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, counter: &counter{}}
	config, err := pgxpool.ParseConfig(pgtest.URL(t))
	require.NoError(t, err)
	config.ConnConfig.Tracer = b.counter
	b.pool, err = pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(b.pool.Close)
	b.service = b.process(livemode)
	return b
}

// process is one more process of the same installation.
func (b *testBundle) process(livemode bool) *apikeys.Service {
	return apikeys.New(b.pool, apikeys.Options{Livemode: livemode, Now: b.clock.now})
}

func (b *testBundle) queriesOf(do func()) int64 {
	before := b.counter.queries.Load()
	do()
	return b.counter.queries.Load() - before
}

func requireInvalid(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, fault.New(fault.Unauthorized, "invalid_api_key", ""))
}

func TestCreate_MakesAKeyThatAuthenticates(t *testing.T) {
	t.Parallel()
	b := setup(t, false)

	key, secret, err := b.service.Create(t.Context(), apikeys.RoleStorefront, "web shop")
	require.NoError(t, err)
	require.Regexp(t, `^sk_test_[0-9A-Za-z]{32}$`, secret)
	require.True(t, strings.HasPrefix(secret, key.Prefix))
	require.Len(t, key.Prefix, 12)
	require.Equal(t, b.clock.now(), key.CreatedAt)
	require.False(t, key.Livemode)
	require.False(t, key.Revoked())

	known, err := b.service.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, key, known)

	listed, err := b.service.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []apikeys.Key{key}, listed)
}

func TestCreate_DrawsWithoutBiasFromItsSource(t *testing.T) {
	t.Parallel()
	b := setup(t, true)

	// Bytes of 248 and more are no base62 digit and are passed over.
	random := bytes.NewReader(append(bytes.Repeat([]byte{248, 255}, 32), bytes.Repeat([]byte{0, 61, 62, 247}, 16)...))
	service := apikeys.New(b.pool, apikeys.Options{Livemode: true, Random: random})
	_, secret, err := service.Create(t.Context(), apikeys.RoleOps, "")
	require.NoError(t, err)
	require.Equal(t, "sk_live_"+strings.Repeat("0z0z", 8), secret)

	service = apikeys.New(b.pool, apikeys.Options{Random: iotest.ErrReader(iotest.ErrTimeout)})
	_, _, err = service.Create(t.Context(), apikeys.RoleOps, "")
	require.ErrorIs(t, err, iotest.ErrTimeout)
}

func TestCreate_RefusesWhatCannotBeAKey(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	for name, c := range map[string]struct {
		role  apikeys.Role
		name  string
		param string
	}{
		"an unknown role":           {role: "root", param: "role"},
		"no role":                   {param: "role"},
		"a name too long":           {role: apikeys.RoleOps, name: strings.Repeat("ö", 101), param: "name"},
		"a name that is not text":   {role: apikeys.RoleOps, name: "a\xff", param: "name"},
		"a name with a NUL in it":   {role: apikeys.RoleOps, name: "a\x00b", param: "name"},
		"a name that could be HTML": {role: apikeys.RoleOps, name: strings.Repeat("<b>", 34), param: "name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := b.service.Create(t.Context(), c.role, c.name)
			refusal := &fault.Error{}
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, fault.Invalid, refusal.Kind)
			require.Equal(t, c.param, refusal.Param)
		})
	}
}

func TestDatabase_HoldsNoSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	_, secret, err := b.service.Create(t.Context(), apikeys.RoleAdmin, "")
	require.NoError(t, err)

	var row string
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT api_keys::text FROM api_keys").Scan(&row))
	require.Contains(t, row, secret[:12])
	require.NotContains(t, row, secret[:13])
}

func TestAuthenticate_RefusesWhatIsNotAKey(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	_, secret, err := b.service.Create(t.Context(), apikeys.RoleAdmin, "")
	require.NoError(t, err)

	for name, wrong := range map[string]string{
		"nothing":                  "",
		"another key":              "sk_test_00000000000000000000000000000000",
		"a key with a letter more": secret + "0",
		"a key with one less":      secret[:len(secret)-1],
		"a key in capitals":        strings.ToUpper(secret),
		"a live key":               strings.Replace(secret, "sk_test_", "sk_live_", 1),
		"bytes that are no text":   "sk_test_\xff\x00",
		"a flood":                  strings.Repeat("a", 1<<20),
		"SQL":                      "' OR true --",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.service.Authenticate(t.Context(), wrong)
			requireInvalid(t, err)
			if wrong != "" {
				require.NotContains(t, err.Error(), wrong)
			}
		})
	}
}

func TestAuthenticate_KeepsTheModesApart(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	_, test, err := b.service.Create(t.Context(), apikeys.RoleAdmin, "")
	require.NoError(t, err)
	live := b.process(true)
	_, liveSecret, err := live.Create(t.Context(), apikeys.RoleAdmin, "")
	require.NoError(t, err)

	_, err = live.Authenticate(t.Context(), test)
	requireInvalid(t, err)
	require.ErrorContains(t, err, "test key")
	_, err = b.service.Authenticate(t.Context(), liveSecret)
	requireInvalid(t, err)
	require.ErrorContains(t, err, "live key")
}

func TestAuthenticate_AsksOnceForManyCallers(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	_, secret, err := b.service.Create(t.Context(), apikeys.RoleStorefront, "")
	require.NoError(t, err)

	lock, err := b.pool.Begin(t.Context()) // keeps the first look-up waiting until all callers are there
	require.NoError(t, err)
	_, err = lock.Exec(t.Context(), "LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	queries := b.queriesOf(func() {
		var group errgroup.Group
		var started sync.WaitGroup
		for range 50 {
			started.Add(1)
			group.Go(func() error {
				started.Done()
				_, err := b.service.Authenticate(t.Context(), secret)
				return err
			})
		}
		started.Wait()
		require.NoError(t, lock.Rollback(t.Context()))
		require.NoError(t, group.Wait())
	})
	require.Equal(t, int64(2), queries, "the rollback and one look-up")

	require.Zero(t, b.queriesOf(func() {
		_, err := b.service.Authenticate(t.Context(), secret)
		require.NoError(t, err)
	}), "a known key costs no query")
}

func TestAuthenticate_OutlivesTheCallerWhoBegan(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	_, secret, err := b.service.Create(t.Context(), apikeys.RoleStorefront, "")
	require.NoError(t, err)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.service.Authenticate(gone, secret)
	if err != nil { // the answer may have been there first
		require.ErrorIs(t, err, context.Canceled)
	}
	_, err = b.service.Authenticate(t.Context(), secret)
	require.NoError(t, err)
}

func TestRevoke_TakesEffectWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	other := b.process(false)
	key, secret, err := b.service.Create(t.Context(), apikeys.RoleStorefront, "")
	require.NoError(t, err)
	for _, process := range []*apikeys.Service{b.service, other} {
		_, err = process.Authenticate(t.Context(), secret)
		require.NoError(t, err)
	}

	b.clock.advance(time.Second)
	revoked, err := b.service.Revoke(t.Context(), key.ID)
	require.NoError(t, err)
	require.Equal(t, b.clock.now(), revoked.RevokedAt)
	_, err = b.service.Authenticate(t.Context(), secret)
	requireInvalid(t, err)

	b.clock.advance(4 * time.Second)
	_, err = other.Authenticate(t.Context(), secret)
	requireInvalid(t, err)

	again, err := b.service.Revoke(t.Context(), key.ID)
	require.NoError(t, err)
	require.Equal(t, revoked, again, "revoking twice keeps the first time")
}

func TestRevoke_SaysThatAKeyDoesNotExist(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	_, err := b.service.Revoke(t.Context(), ids.New[ids.APIKeyEntity]())
	require.ErrorIs(t, err, fault.New(fault.NotFound, "resource_missing", ""))
}

func TestAuthenticate_ForgetsAWrongKeyWithinASecond(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	const secret = "demo-key"
	_, err := b.service.Authenticate(t.Context(), secret)
	requireInvalid(t, err)
	require.Zero(t, b.queriesOf(func() {
		_, err = b.service.Authenticate(t.Context(), secret)
		requireInvalid(t, err)
	}), "a repeated wrong key costs no query")

	require.NoError(t, b.service.Bootstrap(t.Context(), []apikeys.BootstrapKey{{Role: apikeys.RoleOps, Secret: secret}}))
	b.clock.advance(time.Second)
	_, err = b.service.Authenticate(t.Context(), secret)
	require.NoError(t, err)
}

func TestAuthenticate_FloodOfWrongKeysPushesNoGoodOneOut(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	_, secret, err := b.service.Create(t.Context(), apikeys.RoleStorefront, "")
	require.NoError(t, err)
	_, err = b.service.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	for i := range 1100 {
		_, err = b.service.Authenticate(t.Context(), fmt.Sprint("wrong ", i))
		requireInvalid(t, err)
	}
	require.Zero(t, b.queriesOf(func() {
		_, err = b.service.Authenticate(t.Context(), secret)
		require.NoError(t, err)
	}))
}

func TestAuthenticate_SaysWhenTheDatabaseIsGone(t *testing.T) {
	t.Parallel()
	gone, err := pgxpool.New(t.Context(), "host="+t.TempDir())
	require.NoError(t, err)
	t.Cleanup(gone.Close)
	_, err = apikeys.New(gone, apikeys.Options{}).Authenticate(t.Context(), "sk_test_whatever")
	require.Equal(t, fault.Unavailable, fault.KindOf(err), "an outage is not a wrong key: %v", err)
}
