// Package postgres owns how the service talks to PostgreSQL: the pool and its
// timeouts, transactions, the translation of database errors, and the monthly
// partitions of the bulky tables. Queries live in dbsqlc and in the stores of
// the domains.
//
// Its invariants: no statement, lock or idle transaction lasts beyond its
// timeout; a transaction is repeated only where PostgreSQL says that nothing of
// it happened (40001, 40P01); and a rollback outlives the caller's context, so
// a canceled request never returns a connection in mid-transaction.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Defaults of Options. A caller waits at most some seconds for its answer, so
// whatever holds a connection longer than this is a fault, not patience.
const (
	DefaultMaxConns         = 16
	DefaultStatementTimeout = 10 * time.Second
	DefaultLockTimeout      = 5 * time.Second
	DefaultIdleInTxTimeout  = 15 * time.Second

	connectTimeout    = 5 * time.Second
	maxConnLifetime   = 30 * time.Minute
	maxConnIdleTime   = 10 * time.Minute
	statementCacheCap = 512
)

// Options adjust the pool. A zero field takes its default; a setting that the
// connection URL makes (as in ?statement_timeout=30000) wins over a default.
type Options struct {
	Tracer          pgx.QueryTracer
	MaxConns        int32
	ApplicationName string
	// Absent: the database may be away when the pool is made.
	Absent           bool
	StatementTimeout time.Duration
	LockTimeout      time.Duration
	IdleInTxTimeout  time.Duration
}

// Open makes a pool and checks, within seconds, that the database answers, unless that may be away.
func Open(ctx context.Context, url string, opts Options) (*pgxpool.Pool, error) {
	config, err := poolConfig(url, opts)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("make the database pool: %w", err)
	}
	if opts.Absent {
		return pool, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errors.New("the database did not answer in time"))
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	return pool, nil
}

func poolConfig(url string, opts Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("parse the database url: %w", err)
	}
	// pgxpool fills in the number of CPUs, which says nothing about waiting on
	// a server, so the URL's own pool_max_conns cannot be told from it.
	config.MaxConns = opts.MaxConns
	if config.MaxConns == 0 {
		config.MaxConns = DefaultMaxConns
	}
	config.MaxConnLifetime = maxConnLifetime
	config.MaxConnLifetimeJitter = maxConnLifetime / 10
	config.MaxConnIdleTime = maxConnIdleTime

	config.AfterConnect = registerUUID

	conn := config.ConnConfig
	conn.Tracer = opts.Tracer
	if conn.ConnectTimeout == 0 || conn.ConnectTimeout > connectTimeout {
		conn.ConnectTimeout = connectTimeout // pgx would wait two minutes
	}
	conn.StatementCacheCapacity = statementCacheCap
	if opts.ApplicationName != "" {
		conn.RuntimeParams["application_name"] = opts.ApplicationName
	}
	setTimeout(conn.RuntimeParams, "statement_timeout", opts.StatementTimeout, DefaultStatementTimeout)
	setTimeout(conn.RuntimeParams, "lock_timeout", opts.LockTimeout, DefaultLockTimeout)
	setTimeout(conn.RuntimeParams, "idle_in_transaction_session_timeout", opts.IdleInTxTimeout, DefaultIdleInTxTimeout)
	return config, nil
}

// setTimeout: the option wins, then the URL, then the default.
func setTimeout(params map[string]string, name string, value, fallback time.Duration) {
	if _, inURL := params[name]; value == 0 && inURL {
		return
	}
	if value == 0 {
		value = fallback
	}
	params[name] = strconv.FormatInt(value.Milliseconds(), 10)
}
