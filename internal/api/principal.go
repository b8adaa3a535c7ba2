package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tillway/internal/apikeys"
	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/telemetry"
)

type principalKind string

const (
	principalNone principalKind = ""
	// principalKey: a secret API key.
	principalKey principalKind = "api_key"
	// principalShopper: a browser with the client secret of one order.
	principalShopper principalKind = "client_secret"
)

// principal is who sent a request.
type principal struct {
	kind  principalKind
	key   apikeys.Key
	order ids.Order
}

// id tells principals apart, for limits and idempotency keys.
func (p principal) id() string {
	switch p.kind {
	case principalKey:
		return p.key.ID.String()
	case principalShopper:
		return p.order.String()
	case principalNone:
	}
	return ""
}

const (
	principalInContext = "principal"
	identityError      = "identity_error"
)

func callerOf(c *gin.Context) principal {
	p, _ := c.Value(principalInContext).(principal)
	return p
}

// identify finds out who the caller is. It refuses nobody yet: an unknown caller is limited by address first, so that
// keys cannot be guessed any faster than the limit allows.
func (s *server) identify(c *gin.Context) {
	face := s.routeOf(c).face
	if (face != faceAPI && face != faceNone) || c.Request.Header.Get("Authorization") == "" {
		return
	}
	p, err := s.authenticate(c)
	if err != nil {
		c.Set(identityError, err)
		return
	}
	c.Set(principalInContext, p)
	telemetry.AddField(c.Request.Context(), slog.String("principal", p.id()))
}

func (s *server) authenticate(c *gin.Context) (principal, error) {
	credential, err := bearer(c.Request.Header.Values("Authorization"))
	if err != nil {
		return principal{}, err
	}
	if order, isClientSecret := orderOfClientSecret(credential); isClientSecret {
		if !s.Orders.ClientSecretMatches(order, credential) {
			return principal{}, fault.New(fault.Unauthorized, "invalid_api_key", "This client secret is not valid.")
		}
		return principal{kind: principalShopper, order: order}, nil
	}
	key, err := s.Keys.Authenticate(c.Request.Context(), credential)
	if err != nil {
		return principal{}, fmt.Errorf("identify the caller: %w", err)
	}
	return principal{kind: principalKey, key: key}, nil
}

func bearer(values []string) (string, error) {
	if len(values) != 1 {
		return "", fault.New(fault.Unauthorized, "invalid_api_key", "Authorization was sent more than once; send it once.")
	}
	scheme, credential, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	credential = strings.TrimSpace(credential)
	if !strings.EqualFold(scheme, "Bearer") || credential == "" {
		return "", fault.New(fault.Unauthorized, "invalid_api_key",
			"Send the key as Authorization: Bearer <key>; no other scheme is understood.")
	}
	return credential, nil
}

// orderOfClientSecret reads the order's id out of ord_…_secret_….
func orderOfClientSecret(credential string) (ids.Order, bool) {
	id, _, found := strings.Cut(credential, "_secret_")
	if !found {
		return ids.Order{}, false
	}
	order, err := ids.Parse[ids.OrderEntity](id)
	return order, err == nil
}

// authorize refuses callers that are unknown, or known and not allowed to use the route.
func (s *server) authorize(c *gin.Context) {
	r := s.routeOf(c)
	if r.face != faceAPI {
		return
	}
	if err, failed := c.Value(identityError).(error); failed {
		s.refuse(c, err)
		return
	}
	caller := callerOf(c)
	switch {
	case caller.kind == principalNone:
		s.refuse(c, fault.New(fault.Unauthorized, "invalid_api_key",
			"This request needs a key: Authorization: Bearer <key>."))
	case !r.allows(caller):
		s.refuse(c, forbidden(caller))
	}
}

func forbidden(caller principal) error {
	if caller.kind == principalShopper {
		return fault.New(fault.Forbidden, "forbidden",
			"A client secret may only read and pay the order that it belongs to. Use a secret key.")
	}
	return fault.New(fault.Forbidden, "forbidden", "The role of this key, %s, may not do this.", caller.key.Role)
}

// challenge is the WWW-Authenticate of a 401 (RFC 6750 §3).
func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return `Bearer realm="tillway"`
	}
	return `Bearer realm="tillway", error="invalid_token"`
}
