package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tillway/internal/telemetry"
)

// reply is an answer ready to be sent, and to be kept under an idempotency key. Its body is plain JSON; how it is labeled
// is decided when it is sent.
type reply struct {
	status int
	body   []byte
	// code is the error's code, "" for a success.
	code       string
	retryAfter time.Duration
	// replayed: a repeated request was answered with what the first one did.
	replayed bool
	// final is false while the outcome is open; resource is then what to look at later.
	final    bool
	resource string
	// passing: it shows what will be gone when a payment has ended, so it is not kept.
	passing bool
}

// encode writes JSON. Our own types always encode; if one did not, an empty object would show it in every test.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return body
}

// write sends a reply in the media type that the caller wants.
func (s *server) write(c *gin.Context, r reply) {
	media := mediaOf(c)
	contentType, body := media.success, r.body
	if r.code != "" {
		contentType = media.failure
		if contentType == mediaProblem {
			body = asProblem(r.status, body)
		}
		telemetry.AddField(c.Request.Context(), slog.String("code", r.code))
	}
	header := c.Writer.Header()
	header.Set("Content-Type", contentType)
	if r.replayed {
		header.Set("Idempotent-Replayed", "true")
		telemetry.AddField(c.Request.Context(), slog.Bool("replayed", true))
	}
	if r.retryAfter > 0 {
		header.Set("Retry-After", seconds(r.retryAfter))
	}
	if r.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", challenge(c.Request))
	}
	c.Writer.WriteHeader(r.status)
	_, _ = c.Writer.Write(body) // the caller is gone: nobody is left to tell
}
