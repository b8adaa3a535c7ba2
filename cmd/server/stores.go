package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"

	"tillway/internal/jobs"
	"tillway/internal/postgres"
	"tillway/internal/testclock"
	"tillway/migrations"
)

// clockTolerance is how far this machine's clock may be from the database's without a word in the log.
const clockTolerance = time.Second

func (a *app) openPostgres(ctx context.Context) (err error) {
	a.pool, err = postgres.Open(ctx, a.config.DatabaseURL.Reveal(), postgres.Options{
		Tracer: a.tel.DBTracer(), ApplicationName: "tillway",
	})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, func(context.Context) error { a.pool.Close(); return nil })
	if err := a.openReplica(ctx); err != nil {
		return err
	}
	if err := a.setClock(ctx); err != nil {
		return err
	}
	pending, err := migrations.Pending(ctx, a.config.DatabaseURL.Reveal())
	if err != nil {
		return fmt.Errorf("compare the schema: %w", err)
	}
	if pending {
		return errors.New("the database lacks migrations of this version: run `server migrate up` first")
	}
	return nil
}

// openReplica opens what reports are read from. It may be away: reports fail then, and nothing else does.
func (a *app) openReplica(ctx context.Context) (err error) {
	a.reads = a.pool
	if a.config.DatabaseReadURL.IsZero() {
		return nil
	}
	a.reads, err = postgres.Open(ctx, a.config.DatabaseReadURL.Reveal(), postgres.Options{
		Tracer: a.tel.DBTracer(), ApplicationName: "tillway reports", Absent: true,
	})
	if err != nil {
		return fmt.Errorf("DATABASE_READ_URL: %w", err)
	}
	a.closers = append(a.closers, func(context.Context) error { a.reads.Close(); return nil })
	return nil
}

// openClock wires the time by which the domains decide: the database's, moved on where no real money moves.
func (a *app) openClock(ctx context.Context) (err error) {
	a.now = a.database.Now
	if a.config.Livemode {
		return nil
	}
	a.clock, err = testclock.Open(ctx, a.pool, testclock.Options{
		Log: a.log, Real: a.database.Now,
		Prepare: func(ctx context.Context, to time.Time) error { return jobs.EnsurePartitions(ctx, a.pool, to) },
		Carry:   jobs.Forward,
		CatchUp: func(ctx context.Context) error { return jobs.CatchUp(ctx, a.pool) },
	})
	if err != nil {
		return err
	}
	a.now = a.clock.Now
	return nil
}

// realNow is what the orders measure with where their clock may be moved; nil where it is real.
func (a *app) realNow() func() time.Time {
	if a.clock == nil {
		return nil
	}
	return a.database.Now
}

// setClock takes the database's clock for everything that is compared with what other processes have written.
func (a *app) setClock(ctx context.Context) (err error) {
	a.database, err = postgres.NewClock(ctx, a.pool, time.Now)
	if err != nil {
		return err
	}
	if ahead := a.database.Ahead(); ahead.Abs() > clockTolerance {
		a.log.WarnContext(ctx, "the clocks of this machine and of the database differ; the database's counts",
			slog.Duration("ahead", ahead))
	}
	return nil
}

func (a *app) openRedis(context.Context) error {
	options, err := a.config.RedisOptions()
	if err != nil {
		return err
	}
	options.ContextTimeoutEnabled = true
	redis.SetLogger(redisLog{a.log}) // process-wide in go-redis
	a.redis = redis.NewUniversalClient(options)
	a.closers = append(a.closers, func(context.Context) error { return a.redis.Close() })
	if a.config.TraceExport() == "" {
		return nil // it would describe every command for a span that nobody makes
	}
	return redisotel.InstrumentTracing(a.redis, redisotel.WithTracerProvider(a.tel.TracerProvider),
		redisotel.WithDBStatement(false), redisotel.WithCallerEnabled(false))
}

// redisLog takes what go-redis has to say into the log, which would else stand between its lines as plain text. Redis may
// be away, so none of it is an error of ours.
type redisLog struct{ log *slog.Logger }

// Printf logs a line.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.WarnContext(ctx, "redis", slog.String("said", fmt.Sprintf(format, args...)))
}
