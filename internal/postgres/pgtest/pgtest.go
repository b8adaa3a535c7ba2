// Package pgtest gives each test a PostgreSQL database of its own.
//
// The schema is migrated once, into a template that is named by a digest of
// the migrations; a test's database is a clone of it, made in some 30 ms and
// dropped when the test ends. Processes that share a server share the template.
//
// The server is, in this order: TEST_DATABASE_URL; the programs installed on
// this machine, started privately once per test process; Docker. With
// TILLWAY_TEST_CONTAINERS=1 it is Docker alone. Without any of them the test
// fails and names the command to run: a skipped test is one nobody ran.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres"
)

// maxConns of a test's pool. Many tests share a server of some 300 connections.
const maxConns = 10

// shared is the server of this test process. It ends with the process, which
// is why it needs no TestMain (see package embedded).
var shared = sync.OnceValues(func() (*server, error) { return startServer(context.Background()) })

// New returns a pool on a fresh database with every migration applied. Both
// are gone when the test ends. The URL is pool.Config().ConnString().
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Open(t, URL(t))
}

// URL returns the connection string of a fresh database with every migration
// applied, for what opens its own connections.
func URL(t testing.TB) string {
	t.Helper()
	s := start(t)
	return s.create(t, s.template)
}

// Blank returns the connection string of a fresh database without a schema.
func Blank(t testing.TB) string {
	t.Helper()
	return start(t).create(t, "template0")
}

// Open returns a pool, as the service has it, that is closed with the test.
func Open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: maxConns, ApplicationName: "pgtest"})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func start(t testing.TB) *server {
	t.Helper()
	s, err := shared()
	require.NoError(t, err)
	return s
}

// create makes a database of the template and drops it with the test. Cleanups
// run last first, so pools on it are closed by then; FORCE is for those that a
// failed test left open.
func (s *server) create(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("%s%d_%s", clonePrefix, time.Now().Unix(), randomHex(t))
	_, err := s.admin.Exec(t.Context(), s.createSQL(name, template))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := s.admin.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		require.NoError(t, err)
	})
	target, err := databaseURL(s.url, name)
	require.NoError(t, err)
	return target
}

// createSQL copies the template's files: for a small database that is several
// times quicker than the default of logging every page.
func (s *server) createSQL(name, template string) string {
	sql := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize() + " TEMPLATE " + pgx.Identifier{template}.Sanitize()
	if s.version >= 150000 {
		sql += " STRATEGY file_copy"
	}
	return sql
}

func randomHex(t testing.TB) string {
	t.Helper()
	raw := make([]byte, 6)
	_, err := rand.Read(raw)
	require.NoError(t, err)
	return hex.EncodeToString(raw)
}

// databaseURL points a connection URL at another database of the same server.
func databaseURL(raw, name string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("parse the database url: %w", err)
	}
	u.Path = "/" + name
	return u.String(), nil
}
