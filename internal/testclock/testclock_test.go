package testclock_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/fault"
	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
	"tillway/internal/testclock"
)

const patience = 10 * time.Second

func open(t *testing.T, pool *pgxpool.Pool, opts testclock.Options) *testclock.Clock {
	t.Helper()
	opts.Log = slog.New(slog.DiscardHandler)
	clock, err := testclock.Open(t.Context(), pool, opts)
	require.NoError(t, err)
	return clock
}

// follow runs the clock as a process does.
func follow(t *testing.T, clock *testclock.Clock) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- clock.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func TestClock_MovesInEveryProcessAndStaysMoved(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	one, two := open(t, pool, testclock.Options{}), open(t, pool, testclock.Options{})
	follow(t, two)
	require.WithinDuration(t, time.Now(), one.Now(), time.Second)

	reading, err := one.Advance(t.Context(), time.Hour, testclock.Idempotency{})
	require.NoError(t, err)
	require.Equal(t, time.Hour, reading.Ahead)
	require.WithinDuration(t, time.Now().Add(time.Hour), one.Now(), time.Second)
	require.Eventually(t, func() bool { return two.Ahead() == time.Hour }, 2*time.Second, 10*time.Millisecond)
	require.Equal(t, time.Hour, open(t, pool, testclock.Options{}).Ahead(), "a process that starts now")

	to := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	reading, err = two.Set(t.Context(), to, testclock.Idempotency{})
	require.NoError(t, err)
	require.WithinDuration(t, to, reading.Now, time.Second)
}

func TestClock_NeverGoesBack(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	clock := open(t, pool, testclock.Options{})
	_, err := clock.Advance(t.Context(), time.Hour, testclock.Idempotency{})
	require.NoError(t, err)

	_, err = clock.Set(t.Context(), clock.Now().Add(-2*time.Second), testclock.Idempotency{})
	var refused *fault.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "now", refused.Param)
	same, err := clock.Set(t.Context(), clock.Now(), testclock.Idempotency{})
	require.NoError(t, err, "the second that it shows")
	require.Equal(t, time.Hour, same.Ahead.Truncate(time.Second))

	_, err = pool.Exec(t.Context(), "UPDATE test_clock SET ahead_us = 0")
	require.True(t, postgres.IsCheck(err, "test_clock_never_back"), "%v", err)
	_, err = pool.Exec(t.Context(), "DELETE FROM test_clock")
	require.Error(t, err)
	_, err = pool.Exec(t.Context(), "INSERT INTO test_clock (id) VALUES (false)")
	require.True(t, postgres.IsCheck(err, "test_clock_single_row"), "%v", err)
}

func TestClock_IsBounded(t *testing.T) {
	t.Parallel()
	clock := open(t, pgtest.New(t), testclock.Options{})
	for _, by := range []time.Duration{0, -time.Second, testclock.MaxStep + time.Second, 1<<63 - 1} {
		_, err := clock.Advance(t.Context(), by, testclock.Idempotency{})
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%s: %v", by, err)
	}
	_, err := clock.Set(t.Context(), time.Now().Add(testclock.MaxStep+time.Hour), testclock.Idempotency{})
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	for err = nil; err == nil; { // as far as it goes
		_, err = clock.Advance(t.Context(), testclock.MaxStep, testclock.Idempotency{})
	}
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	require.True(t, clock.Now().Before(testclock.Latest()))
	require.True(t, clock.Now().After(testclock.Latest().AddDate(-11, 0, 0)))
}

func TestClock_ManyMovesAtOnceAddUp(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	one, two := open(t, pool, testclock.Options{}), open(t, pool, testclock.Options{})
	var group errgroup.Group
	for _, clock := range []*testclock.Clock{one, two} {
		for range 10 {
			group.Go(func() error {
				before := clock.Ahead()
				reading, err := clock.Advance(t.Context(), time.Minute, testclock.Idempotency{})
				if err == nil && reading.Ahead <= before {
					err = errors.New("it went back")
				}
				return err
			})
		}
	}
	require.NoError(t, group.Wait())
	require.NoError(t, one.Refresh(t.Context()))
	require.Equal(t, 20*time.Minute, one.Ahead())
}

func TestClock_ARepeatedKeyMovesItOnce(t *testing.T) {
	t.Parallel()
	clock := open(t, pgtest.New(t), testclock.Options{})
	idem := testclock.Idempotency{Principal: "key_1", Key: "k", Fingerprint: [32]byte{1}}
	for _, replayed := range []bool{false, true} {
		reading, err := clock.Advance(t.Context(), time.Hour, idem)
		require.NoError(t, err)
		require.Equal(t, replayed, reading.Replayed)
		require.Equal(t, time.Hour, reading.Ahead)
	}
	idem.Fingerprint = [32]byte{2}
	_, err := clock.Advance(t.Context(), time.Hour, idem)
	require.Equal(t, fault.Refused, fault.KindOf(err))
	idem.Principal = "key_2"
	reading, err := clock.Advance(t.Context(), time.Hour, idem)
	require.NoError(t, err, "another caller's key")
	require.Equal(t, 2*time.Hour, reading.Ahead)
}

func TestClock_MovesWithWhatItCarriesOrNotAtAll(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	var prepared []time.Time
	broken := errors.New("broken")
	carry := broken
	clock := open(t, pool, testclock.Options{
		Prepare: func(_ context.Context, to time.Time) error {
			prepared = append(prepared, to)
			return nil
		},
		Carry: func(_ context.Context, _ pgx.Tx, by time.Duration) error {
			require.Equal(t, time.Hour, by)
			return carry
		},
	})
	_, err := clock.Advance(t.Context(), time.Hour, testclock.Idempotency{})
	require.ErrorIs(t, err, broken)
	require.Zero(t, clock.Ahead())

	carry = nil
	_, err = clock.Advance(t.Context(), time.Hour, testclock.Idempotency{})
	require.NoError(t, err)
	require.Len(t, prepared, 2)
	require.WithinDuration(t, clock.Now(), prepared[1], 5*time.Second)
}

func TestClock_OutlivesADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	away, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(away.Close)
	back, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(back.Close)
	clock := open(t, away, testclock.Options{})
	_, err = clock.Advance(t.Context(), time.Hour, testclock.Idempotency{})
	require.NoError(t, err)
	follow(t, clock)

	held, err := away.Acquire(t.Context()) // its only connection: every look fails
	require.NoError(t, err)
	_, err = open(t, back, testclock.Options{}).Advance(t.Context(), time.Hour, testclock.Idempotency{})
	require.NoError(t, err)
	require.Error(t, clock.Refresh(t.Context()))
	require.WithinDuration(t, time.Now().Add(time.Hour), clock.Now(), time.Second, "as far as it was seen")

	held.Release()
	require.Eventually(t, func() bool { return clock.Ahead() == 2*time.Hour }, patience, 10*time.Millisecond)
}
