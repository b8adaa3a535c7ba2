package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"tillway/internal/jobs"
	"tillway/internal/postgres"
	"tillway/internal/postgres/pgtest"
)

const patience = 20 * time.Second

type greetArgs struct {
	Name string `json:"name"`
}

func (greetArgs) Kind() string { return "test_greet" }

type testBundle struct {
	pool     *pgxpool.Pool
	inserter *jobs.Inserter
	log      *syncBuffer
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{pool: pgtest.New(t), log: &syncBuffer{}}
	inserter, err := jobs.NewInserter(b.pool, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	b.inserter = inserter
	return b
}

// run works the queue with one worker until stop is called, which returns what Run returned.
func (b *testBundle) run(t *testing.T, now func() time.Time, work func(context.Context, *river.Job[greetArgs]) error) (stop func() error) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(b.log, nil))
	runner, err := jobs.New(b.pool, log, now, jobs.Options{}, func(workers *river.Workers) error {
		return river.AddWorkerSafely(workers, river.WorkFunc(work))
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { require.NoError(t, stop()) })
	return stop
}

func TestRunner_RunsWhatATransactionCommitted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	names := make(chan string, 10)
	b.run(t, time.Now, func(_ context.Context, job *river.Job[greetArgs]) error {
		names <- job.Args.Name
		return nil
	})

	errUndone := errors.New("undone")
	err := postgres.InTx(t.Context(), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := b.inserter.InsertTx(ctx, tx, greetArgs{Name: "rolled back"}, nil)
		require.NoError(t, err)
		return errUndone
	})
	require.ErrorIs(t, err, errUndone)
	require.NoError(t, postgres.InTx(t.Context(), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := b.inserter.InsertTx(ctx, tx, greetArgs{Name: "committed"}, nil)
		return err
	}))

	require.Equal(t, "committed", receive(t, names))
	require.Eventually(t, func() bool { return bytes.Contains([]byte(b.log.String()), []byte("job=test_greet")) },
		patience, 10*time.Millisecond, "each run has its line in the log")
	require.Contains(t, b.log.String(), "outcome=done")
	require.Empty(t, names)
}

func TestRunner_MakesPartitionsAhead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := func() time.Time { return time.Date(2031, 11, 22, 10, 0, 0, 0, time.UTC) }
	b.run(t, now, func(context.Context, *river.Job[greetArgs]) error { return nil })

	want := []string{
		"evidence_2031_11", "evidence_2031_12", "evidence_2032_01", "evidence_2032_02",
		"notifications_2031_11", "notifications_2031_12", "notifications_2032_01", "notifications_2032_02",
	}
	require.Eventually(t, func() bool { return len(b.partitionsOf(t, want)) == len(want) }, patience, 50*time.Millisecond)
	require.Equal(t, want, b.partitionsOf(t, want))
}

func (b *testBundle) partitionsOf(t *testing.T, names []string) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), `
		SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
		WHERE relname = ANY($1) AND relkind = 'r' ORDER BY relname`, names)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

func TestRunner_StopLetsRunningJobsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	began, release := make(chan string, 1), make(chan struct{})
	var ended error
	stop := b.run(t, time.Now, func(ctx context.Context, _ *river.Job[greetArgs]) error {
		began <- "began"
		<-release
		ended = ctx.Err()
		return nil
	})
	inserted, err := b.inserter.Insert(t.Context(), greetArgs{}, nil)
	require.NoError(t, err)
	receive(t, began)

	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	select {
	case <-stopped:
		require.Fail(t, "Run returned while a job was running")
	case <-time.After(200 * time.Millisecond):
	}
	close(release)
	require.NoError(t, receive(t, stopped))
	require.NoError(t, ended, "the job's context outlives the order to stop")

	var state string
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT state FROM river_job WHERE id = $1", inserted.Job.ID).Scan(&state))
	require.Equal(t, "completed", state)
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		require.Fail(t, "nothing came in time")
		panic("unreachable")
	}
}

func TestJob_WhoseProcessDiedIsRunAgainSoon(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inserted, err := b.inserter.Insert(t.Context(), greetArgs{Name: "Ada"}, nil)
	require.NoError(t, err)
	// As a worker leaves it that is killed: running, under a name that does not come back.
	_, err = b.pool.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1, attempted_by = '{nobody}',
		attempted_at = now() - interval '2 minutes' WHERE id = $1`, inserted.Job.ID)
	require.NoError(t, err)
	ran := make(chan string, 1)
	b.run(t, time.Now, func(_ context.Context, job *river.Job[greetArgs]) error {
		ran <- job.Args.Name
		return nil
	})
	select {
	case name := <-ran:
		require.Equal(t, "Ada", name)
	case <-time.After(patience):
		t.Fatal("nobody ran the job of a dead process")
	}
}
