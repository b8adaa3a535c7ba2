package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"tillway/internal/postgres"
	"tillway/internal/postgres/dbsqlc"
	"tillway/internal/telemetry"
)

// Forward brings every waiting job nearer by as much as the test clock moves, in the transaction that moves it. River itself
// knows real time only; its workers look for due jobs every second.
func Forward(ctx context.Context, tx pgx.Tx, by time.Duration) error {
	if _, err := dbsqlc.New(tx).JobsForward(ctx, by.Microseconds()); err != nil {
		return fmt.Errorf("bring waiting jobs nearer: %w", err)
	}
	return nil
}

// CatchUp brings nearer the jobs that put themselves off while Forward was at work. It must be repeated: a job may run for a
// while before it puts itself off.
func CatchUp(ctx context.Context, pool *pgxpool.Pool) error {
	err := postgres.InTx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := dbsqlc.New(tx).JobsCatchUp(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("bring jobs nearer that were running: %w", err)
	}
	return nil
}

// EnsurePartitions makes what is missing of the partitions of the month of at and those that follow it, as the periodic job
// does: a clock that jumps must not run ahead of it.
func EnsurePartitions(ctx context.Context, pool *pgxpool.Pool, at time.Time) error {
	return partitions{pool: pool, now: func() time.Time { return at }}.ensure(ctx)
}

// freshClock reads the test clock before each job: one that was brought nearer must not run by the clock as it was, and find
// that it is not due.
type freshClock struct {
	river.MiddlewareDefaults

	refresh func(context.Context) error
}

// Work runs the job. It is River's rivertype.WorkerMiddleware.
func (f *freshClock) Work(ctx context.Context, _ *rivertype.JobRow, run func(context.Context) error) error {
	if err := f.refresh(ctx); err != nil {
		telemetry.AddField(ctx, slog.String("test_clock", err.Error()))
	}
	return run(ctx)
}
