package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"tillway/internal/api"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceID + "-00f067aa0ba902b7-01"
)

func TestTrace_TheCallersTraceIsLoggedThoughNobodyCollectsSpans(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.do(t, request{method: "GET", path: "/v1", header: map[string]string{"traceparent": traceparent}})
	require.Equal(t, http.StatusOK, answer.status)
	b.server.Close() // waits for the line, which is written after the answer
	require.Contains(t, b.logs.String(), `"trace_id":"`+traceID+`"`)
}

func TestTrace_ARequestIsASpanOfTheCallersTrace(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	b := setup(t, func(deps *api.Deps) {
		deps.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	})
	answer := b.do(t, request{method: "GET", path: "/v1", header: map[string]string{"traceparent": traceparent}})
	require.Equal(t, http.StatusOK, answer.status)
	b.server.Close()
	require.Len(t, spans.Ended(), 1)
	require.Equal(t, traceID, spans.Ended()[0].SpanContext().TraceID().String())
	require.Contains(t, b.logs.String(), `"trace_id":"`+traceID+`"`)
}
