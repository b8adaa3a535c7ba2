package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/embedded"
	"tillway/internal/sandbox"
	"tillway/migrations"
)

const (
	startPatience = 30 * time.Second
	// unlimited keeps the rate limits at work, as in production, without ever being reached.
	unlimited = "1000000"
	apiKey    = "sk_test_0benchmark0benchmark0benchmark0" //nolint:gosec // opens a service that lives for this run
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
	s.pg, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{Durable: true})
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

// simulator is the running sandbox of Onerway.
type simulator struct {
	*child
	addr string
}

func (s *stack) startSimulator(ctx context.Context, latency time.Duration) (*simulator, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	c, err := startChild(ctx, s.dir, "sandbox", s.binary, nil, "sandbox", "--listen", addr, "--latency", latency.String())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("the simulator did not start in time"))
	defer cancel()
	if err := c.await(ctx, 10*time.Millisecond, dialable(addr)); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	sim := &simulator{child: c, addr: addr}
	if err := sim.notifyAfter(ctx, s.options.notifyAfter); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return sim, nil
}

// notifyAfter has every notification follow its answer by d. By itself the simulator notifies at the very moment of its
// answer, when the service has not recorded it yet.
func (sim *simulator) notifyAfter(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	c, err := dial(ctx, sim.addr)
	if err != nil {
		return err
	}
	defer c.close()
	got, err := c.post("/sandbox/faults", "", fmt.Appendf(nil, `{"fault":"late_notification","times":-1,"delay_ms":%d}`, d.Milliseconds()))
	if err != nil {
		return err
	}
	if got.status >= http.StatusMultipleChoices {
		return fmt.Errorf("delay notifications: %d %s", got.status, got.body)
	}
	return nil
}

// service is the running service under measurement.
type service struct {
	*child
	addr, admin string
	// took is the time from the start of the process to its being ready.
	took time.Duration
}

// startService starts the service, HTTP and workers, and waits until it says that it is ready.
func (s *stack) startService(ctx context.Context, simulatorAddr string) (*service, error) {
	svc := &service{}
	var err error
	if svc.addr, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if svc.admin, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	if svc.child, err = startChild(ctx, s.dir, "service", s.binary, s.environment(svc, simulatorAddr), "serve"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("the service was not ready in time"))
	defer cancel()
	if err := svc.await(ctx, time.Millisecond, svc.isReady); err != nil {
		return nil, errors.Join(err, svc.stop())
	}
	svc.took = time.Since(began)
	return svc, nil
}

// environment is the whole configuration of the service: the defaults but for the rate limits and the log level.
func (s *stack) environment(svc *service, simulatorAddr string) []string {
	return []string{
		"DATABASE_URL=" + s.pg.URL(),
		"REDIS_URL=" + s.redis.URL(),
		"LISTEN_ADDR=" + svc.addr,
		"ADMIN_ADDR=" + svc.admin,
		"PUBLIC_URL=http://" + svc.addr,
		"RETURN_URL_ALLOWLIST=https://shop.example",
		"API_KEYS=storefront:" + apiKey,
		"DATA_KEY=" + s.dataKey,
		"RETURN_SECRET=" + s.dataKey,
		"ONERWAY_BASE_URL=http://" + simulatorAddr,
		"ONERWAY_MERCHANT_NO=" + sandbox.DefaultMerchantNo,
		"ONERWAY_APP_ID=" + sandbox.DefaultAppID,
		"ONERWAY_SECRET_KEY=" + sandbox.DefaultSecretKey,
		"RATE_LIMIT=" + unlimited,
		"ONERWAY_RATE_LIMIT=" + unlimited,
		"LOG_LEVEL=warn",
	}
}

// isReady asks /readyz once. The request has a client of its own: a kept connection would be one that waits for nothing.
func (svc *service) isReady(ctx context.Context) error {
	if err := dialable(svc.addr)(ctx); err != nil {
		return err // quicker to refuse than an HTTP client
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+svc.addr+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := (&http.Client{Timeout: time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz answers %s", response.Status)
	}
	return nil
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
