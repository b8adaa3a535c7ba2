package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
)

// counters returns a pool on a table with the rows 1 and 2, both counting from 0.
func counters(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := open(t, pgtest.Blank(t), postgres.Options{MaxConns: 6})
	_, err := pool.Exec(t.Context(), `
		CREATE TABLE counters (id int CONSTRAINT counters_pk PRIMARY KEY, n int NOT NULL CONSTRAINT counters_n_check CHECK (n >= 0));
		INSERT INTO counters VALUES (1, 0), (2, 0)`)
	require.NoError(t, err)
	return pool
}

func count(t *testing.T, pool *pgxpool.Pool, id int) int {
	t.Helper()
	var n int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT n FROM counters WHERE id = $1", id).Scan(&n))
	return n
}

func increment(ctx context.Context, tx pgx.Tx, id int) error {
	_, err := tx.Exec(ctx, "UPDATE counters SET n = n + 1 WHERE id = $1", id)
	return err
}

func TestInTx_CommitsWhatSucceeds(t *testing.T) {
	t.Parallel()
	pool := counters(t)

	require.NoError(t, postgres.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
		return increment(ctx, tx, 1)
	}))

	require.Equal(t, 1, count(t, pool, 1))
}

func TestInTx_RollsBackWhatFails(t *testing.T) {
	t.Parallel()
	pool, sentinel := counters(t), errors.New("changed my mind")

	err := postgres.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
		require.NoError(t, increment(ctx, tx, 1))
		return sentinel
	})

	require.ErrorIs(t, err, sentinel)
	require.Zero(t, count(t, pool, 1))
	require.Zero(t, pool.Stat().AcquiredConns())
}

func TestInTx_RollsBackOnPanic(t *testing.T) {
	t.Parallel()
	pool := counters(t)

	require.Panics(t, func() {
		_ = postgres.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
			require.NoError(t, increment(ctx, tx, 1))
			panic("a defect")
		})
	})

	require.Zero(t, count(t, pool, 1))
	require.Zero(t, pool.Stat().AcquiredConns())
}

func TestInTx_RollsBackAfterTheCallerIsGone(t *testing.T) {
	t.Parallel()
	pool := counters(t)
	ctx, cancel := context.WithCancel(t.Context())

	err := postgres.InTx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
		require.NoError(t, increment(ctx, tx, 1))
		cancel()
		return ctx.Err()
	})

	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, pool.Stat().AcquiredConns())
	// The connection was kept and its row lock is gone: the rollback was sent.
	require.EqualValues(t, 1, pool.Stat().TotalConns())
	_, err = pool.Exec(t.Context(), "SET lock_timeout = 100; UPDATE counters SET n = 7 WHERE id = 1")
	require.NoError(t, err)
}

func TestInTx_SettlesADeadlock(t *testing.T) {
	t.Parallel()
	pool := counters(t)
	var attempts atomic.Int32
	holding := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	cross := func(mine, other int) func(context.Context, pgx.Tx) error {
		first := true
		return func(ctx context.Context, tx pgx.Tx) error {
			attempts.Add(1)
			if err := increment(ctx, tx, mine); err != nil {
				return err
			}
			if first { // both hold their first row before either wants the other's
				first = false
				close(holding[mine-1])
				<-holding[other-1]
			}
			return increment(ctx, tx, other)
		}
	}

	var group errgroup.Group
	group.Go(func() error { return postgres.InTx(t.Context(), pool, cross(1, 2)) })
	group.Go(func() error { return postgres.InTx(t.Context(), pool, cross(2, 1)) })

	require.NoError(t, group.Wait())
	require.EqualValues(t, 3, attempts.Load(), "one of the two ran twice")
	require.Equal(t, 2, count(t, pool, 1))
	require.Equal(t, 2, count(t, pool, 2))
}

func TestInTxWith_SettlesASerializationFailure(t *testing.T) {
	t.Parallel()
	pool := counters(t)
	var attempts atomic.Int32
	read := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	addOne := func(me int) func(context.Context, pgx.Tx) error {
		first := true
		return func(ctx context.Context, tx pgx.Tx) error {
			attempts.Add(1)
			var n int
			if err := tx.QueryRow(ctx, "SELECT n FROM counters WHERE id = 1").Scan(&n); err != nil {
				return err
			}
			if first {
				first = false
				close(read[me])
				<-read[1-me]
			}
			_, err := tx.Exec(ctx, "UPDATE counters SET n = $1 WHERE id = 1", n+1)
			return err
		}
	}
	level := pgx.TxOptions{IsoLevel: pgx.Serializable}

	var group errgroup.Group
	group.Go(func() error { return postgres.InTxWith(t.Context(), pool, level, addOne(0)) })
	group.Go(func() error { return postgres.InTxWith(t.Context(), pool, level, addOne(1)) })

	require.NoError(t, group.Wait())
	require.EqualValues(t, 3, attempts.Load(), "one of the two ran twice")
	require.Equal(t, 2, count(t, pool, 1))
}

func TestInTx_RepeatsOnlyWhatPostgreSQLTookBack(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		sql      string
		attempts int
	}{
		"serialization failure": {"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$", 5},
		"deadlock":              {"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40P01'; END $$", 5},
		"unique violation":      {"INSERT INTO counters VALUES (1, 0)", 1},
		"check violation":       {"INSERT INTO counters VALUES (3, -1)", 1},
		"lock timeout":          {"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '55P03'; END $$", 1},
		"statement timeout":     {"SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			err := postgres.InTx(t.Context(), counters(t), func(ctx context.Context, tx pgx.Tx) error {
				attempts++
				_, err := tx.Exec(ctx, c.sql)
				return err
			})
			require.Error(t, err)
			require.Equal(t, c.attempts, attempts)
		})
	}
}

func TestInTx_StopsRepeatingForACallerThatLeft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	attempts := 0

	err := postgres.InTx(ctx, counters(t), func(ctx context.Context, tx pgx.Tx) error {
		attempts++
		_, err := tx.Exec(ctx, "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$")
		cancel()
		return err
	})

	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, attempts)
}

func TestInTx_RefusesASwallowedError(t *testing.T) {
	t.Parallel()
	pool := counters(t)

	err := postgres.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
		require.NoError(t, increment(ctx, tx, 1))
		_, err := tx.Exec(ctx, "SELECT 1/0")
		require.Error(t, err)
		return nil
	})

	require.ErrorIs(t, err, pgx.ErrTxCommitRollback)
	require.NotErrorIs(t, err, postgres.ErrCommitUnknown)
	require.Zero(t, count(t, pool, 1))
}

// dieAtCommit makes the server drop the connection of whoever commits a change
// of the counters.
const dieAtCommit = `
	CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON counters DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION die()`

func TestInTx_SaysWhenACommitMayHaveHappened(t *testing.T) {
	t.Parallel()
	pool, attempts := counters(t), 0
	_, err := pool.Exec(t.Context(), dieAtCommit)
	require.NoError(t, err)

	err = postgres.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
		attempts++
		return increment(ctx, tx, 1)
	})

	require.ErrorIs(t, err, postgres.ErrCommitUnknown)
	require.True(t, postgres.IsUnavailable(err))
	require.Equal(t, 1, attempts)
}
