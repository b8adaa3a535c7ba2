package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// line is the network between the service and one of its stores, for a test to slow, silence and cut.
type line struct {
	t      *testing.T
	proxy  *toxiproxy.Proxy
	target atomic.Pointer[endpoint]
}

// endpoint is where a store listens: PostgreSQL for tests has a socket in the file system only, which the proxy knows
// nothing of.
type endpoint struct{ network, address string }

// newLine lays a line to a store.
func newLine(t *testing.T, to endpoint) *line {
	t.Helper()
	l := &line{t: t}
	l.target.Store(&to)
	relay := l.relay()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	l.proxy = toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", relay)
	require.NoError(t, l.proxy.Start())
	t.Cleanup(l.proxy.Stop)
	return l
}

// relay hands connections on to wherever the store is now.
func (l *line) relay() string {
	l.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(l.t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(l.t, err)
	var running sync.WaitGroup
	running.Go(func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { l.carry(conn) })
		}
	})
	l.t.Cleanup(func() {
		require.NoError(l.t, listener.Close())
		running.Wait()
	})
	return listener.Addr().String()
}

func (l *line) carry(conn net.Conn) {
	defer conn.Close()
	to := l.target.Load()
	store, err := (&net.Dialer{}).DialContext(context.Background(), to.network, to.address)
	if err != nil {
		return // refused, as the store did
	}
	defer store.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{conn, store}, {store, conn}} {
		both.Go(func() { // when one side ends, so does the other
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

// disturb adds a toxic of the proxy to what the store answers, and returns what takes it away.
func (l *line) disturb(kind string, attributes map[string]int64) (restore func()) {
	l.t.Helper()
	raw, err := json.Marshal(map[string]any{"name": kind, "type": kind, "stream": "downstream", "attributes": attributes})
	require.NoError(l.t, err)
	_, err = l.proxy.Toxics.AddToxicJson(strings.NewReader(string(raw)))
	require.NoError(l.t, err)
	return func() {
		l.t.Helper()
		require.NoError(l.t, l.proxy.Toxics.RemoveToxic(context.WithoutCancel(l.t.Context()), kind))
	}
}

// slow makes every answer of the store late.
func (l *line) slow(by time.Duration) (restore func()) {
	l.t.Helper()
	return l.disturb("latency", map[string]int64{"latency": by.Milliseconds()})
}

// silence swallows what the store answers; its connections stay open, as those to a host that failed do.
func (l *line) silence() (restore func()) {
	l.t.Helper()
	return l.disturb("timeout", map[string]int64{"timeout": 0})
}

// cut breaks every connection and lets new ones be made.
func (l *line) cut() {
	l.t.Helper()
	l.proxy.Stop()
	require.NoError(l.t, l.proxy.Start())
}

// databaseOver returns the connection string of a database by way of a line to its server.
func databaseOver(t *testing.T, database string) (string, *line) {
	t.Helper()
	config, err := pgx.ParseConfig(database)
	require.NoError(t, err)
	l := newLine(t, listenerOf(config))
	over := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: l.proxy.Listen,
		Path: "/" + config.Database, RawQuery: "sslmode=disable",
	}
	return over.String(), l
}

func listenerOf(config *pgx.ConnConfig) endpoint {
	port := strconv.Itoa(int(config.Port))
	if strings.HasPrefix(config.Host, "/") {
		return endpoint{"unix", fmt.Sprintf("%s/.s.PGSQL.%s", config.Host, port)}
	}
	return endpoint{"tcp", net.JoinHostPort(config.Host, port)}
}

// redisOver returns the connection string of a Redis by way of a line to its server.
func redisOver(t *testing.T, server string) (string, *line) {
	t.Helper()
	u, err := url.Parse(server)
	require.NoError(t, err)
	l := newLine(t, endpoint{"tcp", u.Host})
	u.Host = l.proxy.Listen
	return u.String(), l
}
