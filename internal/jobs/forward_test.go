package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"tillway/internal/jobs"
	"tillway/internal/postgres"
)

func (b *testBundle) forward(t *testing.T, by time.Duration) {
	t.Helper()
	require.NoError(t, postgres.InTx(t.Context(), b.pool, func(ctx context.Context, tx pgx.Tx) error {
		return jobs.Forward(ctx, tx, by)
	}))
}

func TestForward_BringsWaitingJobsNearer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ran := make(chan string, 10)
	b.run(t, time.Now, func(_ context.Context, job *river.Job[greetArgs]) error {
		ran <- job.Args.Name
		return nil
	})
	for name, in := range map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour} {
		_, err := b.inserter.Insert(t.Context(), greetArgs{Name: name}, &river.InsertOpts{ScheduledAt: time.Now().Add(in)})
		require.NoError(t, err)
	}

	began := time.Now()
	b.forward(t, time.Hour)
	require.Equal(t, "hour", receive(t, ran))
	require.Less(t, time.Since(began), 4*time.Second, "by the poll, not by River's scheduler")
	require.Empty(t, ran)
	var left int64
	require.NoError(t, b.pool.QueryRow(t.Context(),
		"SELECT extract(epoch FROM scheduled_at - now())::bigint FROM river_job WHERE state = 'scheduled'").Scan(&left))
	require.InDelta(t, 23*3600, left, 60)

	b.forward(t, 23*time.Hour)
	require.Equal(t, "day", receive(t, ran))
}

func TestForward_ReachesAJobThatPutsItselfOffMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	began, release, again := make(chan string, 1), make(chan struct{}), make(chan string, 1)
	var runs atomic.Int64
	b.run(t, time.Now, func(_ context.Context, job *river.Job[greetArgs]) error {
		if runs.Add(1) == 1 {
			began <- job.Args.Name
			<-release
			return river.JobSnooze(time.Hour) // by the clock as it was when it began
		}
		again <- job.Args.Name
		return nil
	})
	_, err := b.inserter.Insert(t.Context(), greetArgs{Name: "late"}, nil)
	require.NoError(t, err)
	receive(t, began)
	b.forward(t, 2*time.Hour)
	close(release)
	require.Eventually(t, func() bool {
		require.NoError(t, jobs.CatchUp(t.Context(), b.pool))
		return len(again) == 1
	}, patience, 20*time.Millisecond)
	var marked int
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT count(*) FROM river_job WHERE metadata ? 'test_clock_us' AND state <> 'completed'").Scan(&marked))
	require.Zero(t, marked)
}
