package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tillway/internal/fault"
	"tillway/internal/ratelimit"
)

// limitRate counts the request against its caller: the key, the order of a client secret, or the address of somebody
// without either. Only programs are turned away: the provider would bring its notification half an hour later, and
// shoppers behind one proxy share an address.
func (s *server) limitRate(c *gin.Context) {
	if face := s.routeOf(c).face; face != faceAPI && face != faceNone {
		showLimit(c.Writer.Header(), ratelimit.Decision{
			Limit: s.RateLimit, Remaining: s.RateLimit, Reset: s.RealNow().Add(time.Second),
		})
		return
	}
	decision := s.Limiter.Allow(c.Request.Context(), limitKey(c))
	showLimit(c.Writer.Header(), decision)
	if !decision.Allowed {
		f := fault.New(fault.RateLimited, "rate_limit_exceeded", "Too many requests. Slow down and try again.")
		f.RetryAfter = decision.RetryAfter
		s.refuse(c, f)
	}
}

func limitKey(c *gin.Context) string {
	if caller := callerOf(c); caller.kind != principalNone {
		return caller.id()
	}
	return "address:" + c.ClientIP()
}

// showLimit names the headers as net/http writes them, which spares it to do so.
func showLimit(header http.Header, d ratelimit.Decision) {
	header.Set("X-Ratelimit-Limit", strconv.Itoa(d.Limit))
	header.Set("X-Ratelimit-Remaining", strconv.Itoa(d.Remaining))
	header.Set("X-Ratelimit-Reset", strconv.FormatInt(d.Reset.Unix(), 10))
}
