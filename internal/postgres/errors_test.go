package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"tillway/internal/embedded"
	"tillway/internal/fault"
	"tillway/internal/postgres"
)

func TestIsUnavailable_KnowsAnOutageFromARefusal(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return fmt.Errorf("pay: %w", &pgconn.PgError{Code: code}) }
	cases := map[string]struct {
		err  error
		want bool
	}{
		"nothing":                   {nil, false},
		"connection exception":      {state("08006"), true},
		"admin shutdown":            {state("57P01"), true},
		"crash shutdown":            {state("57P02"), true},
		"cannot connect now":        {state("57P03"), true},
		"database dropped":          {state("57P04"), false},
		"too many connections":      {state("53300"), true},
		"disk full":                 {state("53100"), true},
		"io error":                  {state("58030"), true},
		"statement timeout":         {state("57014"), true},
		"lock timeout":              {state("55P03"), true},
		"idle in transaction":       {state("25P03"), true},
		"read only replica":         {state("25006"), true},
		"unique violation":          {state("23505"), false},
		"check violation":           {state("23514"), false},
		"serialization failure":     {state("40001"), false},
		"undefined table":           {state("42P01"), false},
		"no rows":                   {pgx.ErrNoRows, false},
		"dial error":                {&net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		"connection closed":         {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		"pool acquire timeout":      {fmt.Errorf("acquire: %w", context.DeadlineExceeded), true},
		"caller gone":               {fmt.Errorf("acquire: %w", context.Canceled), false},
		"unknown commit":            {postgres.ErrCommitUnknown, true},
		"an error of somebody else": {errors.New("boom"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, postgres.IsUnavailable(c.err))
		})
	}
}

func TestTranslate_ShowsAnOutageAndNothingElse(t *testing.T) {
	t.Parallel()
	require.NoError(t, postgres.Translate(nil))

	down := &pgconn.PgError{Code: "57P01", Message: "terminating connection"}
	err := postgres.Translate(fmt.Errorf("insert: %w", down))
	shown, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	require.Equal(t, fault.Unavailable, shown.Kind)
	require.Equal(t, postgres.CodeUnavailable, shown.Code)
	require.Positive(t, shown.RetryAfter)
	require.NotContains(t, shown.Message, "terminating")
	require.ErrorIs(t, err, down)

	require.Equal(t, fault.Unavailable, fault.KindOf(postgres.Translate(&pgconn.PgError{Code: "40001"})), "contention that outlasted the retries")
	for _, same := range []error{pgx.ErrNoRows, fault.Missing("order", "ord_1"), errors.New("a defect")} {
		require.Equal(t, same, postgres.Translate(same))
	}
}

func TestViolations_AreToldByConstraint(t *testing.T) {
	t.Parallel()
	pool := counters(t)
	_, unique := pool.Exec(t.Context(), "INSERT INTO counters VALUES (1, 0)")
	_, check := pool.Exec(t.Context(), "INSERT INTO counters VALUES (3, -1)")
	_, err := pool.Exec(t.Context(), "CREATE TABLE parts (counter_id int CONSTRAINT parts_counter_fk REFERENCES counters)")
	require.NoError(t, err)
	_, foreign := pool.Exec(t.Context(), "INSERT INTO parts VALUES (99)")

	require.True(t, postgres.IsUnique(unique, "counters_pk"))
	require.True(t, postgres.IsUnique(unique, ""))
	require.False(t, postgres.IsUnique(unique, "counters"))
	require.False(t, postgres.IsUnique(check, ""))
	require.True(t, postgres.IsCheck(check, "counters_n_check"))
	require.False(t, postgres.IsCheck(check, "counters_pk"))
	require.True(t, postgres.IsForeignKey(foreign, "parts_counter_fk"))
	require.False(t, postgres.IsUnique(nil, ""))

	var n int
	require.True(t, postgres.IsNoRows(pool.QueryRow(t.Context(), "SELECT n FROM counters WHERE id = 9").Scan(&n)))
}

func TestIsUnavailable_OnRealTimeouts(t *testing.T) {
	t.Parallel()
	pool := counters(t)
	require.NoError(t, postgres.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
		require.NoError(t, increment(ctx, tx, 1))
		_, err := pool.Exec(ctx, "SET lock_timeout = 50; UPDATE counters SET n = 9 WHERE id = 1")
		require.True(t, postgres.IsUnavailable(err), "%v", err)
		return nil
	}))

	_, err := pool.Exec(t.Context(), "SET statement_timeout = 20; SELECT pg_sleep(5)")
	require.True(t, postgres.IsUnavailable(err), "%v", err)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = pool.Exec(ctx, "SELECT pg_sleep(5)")
	require.True(t, postgres.IsUnavailable(err), "%v", err)
}

func TestIsUnavailable_WhenTheServerIsFullAndWhenItIsGone(t *testing.T) {
	t.Parallel()
	pg, err := embedded.StartPostgres(t.Context(), embedded.PostgresOptions{MaxConnections: 5})
	require.NoError(t, err)
	t.Cleanup(func() { _ = pg.Stop(context.WithoutCancel(t.Context())) })
	pool := open(t, pg.URL(), postgres.Options{MaxConns: 8})

	held := 0
	for range 8 {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			require.True(t, postgres.IsUnavailable(err), "%v", err)
			break
		}
		held++
		t.Cleanup(conn.Release)
	}
	require.Less(t, held, 8, "the server has five connections")

	require.NoError(t, pg.Stop(t.Context()))
	_, err = pool.Exec(t.Context(), "SELECT 1")
	require.True(t, postgres.IsUnavailable(err), "%v", err)
}
