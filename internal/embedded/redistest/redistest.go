// Package redistest gives tests a real Redis.
//
// The server is, in this order: TEST_REDIS_URL; redis-server installed on this
// machine, started privately once per test process; Docker. With
// TILLWAY_TEST_CONTAINERS=1 it is Docker alone. Without any of them the test
// fails and names the command to run.
//
// Tests share the server and are kept apart by its logical databases, so they
// must not do what reaches across them: FLUSHALL, CONFIG SET, CLIENT KILL,
// channels of a fixed name. A test that wants to, or that stops the server,
// takes one of its own from Private.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded"
	"tillway/internal/embedded/containers"
)

const (
	startTimeout = 3 * time.Minute
	// leaseLasts frees the database of a test that was killed. It is longer
	// than any test runs.
	leaseLasts = 15 * time.Minute
	retryEvery = 50 * time.Millisecond
)

// shared is the server of this test process. It ends with the process.
var shared = sync.OnceValues(func() (*server, error) { return startServer(context.Background()) })

// server hands out the logical databases of one Redis. Database 0 holds the
// leases, so that test processes sharing a server do not meet.
type server struct {
	options   redis.Options
	leases    *redis.Client
	databases int
}

// New returns a client on an empty logical database of its own. Both are gone
// when the test ends.
func New(t testing.TB) redis.UniversalClient {
	t.Helper()
	return Open(t, URL(t))
}

// URL returns the connection string of an empty logical database of its own.
func URL(t testing.TB) string {
	t.Helper()
	s, err := shared()
	require.NoError(t, err)
	db := s.lease(t)
	return s.url(db)
}

// Open returns a client that is closed with the test.
func Open(t testing.TB, url string) redis.UniversalClient {
	t.Helper()
	opts, err := redis.ParseURL(url)
	require.NoError(t, err)
	opts.ContextTimeoutEnabled = true // as the service's own client has it
	client := redis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func startServer(ctx context.Context) (*server, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errors.New("no test redis in time"))
	defer cancel()
	url, err := serverURL(ctx)
	if err != nil {
		return nil, err
	}
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("parse the test redis url: %w", err)
	}
	opts.DB = 0
	s := &server{options: *opts, leases: redis.NewClient(opts)}
	limit, err := s.leases.ConfigGet(ctx, "databases").Result()
	if err != nil {
		return nil, fmt.Errorf("ask the test redis for its databases: %w", err)
	}
	if s.databases, err = strconv.Atoi(limit["databases"]); err != nil {
		return nil, fmt.Errorf("ask the test redis for its databases: %w", err)
	}
	return s, nil
}

// serverURL chooses the server, see the package comment.
func serverURL(ctx context.Context) (string, error) {
	if os.Getenv("TILLWAY_TEST_CONTAINERS") == "1" {
		return containerURL(ctx)
	}
	if url := os.Getenv("TEST_REDIS_URL"); url != "" {
		return url, nil
	}
	server, err := embedded.StartRedis(ctx, embedded.RedisOptions{})
	if err == nil {
		return server.URL(), nil
	}
	if !errors.Is(err, embedded.ErrNotInstalled) {
		return "", err
	}
	url, dockerErr := containerURL(ctx)
	if dockerErr != nil {
		return "", fmt.Errorf("tests need Redis: %w (or set TEST_REDIS_URL, or start Docker: %w)", err, dockerErr)
	}
	return url, nil
}

func containerURL(ctx context.Context) (string, error) {
	server, err := containers.StartRedis(ctx, os.Getenv("TILLWAY_TEST_REDIS_IMAGE"))
	if err != nil {
		return "", err
	}
	return server.URL(), nil
}

func leaseKey(db int) string { return "redistest:lease:" + strconv.Itoa(db) }

// lease takes a free database, waiting when every one is taken, as with the
// sixteen of a server that somebody else configured.
func (s *server) lease(t testing.TB) int {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), startTimeout, errors.New("every logical database of the test redis is taken"))
	defer cancel()
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		for db := 1; db < s.databases; db++ {
			err := s.leases.SetArgs(ctx, leaseKey(db), t.Name(), redis.SetArgs{Mode: "NX", TTL: leaseLasts}).Err()
			if errors.Is(err, redis.Nil) {
				continue
			}
			require.NoError(t, err)
			s.empty(t, db)
			t.Cleanup(func() {
				s.empty(t, db)
				require.NoError(t, s.leases.Del(context.WithoutCancel(t.Context()), leaseKey(db)).Err())
			})
			return db
		}
		select {
		case <-ctx.Done():
			require.NoError(t, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func (s *server) empty(t testing.TB, db int) {
	t.Helper()
	opts := s.options
	opts.DB = db
	client := redis.NewClient(&opts)
	defer client.Close()
	require.NoError(t, client.FlushDB(context.WithoutCancel(t.Context())).Err())
}

// url writes the options of ParseURL back.
func (s *server) url(db int) string { return urlOf(s.options, db) }
