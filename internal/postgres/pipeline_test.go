package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/postgres"
)

const (
	lockCounter = "SELECT n FROM counters WHERE id = $1 FOR UPDATE"
	setCounter  = "UPDATE counters SET n = $2 WHERE id = $1"
)

// requireUnlocked says that the pool's connections are free, open no transaction and hold no lock.
func requireUnlocked(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	// The pool closes a broken connection in its own time.
	require.Eventually(t, func() bool { return pool.Stat().AcquiredConns() == 0 }, 5*time.Second, 5*time.Millisecond)
	_, err := pool.Exec(t.Context(), "SET lock_timeout = 100; UPDATE counters SET n = n; RESET lock_timeout")
	require.NoError(t, err)
}

func TestInPipelinedTx_WritesWhatItDecidedOnWhatItRead(t *testing.T) {
	t.Parallel()
	pool := counters(t)

	var group errgroup.Group
	for range 20 {
		group.Go(func() error {
			var n int
			return postgres.InPipelinedTx(t.Context(), pool,
				func(b *pgx.Batch) { b.Queue(lockCounter, 1).QueryRow(func(row pgx.Row) error { return row.Scan(&n) }) },
				func(b *pgx.Batch) error { b.Queue(setCounter, 1, n+1); return nil })
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, 20, count(t, pool, 1), "each read what the one before it wrote")
	requireUnlocked(t, pool)
}

func TestInPipelinedTx_RollsBackWhatFails(t *testing.T) {
	t.Parallel()

	sentinel := errors.New("changed my mind")
	read := func(b *pgx.Batch) { b.Queue(setCounter, 1, 5) }
	for name, tc := range map[string]struct {
		read  func(*pgx.Batch)
		write func(*pgx.Batch) error
		is    func(error) bool
	}{
		"deciding": {
			read, func(*pgx.Batch) error { return sentinel },
			func(err error) bool { return errors.Is(err, sentinel) },
		},
		"writing": {
			read, func(b *pgx.Batch) error { b.Queue(setCounter, 2, 7); b.Queue(setCounter, 2, -1); return nil },
			func(err error) bool { return postgres.IsCheck(err, "counters_n_check") },
		},
		"reading": {
			func(b *pgx.Batch) { read(b); b.Queue(setCounter, 2, -1) }, func(*pgx.Batch) error { return nil },
			func(err error) bool { return postgres.IsCheck(err, "counters_n_check") },
		},
		"a reading callback": {
			func(b *pgx.Batch) {
				read(b)
				b.Queue(lockCounter, 3).QueryRow(func(row pgx.Row) error { return row.Scan(new(int)) })
			},
			func(*pgx.Batch) error { return nil }, postgres.IsNoRows,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := counters(t)

			err := postgres.InPipelinedTx(t.Context(), pool, tc.read, tc.write)
			require.True(t, tc.is(err), "%v", err)
			require.Zero(t, count(t, pool, 1)+count(t, pool, 2))
			requireUnlocked(t, pool)
			require.EqualValues(t, 1, pool.Stat().TotalConns(), "the connection was rolled back, not thrown away")
		})
	}
}

func TestInPipelinedTx_RollsBackOnPanicAndAfterTheCallerIsGone(t *testing.T) {
	t.Parallel()
	pool := counters(t)
	read := func(b *pgx.Batch) { b.Queue(setCounter, 1, 5) }

	require.Panics(t, func() {
		_ = postgres.InPipelinedTx(t.Context(), pool, read, func(*pgx.Batch) error { panic("a defect") })
	})
	requireUnlocked(t, pool)

	ctx, cancel := context.WithCancel(t.Context())
	err := postgres.InPipelinedTx(ctx, pool, read, func(b *pgx.Batch) error {
		cancel()
		b.Queue(setCounter, 2, 7)
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, count(t, pool, 1)+count(t, pool, 2))
	requireUnlocked(t, pool)
}

func TestInPipelinedTx_SettlesADeadlock(t *testing.T) {
	t.Parallel()
	pool := counters(t)
	var attempts atomic.Int32
	holding := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	cross := func(mine, other int) error {
		first := true
		return postgres.InPipelinedTx(t.Context(), pool,
			func(b *pgx.Batch) { b.Queue("UPDATE counters SET n = n + 1 WHERE id = $1", mine) },
			func(b *pgx.Batch) error {
				attempts.Add(1)
				if first { // both hold their first row before either wants the other's
					first = false
					close(holding[mine-1])
					<-holding[other-1]
				}
				b.Queue("UPDATE counters SET n = n + 1 WHERE id = $1", other)
				return nil
			})
	}

	var group errgroup.Group
	group.Go(func() error { return cross(1, 2) })
	group.Go(func() error { return cross(2, 1) })

	require.NoError(t, group.Wait())
	require.EqualValues(t, 3, attempts.Load(), "one of the two ran twice")
	require.Equal(t, 2, count(t, pool, 1))
	require.Equal(t, 2, count(t, pool, 2))
}

func TestInPipelinedTx_RepeatsFiveTimesAndThenGivesUp(t *testing.T) {
	t.Parallel()
	pool, attempts := counters(t), 0

	err := postgres.InPipelinedTx(t.Context(), pool,
		func(b *pgx.Batch) { attempts++; b.Queue("SELECT 1") },
		func(b *pgx.Batch) error {
			b.Queue("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$")
			return nil
		})
	require.True(t, postgres.IsRetryable(err))
	require.Equal(t, 5, attempts)
	requireUnlocked(t, pool)
}

func TestInPipelinedTx_LostConnectionIsNoCommit(t *testing.T) {
	t.Parallel()
	pool := counters(t)
	var backend int

	err := postgres.InPipelinedTx(t.Context(), pool,
		func(b *pgx.Batch) {
			b.Queue(setCounter, 1, 5)
			b.Queue("SELECT pg_backend_pid()").QueryRow(func(row pgx.Row) error { return row.Scan(&backend) })
		},
		func(b *pgx.Batch) error {
			_, err := pool.Exec(t.Context(), "SELECT pg_terminate_backend($1, 5000)", backend)
			b.Queue(setCounter, 2, 7)
			return err
		})
	require.True(t, postgres.IsUnavailable(err), "%v", err)
	require.Eventually(t, func() bool { return count(t, pool, 1)+count(t, pool, 2) == 0 }, 5*time.Second, 10*time.Millisecond)
	requireUnlocked(t, pool)
}

func TestQueue_LetsGeneratedQueriesTravelInABatch(t *testing.T) {
	t.Parallel()
	pool := counters(t)

	err := postgres.InPipelinedTx(t.Context(), pool, func(*pgx.Batch) {}, func(b *pgx.Batch) error {
		q := postgres.NewQueue(b)
		tag, err := q.Exec(t.Context(), setCounter, 1, 5)
		require.NoError(t, err)
		require.Zero(t, tag.RowsAffected(), "nothing has been sent")
		touched := int64(-1)
		row := q.QueryRow(t.Context(), "WITH u AS (UPDATE counters SET n = 7 WHERE id = $1 RETURNING id) SELECT count(*) FROM u", 2)
		require.NoError(t, row.Scan(&touched))
		require.EqualValues(t, -1, touched, "the answer is not there yet")
		require.Equal(t, 2, b.Len())
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 5, count(t, pool, 1))
	require.Equal(t, 7, count(t, pool, 2))
}

func TestQueue_TellsAGuardThatTouchedNoRow(t *testing.T) {
	t.Parallel()
	pool := counters(t)

	err := postgres.InPipelinedTx(t.Context(), pool, func(*pgx.Batch) {}, func(b *pgx.Batch) error {
		return postgres.NewQueue(b).QueryRow(t.Context(),
			"WITH u AS (UPDATE counters SET n = 7 WHERE id = $1 RETURNING id) SELECT count(*) FROM u", 3).Scan()
	})
	require.ErrorIs(t, err, postgres.ErrGuard)
	requireUnlocked(t, pool)
}

func TestQueue_RefusesWhatAnswersRows(t *testing.T) {
	t.Parallel()

	batch := &pgx.Batch{}
	_, err := postgres.NewQueue(batch).Query(t.Context(), "SELECT 1")
	require.Error(t, err)
	require.Zero(t, batch.Len())
}
