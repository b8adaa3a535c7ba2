package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

type (
	correlationKey struct{}
	attrsKey       struct{}
	fieldsKey      struct{}
)

// WithCorrelationID returns a context whose log lines carry id.
func WithCorrelationID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// CorrelationID returns the id given to WithCorrelationID, or "".
func CorrelationID(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

// ContextWithAttrs returns a context whose log lines all carry attrs, besides those that ctx already had.
func ContextWithAttrs(ctx context.Context, attrs ...slog.Attr) context.Context {
	return context.WithValue(ctx, attrsKey{}, append(slices.Clip(attrsFrom(ctx)), attrs...))
}

func attrsFrom(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	return attrs
}

// fields collects what the layers of one request or job learn, for its canonical line.
type fields struct {
	mu    sync.Mutex
	attrs []slog.Attr
}

// WithFields returns a context to which AddField adds.
func WithFields(ctx context.Context) context.Context {
	return context.WithValue(ctx, fieldsKey{}, new(fields))
}

// AddField adds attr to the canonical line of the request or job that ctx belongs to; a field of the same name is
// replaced, so that the last word counts. Without WithFields it does nothing. Safe for concurrent use.
func AddField(ctx context.Context, attr slog.Attr) {
	f, ok := ctx.Value(fieldsKey{}).(*fields)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.attrs {
		if f.attrs[i].Key == attr.Key {
			f.attrs[i] = attr
			return
		}
	}
	f.attrs = append(f.attrs, attr)
}

// Fields returns a copy of what was added so far, in the order of first mention.
func Fields(ctx context.Context) []slog.Attr {
	f, ok := ctx.Value(fieldsKey{}).(*fields)
	if !ok {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.attrs)
}

// Begin prepares ctx for one request or job: fields and timing. Its edge ends with LogCanonical.
func Begin(ctx context.Context, now func() time.Time) context.Context {
	return WithTiming(WithFields(ctx), now)
}

// LogCanonical writes the one line that tells the whole of a request or job: attrs, what the layers added, how long it
// took and where the time went.
func LogCanonical(ctx context.Context, logger *slog.Logger, level slog.Level, message string, attrs ...slog.Attr) {
	if !logger.Enabled(ctx, level) {
		return
	}
	line := append(slices.Clip(attrs), Fields(ctx)...)
	if t := TimingFrom(ctx); t != nil {
		line = append(line,
			slog.Float64("duration_ms", milliseconds(t.Elapsed())),
			slog.Float64("db_ms", milliseconds(t.DB())),
			slog.Float64("psp_ms", milliseconds(t.PSP())),
			slog.Int64("db_calls", t.DBCalls()),
			slog.Int64("psp_calls", t.PSPCalls()),
		)
	}
	logger.LogAttrs(ctx, level, message, line...) //nolint:sloglint // The edge that calls names its line.
}
