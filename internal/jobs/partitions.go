package jobs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"tillway/internal/postgres"
	"tillway/internal/telemetry"
)

const (
	partitionsEvery = 6 * time.Hour
	// monthsAhead are made besides the present month: time enough to notice that the job fails. Rows of a month that has
	// none are not lost, the default partition takes them.
	monthsAhead = 3
)

// partitionedTables lists the tables that are partitioned by month.
func partitionedTables() []string { return []string{"evidence", "notifications"} }

// partitionArgs is the job that makes monthly partitions ahead.
type partitionArgs struct{}

// Kind names the job.
func (partitionArgs) Kind() string { return "partitions_ahead" }

// InsertOpts: one at a time is enough, whoever asks.
func (partitionArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByState: unfinished()}}
}

// unfinished are the states of a job that still has something to do: once it has ended it may be added again.
func unfinished() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}
}

// periodicPartitions runs also when a leader is elected: a process may live shorter than the period.
func periodicPartitions() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(partitionsEvery),
		func() (river.JobArgs, *river.InsertOpts) { return partitionArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}

type partitions struct {
	pool *pgxpool.Pool
	now  func() time.Time
}

func (p partitions) register(workers *river.Workers) error {
	return river.AddWorkerSafely(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[partitionArgs]) error {
		return p.ensure(ctx)
	}))
}

// ensure makes what is missing of the present month and those ahead. A month that fails does not keep the others from
// being made.
func (p partitions) ensure(ctx context.Context) error {
	now := p.now().UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	var errs []error
	for _, table := range partitionedTables() {
		for ahead := range monthsAhead + 1 {
			errs = append(errs, postgres.EnsureMonthlyPartitions(ctx, p.pool, table, first.AddDate(0, ahead, 0), 1))
		}
	}
	telemetry.AddField(ctx, slog.String("through", first.AddDate(0, monthsAhead, 0).Format("2006-01")))
	return errors.Join(errs...)
}
