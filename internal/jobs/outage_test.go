package jobs_test

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"tillway/internal/jobs"
	"tillway/internal/postgres/pgtest"
)

func TestRun_WaitsForADatabaseThatIsAwayAtTheStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	config, err := pgxpool.ParseConfig(pgtest.URL(t))
	require.NoError(t, err)
	var away atomic.Bool
	var tries atomic.Int64
	away.Store(true)
	config.BeforeConnect = func(context.Context, *pgx.ConnConfig) error {
		tries.Add(1)
		if away.Load() {
			return &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
		}
		return nil
	}
	b.pool, err = pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(b.pool.Close)
	worked := make(chan string, 1)
	stop := b.run(t, time.Now, func(_ context.Context, job *river.Job[greetArgs]) error {
		worked <- job.Args.Name
		return nil
	})
	require.Eventually(t, func() bool { return tries.Load() > 3 }, patience, 5*time.Millisecond)
	away.Store(false)
	inserter, err := jobs.NewInserter(b.pool, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, err = inserter.Insert(t.Context(), greetArgs{Name: "Ada"}, nil)
	require.NoError(t, err)
	require.Equal(t, "Ada", <-worked)
	require.NoError(t, stop())
	require.Contains(t, b.log.String(), "jobs wait for the database")
}
