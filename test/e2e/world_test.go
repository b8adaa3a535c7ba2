package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/api/openapitest"
	"tillway/internal/embedded/redistest"
	"tillway/internal/postgres/pgtest"
)

const (
	merchantNo   = "800209"
	signingKey   = "e2e-signing-key-5a6e64626f782d6b6579"
	returnSecret = "e2e-return-secret-0123456789abcdef"
	shop         = "https://shop.example.com"

	storefront = "sk_test_e2e_storefront_0123456789"
	operator   = "sk_test_e2e_operator_0123456789ab"
	admin      = "sk_test_e2e_admin_0123456789abcde"

	// never leaves the settling to notifications and the return page; soon asks the provider within moments.
	never = "24h"
	soon  = "200ms,400ms,700ms,1s,1500ms,2s,2500ms,3s,4s,5s,6s,8s,10s,12s,15s,20s,30s,60s"
)

// world is everything that one test needs, and nobody else touches.
type world struct {
	t        *testing.T
	database string
	env      []string
	port     string
	provider *provider
	service  *service
	cards    *cards
}

// cards are the numbers that a test has sent; none of them may be in a log.
type cards struct {
	mu      sync.Mutex
	numbers map[string]bool
}

// service is one process of the service and the way to speak to it.
type service struct {
	*process
	*client
}

// choice adjusts a world before it comes to be.
type choice func(*settings)

type settings struct {
	redis, database string
	env             map[string]string
	unset           []string
	// provider are flags of the simulator.
	provider []string
}

// with sets a variable of the service's environment.
func with(name, value string) choice { return func(s *settings) { s.env[name] = value } }

// providing sets a flag of the simulator.
func providing(flag string) choice {
	return func(s *settings) { s.provider = append(s.provider, flag) }
}

// unset leaves a variable to its default.
func unset(name string) choice { return func(s *settings) { s.unset = append(s.unset, name) } }

// onRedis uses a Redis that the test may stop.
func onRedis(server *redistest.Server) choice {
	return func(s *settings) { s.redis = server.URL() }
}

// onDatabase uses a database that the test has made; what the service is told may be another way to it.
func onDatabase(database string) choice {
	return func(s *settings) { s.database = database }
}

// start makes a world with one process of the service.
func start(t *testing.T, choices ...choice) *world {
	t.Helper()
	s := settings{env: map[string]string{}}
	for _, choose := range choices {
		choose(&s)
	}
	if s.redis == "" {
		s.redis = redistest.URL(t)
	}
	if s.database == "" {
		s.database = pgtest.URL(t)
	}
	w := &world{t: t, database: s.database, port: freePort(t), cards: &cards{numbers: map[string]bool{}}}
	w.provider = startProvider(w, s.provider...)
	key := make([]byte, 32)
	_, err := rand.Read(key)
	require.NoError(t, err)
	env := map[string]string{
		"DATABASE_URL": w.database, "REDIS_URL": s.redis, "PUBLIC_URL": "http://127.0.0.1:" + w.port,
		"DATA_KEY": base64.StdEncoding.EncodeToString(key), "RETURN_SECRET": returnSecret,
		"API_KEYS":             "storefront:" + storefront + ",ops:" + operator + ",admin:" + admin,
		"RETURN_URL_ALLOWLIST": shop, "RATE_LIMIT": "10000", "LOG_LEVEL": "debug", "OTEL_SDK_DISABLED": "true",
		"ONERWAY_BASE_URL": w.provider.url, "ONERWAY_MERCHANT_NO": merchantNo, "ONERWAY_APP_ID": "1739545982264549376",
		"ONERWAY_SECRET_KEY": signingKey, "ONERWAY_TIMEOUT": "10s", "ONERWAY_RATE_LIMIT": "1000",
		"RESOLVE_SCHEDULE": never, "NOT_FOUND_AFTER": "1s",
	}
	maps.Copy(env, s.env)
	for _, name := range s.unset {
		delete(env, name)
	}
	for name, value := range env {
		w.env = append(w.env, name+"="+value)
	}
	slices.Sort(w.env)
	w.service = w.serve(w.port)
	return w
}

// serve starts a process of the service on a port; the first one's is what the provider and browsers are told.
func (w *world) serve(port string) *service {
	w.t.Helper()
	env := append([]string{"ADMIN_ADDR=127.0.0.1:0", "LISTEN_ADDR=127.0.0.1:" + port}, w.env...)
	p := launch(w.t, "service", w.requireNoCard, env, "serve")
	base := "http://127.0.0.1:" + port
	p.ready(w.t, base+"/readyz")
	return &service{process: p, client: newClient(w, base)}
}

// restart starts the service again on its old address.
func (w *world) restart() {
	w.t.Helper()
	w.service = w.serve(w.port)
}

func newClient(w *world, base string) *client {
	plain := &http.Transport{MaxIdleConnsPerHost: 64}
	w.t.Cleanup(plain.CloseIdleConnections)
	return &client{world: w, base: base, http: &http.Client{
		Transport:     openapitest.Transport(w.t, plain),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       requestPatience,
	}}
}

// on is the same world for a subtest, whose failures are its own.
func (w *world) on(t *testing.T) *world {
	view, provider := *w, *w.provider
	view.t, provider.t = t, t
	view.provider = &provider
	view.service = &service{process: w.service.process, client: &client{world: &view, base: w.service.base, http: w.service.http}}
	return &view
}

// remember notes the number of a card that is about to be sent.
func (c *cards) remember(number string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers[strings.NewReplacer(" ", "", "-", "").Replace(number)] = true
}

// requireNoCard looks for the test's card numbers in a log. The scan of everything else is a test of its own.
func (w *world) requireNoCard(name string, logged []byte) {
	w.cards.mu.Lock()
	defer w.cards.mu.Unlock()
	for number := range w.cards.numbers {
		if len(number) >= 12 && bytes.Contains(logged, []byte(number)) {
			w.t.Errorf("a card number that ends in %s is in the log of the %s", number[len(number)-4:], name)
		}
	}
}
