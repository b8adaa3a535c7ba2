package redistest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded"
	"tillway/internal/embedded/containers"
)

// Server is a Redis that belongs to one test, which may stop, start and flush
// it in the middle of things. Its methods are for one goroutine.
type Server struct {
	url     string
	client  redis.UniversalClient
	backend backend
}

// backend is what runs the server: an installed program or a container.
type backend interface {
	stop(ctx context.Context) error
	start(ctx context.Context) error
}

// Private starts a server for this test alone; it ends with the test.
func Private(t testing.TB) *Server {
	t.Helper()
	url, b, err := startPrivate(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.stop(context.WithoutCancel(t.Context()))) })
	return &Server{url: url, client: Open(t, url), backend: b}
}

func startPrivate(ctx context.Context) (string, backend, error) {
	if os.Getenv("TILLWAY_TEST_CONTAINERS") != "1" {
		server, err := embedded.StartRedis(ctx, embedded.RedisOptions{})
		if err == nil {
			return server.URL(), &program{server: server}, nil
		}
		if !errors.Is(err, embedded.ErrNotInstalled) {
			return "", nil, err
		}
	}
	image := os.Getenv("TILLWAY_TEST_REDIS_IMAGE")
	server, port, err := containers.StartRedisOnPort(ctx, image, 0)
	if err != nil {
		return "", nil, err
	}
	return server.URL(), &container{server: server, image: image, port: port}, nil
}

// URL is the connection string; it stays the same when the server is started
// again.
func (s *Server) URL() string { return s.url }

// Client is a client of the server.
func (s *Server) Client() redis.UniversalClient { return s.client }

// Stop ends the server and forgets its data. Clients find the connection
// refused.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	require.NoError(t, s.backend.stop(t.Context()))
}

// Start brings a stopped server back, empty, on the same address.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	require.NoError(t, s.backend.start(t.Context()))
}

// Flush empties the server, as a failover to an empty replica would.
func (s *Server) Flush(t testing.TB) {
	t.Helper()
	require.NoError(t, s.client.FlushAll(t.Context()).Err())
}

type program struct{ server *embedded.Redis }

func (p *program) stop(ctx context.Context) error { return p.server.Stop(ctx) }

func (p *program) start(ctx context.Context) error {
	server, err := embedded.StartRedis(ctx, embedded.RedisOptions{Port: p.server.Port()})
	if err != nil {
		return err
	}
	p.server = server
	return nil
}

type container struct {
	server *containers.Server
	image  string
	port   int
}

func (c *container) stop(ctx context.Context) error {
	if c.server == nil {
		return nil
	}
	server := c.server
	c.server = nil
	return server.Stop(ctx)
}

func (c *container) start(ctx context.Context) error {
	server, _, err := containers.StartRedisOnPort(ctx, c.image, c.port)
	if err != nil {
		return err
	}
	c.server = server
	return nil
}
