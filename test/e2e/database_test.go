package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/postgres/pgtest"
)

// exec changes the database behind the service's back.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	w.aside(func(ctx context.Context, conn *pgx.Conn) {
		_, err := conn.Exec(ctx, sql, args...)
		require.NoError(w.t, err)
	})
}

// value reads one value out of the database.
func value[T any](w *world, sql string, args ...any) (v T) {
	w.t.Helper()
	w.aside(func(ctx context.Context, conn *pgx.Conn) {
		require.NoError(w.t, conn.QueryRow(ctx, sql, args...).Scan(&v))
	})
	return v
}

// aside has a connection of its own, as the service's may be in no state to be used.
func (w *world) aside(do func(context.Context, *pgx.Conn)) {
	w.t.Helper()
	ctx := context.WithoutCancel(w.t.Context())
	conn, err := pgx.Connect(ctx, w.database)
	require.NoError(w.t, err)
	defer conn.Close(ctx)
	do(ctx, conn)
}

// requireDatabaseDown requires the honest answer of a service without its database: nothing is wrong with the request, and
// it says when to come again.
func (a answer) requireDatabaseDown(t *testing.T) {
	t.Helper()
	a.requireStatus(t, http.StatusServiceUnavailable)
	require.Equal(t, "database_unavailable", codeOf(a), a.body)
	after, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, after)
}

// payThrough pays an order as a good storefront does while the database comes and goes: with one key, until it is told the
// outcome. Any other answer than the honest ones ends it.
func (c *client) payThrough(ctx context.Context, r call) (answer, error) {
	for {
		got, err := c.untilAnswered(ctx, r)
		if err != nil || got.status != http.StatusServiceUnavailable {
			return got, err
		}
		if codeOf(got) != "database_unavailable" || got.header.Get("Retry-After") == "" {
			return got, fmt.Errorf("not an honest 503: %s", got.body)
		}
		select {
		case <-ctx.Done():
			return got, ctx.Err()
		case <-time.After(50 * time.Millisecond): // sooner than Retry-After: more pressure
		}
	}
}

// TestDatabaseOutOfConnections_RefusesWritesNothingAndRecovers: the server has no connection left for us, for whatever takes
// them all.
func TestDatabaseOutOfConnections_RefusesWritesNothingAndRecovers(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	role, limit := limitedRole(t, database)
	w := start(t, onDatabase(database), with("DATABASE_URL", role))
	o, p := challenged(w, challengeCard, nil)
	open := w.service.createOrder(nil)
	pay := w.service.payCall(open.ID, goodCard, "k", nil)
	limit(0)

	began := time.Now()
	w.service.send(pay).requireDatabaseDown(t)
	create := call{method: http.MethodPost, path: "/v1/orders", body: orderBody(nil), key: rand.Text()}
	w.service.send(create).requireDatabaseDown(t)
	w.service.send(call{method: http.MethodGet, path: "/v1/orders/" + o.ID}).requireDatabaseDown(t)
	require.Less(t, time.Since(began), patience, "a bounded wait")
	notified, err := w.service.notify(t.Context(), noticeOf(p).signed(signingKey), nil)
	require.NoError(t, err)
	notified.requireStatus(t, http.StatusServiceUnavailable)
	require.NotEmpty(t, notified.header.Get("Retry-After"), "the provider is asked to deliver it again")
	w.service.send(call{method: http.MethodGet, path: "/readyz", as: "none"}).requireStatus(t, http.StatusServiceUnavailable)
	w.service.send(call{method: http.MethodGet, path: "/healthz", as: "none"}).requireStatus(t, http.StatusOK)
	require.Equal(t, 2, value[int](w, "SELECT count(*)::int FROM orders"), "nothing is half done")
	require.Equal(t, 1, value[int](w, "SELECT count(*)::int FROM payments"))
	require.Empty(t, w.provider.books(open.ID).Transactions)

	limit(-1)
	got, err := w.service.payThrough(t.Context(), pay)
	require.NoError(t, err)
	got.requireStatus(t, http.StatusCreated)
	w.requirePaidOnce(open.ID)
	require.Equal(t, "requires_action", w.service.payment(p.ID).Status, "what was refused was not believed either")
}

// limitedRole makes a role for the service, and returns a way to its database and how to limit its connections; a limit
// ends those there are.
func limitedRole(t *testing.T, database string) (string, func(int)) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	owner, err := pgx.Connect(ctx, database)
	require.NoError(t, err)
	config := owner.Config()
	role := "tillway_role_" + strings.ToLower(rand.Text())
	exec := func(sql string) {
		t.Helper()
		_, err := owner.Exec(ctx, sql)
		require.NoError(t, err, sql)
	}
	exec("CREATE ROLE " + role + " LOGIN PASSWORD 'p' IN ROLE " + pgx.Identifier{config.User}.Sanitize())
	t.Cleanup(func() {
		exec("REASSIGN OWNED BY " + role + " TO CURRENT_USER")
		exec("DROP OWNED BY " + role)
		exec("DROP ROLE " + role)
		require.NoError(t, owner.Close(ctx))
	})
	return urlOf(config, role, "p"), func(n int) {
		t.Helper()
		exec(fmt.Sprintf("ALTER ROLE %s CONNECTION LIMIT %d", role, n))
		exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + role + "'")
	}
}

func newDatabase(t *testing.T) string {
	t.Helper()
	return pgtest.URL(t)
}

// urlOf is the connection string of a database for another user.
func urlOf(config *pgx.ConnConfig, user, password string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + config.Database}
	query := url.Values{"sslmode": {"disable"}, "host": {config.Host}, "port": {strconv.Itoa(int(config.Port))}}
	if net.ParseIP(config.Host) != nil {
		query.Del("host")
		query.Del("port")
		u.Host = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	}
	u.RawQuery = query.Encode()
	return u.String()
}
