package jobs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"tillway/internal/telemetry"
)

// canonicalLine writes one line for each run of a job, with what its layers added (telemetry.AddField).
type canonicalLine struct {
	river.MiddlewareDefaults

	log *slog.Logger
	now func() time.Time // real: it measures
}

// Work runs the job and logs what became of it. It is River's rivertype.WorkerMiddleware.
func (c *canonicalLine) Work(ctx context.Context, job *rivertype.JobRow, run func(context.Context) error) error {
	ctx = telemetry.Begin(ctx, c.now)
	err := run(ctx)
	attrs := []slog.Attr{
		slog.String("job", job.Kind), slog.Int64("job_id", job.ID), slog.Int("attempt_number", job.Attempt),
	}
	level, outcome := slog.LevelInfo, "done"
	var snoozed *river.JobSnoozeError
	var canceled *river.JobCancelError
	switch {
	case err == nil:
	case errors.As(err, &snoozed):
		outcome = "later"
	case errors.As(err, &canceled) || job.Attempt >= job.MaxAttempts:
		level, outcome = slog.LevelError, "given_up"
	default:
		level, outcome = slog.LevelWarn, "failed"
	}
	attrs = append(attrs, slog.String("outcome", outcome))
	if level > slog.LevelInfo {
		attrs = append(attrs, slog.Any("error", err))
	}
	telemetry.LogCanonical(ctx, c.log, level, "job", attrs...)
	return err
}

// quiet keeps River's own log to its troubles: jobs have their canonical line, and a failed job that River reports too
// would be told twice.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(&atLeast{Handler: log.Handler(), level: slog.LevelWarn}).With(slog.String("component", "river"))
}

// atLeast is a handler that takes records from a level on.
type atLeast struct {
	slog.Handler

	level slog.Level
}

// Enabled is false below the level.
func (h *atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the level.
func (h *atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &atLeast{Handler: h.Handler.WithAttrs(attrs), level: h.level}
}

// WithGroup keeps the level.
func (h *atLeast) WithGroup(name string) slog.Handler {
	return &atLeast{Handler: h.Handler.WithGroup(name), level: h.level}
}
