package telemetry

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// redactingExporter scrubs spans on their way out: libraries put URLs and the texts of errors into them.
type redactingExporter struct{ next sdktrace.SpanExporter }

// ExportSpans exports the spans, scrubbed.
func (e redactingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	scrubbed := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		scrubbed[i] = redactedSpan{span}
	}
	return e.next.ExportSpans(ctx, scrubbed)
}

// Shutdown stops the exporter below.
func (e redactingExporter) Shutdown(ctx context.Context) error { return e.next.Shutdown(ctx) }

// redactedSpan is a span whose texts are scrubbed as they are read.
type redactedSpan struct{ sdktrace.ReadOnlySpan }

// Name returns the name, scrubbed.
func (s redactedSpan) Name() string { return Scrub(s.ReadOnlySpan.Name()) }

// Attributes returns the attributes, redacted.
func (s redactedSpan) Attributes() []attribute.KeyValue {
	return redactAttributes(s.ReadOnlySpan.Attributes())
}

// Status returns the status, its description scrubbed.
func (s redactedSpan) Status() sdktrace.Status {
	status := s.ReadOnlySpan.Status()
	status.Description = Scrub(status.Description)
	return status
}

// Events returns the events, errors among them, redacted.
func (s redactedSpan) Events() []sdktrace.Event {
	events := slices.Clone(s.ReadOnlySpan.Events())
	for i := range events {
		events[i].Name = Scrub(events[i].Name)
		events[i].Attributes = redactAttributes(events[i].Attributes)
	}
	return events
}

func redactAttributes(attributes []attribute.KeyValue) []attribute.KeyValue {
	redactedAttributes := slices.Clone(attributes)
	for i, a := range redactedAttributes {
		name := string(a.Key)
		switch {
		case isSensitive(name):
			redactedAttributes[i].Value = attribute.StringValue(redacted)
		case a.Value.Type() == attribute.BOOL || a.Value.Type() == attribute.FLOAT64:
		default:
			text := a.Value.String()
			if isProviderID(name, text) {
				continue
			}
			if scrubbed := Scrub(text); scrubbed != text {
				redactedAttributes[i].Value = attribute.StringValue(scrubbed)
			}
		}
	}
	return redactedAttributes
}
