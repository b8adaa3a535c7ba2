package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/embedded"
	"tillway/migrations"
)

const (
	startPatience = 30 * time.Second
	// unlimited keeps the rate limits at work, as in production, without ever being reached.
	unlimited = "1000000"
	apiKey    = "sk_test_0benchmark0benchmark0benchmark0" //nolint:gosec // opens a service that lives for this run
	adminKey  = "sk_test_1benchmark1benchmark1benchmark1" //nolint:gosec // the same
	twinName  = "twin"
)

// database is a pool on one of the two databases, for what stands beside the measurement.
type database = *pgxpool.Pool

// stack is everything that a run needs: the servers, the two databases, and the binary under measurement.
type stack struct {
	options options
	dir     string
	pg      *embedded.Postgres
	redis   *embedded.Redis
	// db is the service's database, twin the one that pgbench works on; both have the service's schema.
	db, twin database
	pgbench  string
	binary   string
	dataKey  string
	batches  int // of prepared payments made so far
}

// newStack starts PostgreSQL, with fsync on, and Redis, migrates, clones the twin's database and builds the service.
func newStack(ctx context.Context, opts options) (_ *stack, err error) {
	s := &stack{options: opts, binary: opts.server}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	if s.dir, err = os.MkdirTemp("", "tillway-bench-"); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	s.dataKey = base64.StdEncoding.EncodeToString(key)
	if s.binary == "" {
		progress("building the service")
		if s.binary, err = build(ctx, s.dir); err != nil {
			return nil, err
		}
	}
	if s.binary, err = filepath.Abs(s.binary); err != nil {
		return nil, fmt.Errorf("find the service: %w", err)
	}
	progress("starting PostgreSQL (fsync on) and Redis")
	if s.redis, err = embedded.StartRedis(ctx, embedded.RedisOptions{}); err != nil {
		return nil, err
	}
	return s, s.openDatabases(ctx)
}

func (s *stack) openDatabases(ctx context.Context) (err error) {
	s.pg, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{Durable: true, Settings: settings(s.options.scenarios)})
	if err != nil {
		return err
	}
	if s.pgbench, err = s.pg.Program("pgbench"); err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, s.pg.URL()); err != nil {
		return err
	}
	if err := s.clone(ctx); err != nil {
		return err
	}
	if s.db, err = pgxpool.New(ctx, s.pg.URL()); err != nil {
		return fmt.Errorf("open the service's database: %w", err)
	}
	if s.twin, err = pgxpool.New(ctx, s.databaseURL(twinName)); err != nil {
		return fmt.Errorf("open the twin's database: %w", err)
	}
	return nil
}

// clone makes the twin's database of the service's. Both get the functions that the scripts need.
func (s *stack) clone(ctx context.Context) error {
	text, err := script("setup.sql")
	if err != nil {
		return err
	}
	own, err := pgx.Connect(ctx, s.pg.URL())
	if err != nil {
		return fmt.Errorf("open the service's database: %w", err)
	}
	_, err = own.Exec(ctx, text)
	if err := errors.Join(err, own.Close(ctx)); err != nil {
		return fmt.Errorf("make the twin's functions: %w", err)
	}
	conn, err := pgx.Connect(ctx, s.databaseURL("postgres"))
	if err != nil {
		return fmt.Errorf("clone the schema: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+twinName+" TEMPLATE tillway"); err != nil {
		return fmt.Errorf("clone the schema: %w", err)
	}
	return nil
}

func (s *stack) databaseURL(name string) string {
	u, err := url.Parse(s.pg.URL())
	if err != nil {
		return s.pg.URL() // made by us, so it parses
	}
	u.Path = "/" + name
	return u.String()
}

// close stops what was started and removes the directory.
func (s *stack) close(ctx context.Context) (err error) {
	for _, db := range []database{s.db, s.twin} {
		if db != nil {
			db.Close()
		}
	}
	if s.redis != nil {
		err = errors.Join(err, s.redis.Stop(ctx))
	}
	if s.pg != nil {
		err = errors.Join(err, s.pg.Stop(ctx))
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// machine says what the figures were measured on.
func (s *stack) machine(ctx context.Context) machine {
	m := machine{OS: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()}
	if err := s.db.QueryRow(ctx, "SHOW server_version").Scan(&m.PostgreSQL); err != nil {
		m.PostgreSQL = "unknown"
	}
	return m
}

// pair starts the simulator and the service on it.
func (s *stack) pair(ctx context.Context, latency time.Duration) (*service, *simulator, error) {
	sim, err := s.startSimulator(ctx, latency)
	if err != nil {
		return nil, nil, err
	}
	svc, err := s.startService(ctx, sim.addr)
	if err != nil {
		return nil, nil, errors.Join(err, sim.stop())
	}
	return svc, sim, nil
}

// checkpoint begins a round on equal terms: no round pays for what another left to be written.
func (s *stack) checkpoint(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, "CHECKPOINT"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// programEnv is what pgbench needs to find the server.
func (s *stack) programEnv() []string {
	u, err := url.Parse(s.databaseURL(twinName))
	if err != nil {
		return nil // made by us, so it parses
	}
	return []string{"PGHOST=" + u.Query().Get("host"), "PGUSER=" + u.Query().Get("user"), "PGDATABASE=" + strings.TrimPrefix(u.Path, "/")}
}
