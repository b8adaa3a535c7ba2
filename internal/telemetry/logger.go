package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger returns a logger that writes JSON lines to w, redacted, each with the correlation id, the trace and the
// attributes of its context.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	inner := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: replaceAttr})
	return slog.New(&handler{next: inner, root: inner})
}

// handler adds to each record what its context knows. Those attributes stand at the top of the line even under
// WithGroup, since that is where a search looks for them.
type handler struct {
	next slog.Handler
	// root is next before its first group was opened; replay is what was done to it since.
	root   slog.Handler
	replay []func(slog.Handler) slog.Handler
}

// Enabled asks the handler below.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle writes the record with the attributes of ctx.
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	var buffer [8]slog.Attr
	attrs := contextAttrs(ctx, buffer[:0])
	if len(attrs) == 0 {
		return h.next.Handle(ctx, record)
	}
	if len(h.replay) == 0 {
		record = record.Clone()
		record.AddAttrs(attrs...)
		return h.next.Handle(ctx, record)
	}
	next := h.root.WithAttrs(slices.Clone(attrs))
	for _, step := range h.replay {
		next = step(next)
	}
	return next.Handle(ctx, record)
}

// WithAttrs returns a handler whose records all have attrs.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.then(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

// WithGroup returns a handler whose records' own attributes are in a group.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	step := func(next slog.Handler) slog.Handler { return next.WithGroup(name) }
	return &handler{next: step(h.next), root: h.root, replay: append(slices.Clip(h.replay), step)}
}

func (h *handler) then(step func(slog.Handler) slog.Handler) slog.Handler {
	next := step(h.next)
	if len(h.replay) == 0 {
		return &handler{next: next, root: next}
	}
	return &handler{next: next, root: h.root, replay: append(slices.Clip(h.replay), step)}
}

// contextAttrs appends what ctx says about every line that is logged with it.
func contextAttrs(ctx context.Context, attrs []slog.Attr) []slog.Attr {
	if id := CorrelationID(ctx); id != "" {
		attrs = append(attrs, slog.String("correlation_id", id))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		attrs = append(attrs,
			slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return append(attrs, attrsFrom(ctx)...)
}
