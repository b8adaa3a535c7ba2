package api

import (
	"crypto/rand"
	"strings"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tillway/internal/telemetry"
)

const (
	correlationHeader = "X-Correlation-Id"
	maxCorrelationID  = 128
)

// correlate gives the request an id that is answered, logged, traced and kept on every row that the request causes: the
// caller's own if it is usable, else one of ours.
func (s *server) correlate(c *gin.Context) {
	id := ""
	if values := c.Request.Header.Values(correlationHeader); len(values) == 1 && usableCorrelationID(values[0]) {
		id = values[0]
	}
	if id == "" {
		id = "req_" + strings.ToLower(rand.Text())
	}
	ctx := telemetry.WithCorrelationID(c.Request.Context(), id)
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("tillway.correlation_id", id))
	c.Request = c.Request.WithContext(ctx)
	c.Header(correlationHeader, id)
}

// usableCorrelationID takes 1 to 128 printable ASCII characters. It is written to rows as it stands, so one that could be
// a card number is not taken.
func usableCorrelationID(id string) bool {
	notPrintable := func(r rune) bool { return r < ' ' || r > '~' }
	return id != "" && len(id) <= maxCorrelationID && !strings.ContainsFunc(id, notPrintable) && telemetry.Scrub(id) == id
}
