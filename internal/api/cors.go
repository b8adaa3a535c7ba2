package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// What a page of the shop may send, and read of an answer, beside what browsers always let it (Fetch standard, CORS protocol).
const (
	corsRequestHeaders = "Authorization, Content-Type, Idempotency-Key, " + correlationHeader
	corsAnswerHeaders  = correlationHeader + ", Retry-After, Idempotent-Replayed"
	// corsMaxAge is for how many seconds a browser need not ask again: an origin taken off the list is not let in for long.
	corsMaxAge = "600"
)

// preflightRoutes let browsers ask what a page of the shop may do: on exactly the paths that take a client secret.
func (s *server) preflightRoutes() []route {
	return []route{
		{method: http.MethodOptions, pattern: "/v1/orders/{id}", face: facePage, handle: s.preflight},
		{method: http.MethodOptions, pattern: "/v1/orders/{id}/payments", face: facePage, handle: s.preflight},
	}
}

// letPagesRead lets pages of the shop's own origins read the answers to requests that a client secret may make, refusals
// included. The answer to a secret key stays unreadable: no page may hold one. Cookies mean nothing here and are never let in.
func (s *server) letPagesRead(c *gin.Context) {
	r := s.routeOf(c)
	if !r.shopper && r.method != http.MethodOptions {
		return
	}
	header := c.Writer.Header()
	header.Set("Vary", "Origin")
	origins := c.Request.Header["Origin"]
	if len(origins) != 1 || !s.OriginAllowed(origins[0]) || holdsSecretKey(c.Request) {
		return
	}
	header.Set("Access-Control-Allow-Origin", origins[0])
	header.Set("Access-Control-Expose-Headers", corsAnswerHeaders)
}

// holdsSecretKey reports whether a request brings any other credential than a client secret.
func holdsSecretKey(r *http.Request) bool {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return false
	}
	credential, err := bearer(values)
	_, isClientSecret := orderOfClientSecret(credential)
	return err != nil || !isClientSecret
}

// preflight answers what a browser asks before it sends a page's request. Where the page's origin is not allowed it says
// nothing of it, and the browser does not send the request.
func (s *server) preflight(c *gin.Context) {
	pattern := s.routeOf(c).pattern
	var all, shoppers []string
	for _, r := range s.table {
		if r.pattern == pattern {
			all = append(all, r.method)
			if r.shopper {
				shoppers = append(shoppers, r.method)
			}
		}
	}
	header := c.Writer.Header()
	header.Set("Allow", strings.Join(all, ", "))
	if header.Get("Access-Control-Allow-Origin") != "" {
		header.Set("Access-Control-Allow-Methods", strings.Join(shoppers, ", "))
		header.Set("Access-Control-Allow-Headers", corsRequestHeaders)
		header.Set("Access-Control-Max-Age", corsMaxAge)
	}
	c.Status(http.StatusNoContent)
}
