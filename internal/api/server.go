// Package api is the HTTP face of Tillway (API.md): routes, request and response types, authentication, limits, media
// types, links and errors. It owns how things are said, not what happens: a handler decodes, calls one method of a
// domain, and encodes.
//
// Its invariants: one function renders errors (errors.go); one table says which routes there are and who may use them
// (routes.go), and links are computed from that table and from the domains' own rules; nothing that a caller sends
// becomes a 500; no card data is in an answer, a log line or an idempotency record.
package api

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"tillway/internal/api/cardpage"
	"tillway/internal/apikeys"
	"tillway/internal/customers"
	"tillway/internal/events"
	"tillway/internal/idempotency"
	"tillway/internal/orders"
	"tillway/internal/ratelimit"
	"tillway/internal/subscriptions"
	"tillway/internal/subscriptions/report"
	"tillway/internal/telemetry"
	"tillway/internal/testclock"
)

// Deps is everything that the API needs of the rest.
type Deps struct {
	Orders        *orders.Service
	Events        *events.Service
	Customers     *customers.Service
	Subscriptions *subscriptions.Service
	// SubscriptionReports tells operators how subscriptions do.
	SubscriptionReports *report.Reader
	Keys                *apikeys.Service
	Idempotency         *idempotency.Store
	// Fingerprints are the keys that the idempotency store was made with.
	Fingerprints *idempotency.Keys
	Limiter      *ratelimit.Limiter
	// RateLimit is what the limiter was made with; it is shown where nothing is counted.
	RateLimit int
	// Notifications receives the provider's notifications (POST /v1/webhooks/onerway).
	Notifications http.Handler
	// Inbox shows them to operators.
	Inbox Inbox
	// Checks are what GET /readyz looks at.
	Checks []Check

	// Livemode: real money moves.
	Livemode bool
	// CardEntry says whether card data may come in.
	CardEntry CardEntry
	// PublicURL is what callers reach us under, without a trailing slash.
	PublicURL string
	// ReturnURLAllowed tells whether a shopper may be sent to an address.
	ReturnURLAllowed func(url string) bool
	// OriginAllowed tells whether pages of an origin may use client secrets.
	OriginAllowed func(origin string) bool
	// ReturnSecret signs what the return page tells the merchant.
	ReturnSecret []byte

	Logger  *slog.Logger
	Metrics *telemetry.Metrics
	// Tracer is nil when traces go nowhere.
	Tracer     trace.TracerProvider
	Propagator propagation.TextMapPropagator
	// Now is the clock by which it is decided what may be done; it may be one that tests move.
	Now func() time.Time
	// RealNow measures requests and limits; Now when nil.
	RealNow func() time.Time
	// TestClock is what Now tells while no real money moves; nil in live mode.
	TestClock *testclock.Clock

	// Patience bounds a request's work, zero does not. It is longer than a charge keeps its caller waiting; what it ends is the
	// wait for a database that has gone without a word.
	Patience time.Duration
}

// Check is one thing that readiness depends on, or reports.
type Check struct {
	Name string
	// Required: without it we are not ready.
	Required bool
	Run      func(context.Context) error
}

type server struct {
	Deps
	routes map[Route]route // by method and pattern, as gin writes it and as the document does
	table  []route         // the same, in their order

	pageTemplate *template.Template
	pagePolicy   string
	cards        *cardpage.Drawer
}

// New returns the handler of the public address.
func New(deps Deps) http.Handler {
	if deps.RealNow == nil {
		deps.RealNow = deps.Now
	}
	gin.SetMode(gin.ReleaseMode) // process-wide in gin; the other modes print to standard output
	s := &server{Deps: deps, routes: map[Route]route{}, pageTemplate: newPageTemplate(), pagePolicy: newPagePolicy()}
	s.cards = cardpage.New(strings.HasPrefix(deps.PublicURL, "http:"))
	s.table = s.allRoutes()

	engine := gin.New()
	engine.ContextWithFallback = true
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	// Nobody is believed about the caller's address: behind a proxy, limits of callers without a key are the proxy's.
	if err := engine.SetTrustedProxies(nil); err != nil {
		s.Logger.Error("trust no proxies", slog.Any("error", err))
	}
	engine.Use(
		s.trace(), s.correlate, s.logRequest, s.stampTiming, s.recoverPanic, secureHeaders,
		s.letPagesRead, s.identify, s.limitRate, s.authorize, s.negotiate, s.limitBody,
	)
	engine.NoRoute(s.noRoute)
	engine.NoMethod(s.noMethod)
	for _, r := range s.table {
		pattern := ginPattern(r.pattern)
		s.routes[Route{r.method, pattern}], s.routes[Route{r.method, r.pattern}] = r, r
		engine.Handle(r.method, pattern, r.handle)
	}
	return headAsGet(engine)
}

// routeOf returns the route that a request matched; the zero route when none did.
func (s *server) routeOf(c *gin.Context) route {
	return s.routes[Route{c.Request.Method, c.FullPath()}]
}

// headAsGet answers HEAD as GET without a body, which net/http withholds by itself.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			get := r.Clone(r.Context())
			get.Method = http.MethodGet
			r = get
		}
		next.ServeHTTP(w, r)
	})
}

// ginPattern turns {id} into gin's :id.
func ginPattern(pattern string) string {
	return strings.ReplaceAll(strings.ReplaceAll(pattern, "{", ":"), "}", "")
}
