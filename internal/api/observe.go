package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/contrib/instrumentation/github.com/gin-gonic/gin/otelgin"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"

	"tillway/internal/telemetry"
)

// trace makes a span of each request. While nobody collects spans, only the caller's trace context is taken, for the log.
func (s *server) trace() gin.HandlerFunc {
	if s.Tracer == nil {
		fields := s.Propagator.Fields()
		return func(c *gin.Context) {
			header := propagation.HeaderCarrier(c.Request.Header)
			if slices.ContainsFunc(fields, func(name string) bool { return header.Get(name) != "" }) {
				c.Request = c.Request.WithContext(s.Propagator.Extract(c.Request.Context(), header))
			}
		}
	}
	// Its metrics say what ours say already, under labels that callers write: the port of their Host header.
	return otelgin.Middleware("tillway", otelgin.WithTracerProvider(s.Tracer), otelgin.WithPropagators(s.Propagator),
		otelgin.WithMeterProvider(noop.NewMeterProvider()),
		// A span tells the whole path, and this one's is a secret.
		otelgin.WithGinFilter(func(c *gin.Context) bool { return !strings.HasPrefix(c.Request.URL.Path, cardPagePath+"/") }))
}

// logRequest writes the one line that tells the whole of a request, and counts it.
func (s *server) logRequest(c *gin.Context) {
	c.Request = c.Request.WithContext(telemetry.Begin(c.Request.Context(), s.RealNow))
	c.Next()

	ctx, status, route := c.Request.Context(), c.Writer.Status(), s.routeOf(c).pattern
	s.Metrics.HTTPRequest(ctx, c.Request.Method, route, status, telemetry.TimingFrom(ctx).Elapsed())
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case s.routeOf(c).face == faceProcess:
		level = slog.LevelDebug
	}
	telemetry.LogCanonical(ctx, s.Logger, level, "request",
		slog.String("method", c.Request.Method), slog.String("route", route),
		slog.Int("status", status), slog.String("outcome", outcomeOf(status)))
}

func outcomeOf(status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return "failed"
	case status == http.StatusPaymentRequired:
		return "declined"
	case status >= http.StatusBadRequest:
		return "refused"
	case status == http.StatusAccepted:
		return "open"
	default:
		return "done"
	}
}

// recoverPanic keeps one request's defect from ending the process, and its details from the caller.
func (s *server) recoverPanic(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if err, ok := cause.(error); ok && err == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			c.Abort()
			return
		}
		telemetry.AddField(c.Request.Context(), slog.String("stack", string(debug.Stack())))
		if c.Writer.Written() { // too late for an answer: cut it off rather than let it look complete
			telemetry.AddField(c.Request.Context(), slog.String("panic", fmt.Sprint(cause)))
			c.Abort()
			return
		}
		s.refuse(c, fmt.Errorf("panic: %v", cause))
	}()
	c.Next()
}

// stampTiming adds Server-Timing (W3C) at the moment when the answer begins, which is the last one that can.
func (s *server) stampTiming(c *gin.Context) {
	timing := telemetry.TimingFrom(c.Request.Context())
	c.Writer = &timedWriter{ResponseWriter: c.Writer, value: timing.ServerTiming}
}

type timedWriter struct {
	gin.ResponseWriter
	value   func() string
	stamped bool
}

// WriteHeader stamps the answer and begins it.
func (w *timedWriter) WriteHeader(status int) {
	w.stamp()
	w.ResponseWriter.WriteHeader(status)
}

// WriteHeaderNow stamps the answer and begins it.
func (w *timedWriter) WriteHeaderNow() {
	w.stamp()
	w.ResponseWriter.WriteHeaderNow()
}

// Write stamps the answer and writes to it.
func (w *timedWriter) Write(body []byte) (int, error) {
	w.stamp()
	return w.ResponseWriter.Write(body)
}

// WriteString stamps the answer and writes to it.
func (w *timedWriter) WriteString(body string) (int, error) {
	w.stamp()
	return w.ResponseWriter.WriteString(body)
}

func (w *timedWriter) stamp() {
	if !w.stamped {
		w.stamped = true
		w.Header().Set("Server-Timing", w.value())
	}
}

// secureHeaders are right for every answer; pages add their own.
func secureHeaders(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
}
