package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	defaultDatabase       = "tillway"
	defaultMaxConnections = 300
	startTimeout          = time.Minute // usually one second, but a busy machine is slow
)

// PostgresOptions says what server to start; the zero value is one for tests.
type PostgresOptions struct {
	// Dir keeps the data between runs; empty means a temporary directory.
	Dir string
	// Durable keeps fsync on, as production does. Without it a crash of the
	// machine may lose the data, which tests do not mind.
	Durable bool
	// Database is created unless it exists; default "tillway".
	Database string
	// MaxConnections defaults to 300, since test processes share one server.
	MaxConnections int
	// Settings are further server settings, such as "log_statement": "all".
	Settings map[string]string
}

// Postgres is a running private server. Its superuser is "postgres".
type Postgres struct {
	ws       *workspace
	process  *process
	database string
	binDir   string
}

// StartPostgres starts a private server and waits until it answers. The error
// is ErrNotInstalled without its programs, ErrInUse when Dir is taken.
func StartPostgres(ctx context.Context, opts PostgresOptions) (_ *Postgres, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errors.New("PostgreSQL was not ready in time"))
	defer cancel()
	if opts.Database == "" {
		opts.Database = defaultDatabase
	}
	if !PostgresInstalled() {
		return nil, notInstalled("PostgreSQL", "postgresql", "postgresql@17")
	}
	ws, err := newWorkspace(ctx, "pg", opts.Dir)
	if err != nil {
		return nil, err
	}
	pg := &Postgres{ws: ws, database: opts.Database}
	defer func() {
		if err != nil {
			err = errors.Join(err, pg.Stop(context.WithoutCancel(ctx)))
		}
	}()
	pg.binDir, err = findPostgres(ctx, pg.dataDir())
	if err != nil {
		return nil, err
	}
	if err := pg.prepare(ctx, pg.binDir); err != nil {
		return nil, err
	}
	pg.process, err = ws.start(ctx, command{
		path: filepath.Join(pg.binDir, "postgres"), args: pg.args(opts),
		log:  filepath.Join(ws.private, "postgres.log"),
		stop: syscall.SIGINT, orphaned: orphanSignal(opts),
	})
	if err != nil {
		return nil, err
	}
	if err := pg.process.waitReady(ctx, pg.ping); err != nil {
		return nil, err
	}
	return pg, pg.createDatabase(ctx)
}

// orphanSignal: data that is kept deserves a clean end, other data none.
func orphanSignal(opts PostgresOptions) string {
	if opts.Dir != "" {
		return "INT"
	}
	return "QUIT"
}

func (pg *Postgres) dataDir() string { return filepath.Join(pg.ws.data, "data") }

// prepare makes the data directory fit to be opened.
func (pg *Postgres) prepare(ctx context.Context, binDir string) error {
	if _, err := os.Stat(pg.dataDir()); err == nil {
		return recoverPostgres(ctx, pg.dataDir())
	}
	// Built beside and renamed: a run killed in the middle leaves no half of it.
	building := filepath.Join(pg.ws.data, "building")
	if err := os.RemoveAll(building); err != nil {
		return fmt.Errorf("clear %s: %w", building, err)
	}
	args := append(localeArgs(), "--no-sync", "--no-instructions", "--auth=trust", "--username=postgres", "--pgdata="+building)
	if out, err := pg.ws.exec(ctx, filepath.Join(binDir, "initdb"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("create the database cluster: %w: %s", err, out)
	}
	if err := os.Rename(building, pg.dataDir()); err != nil {
		return fmt.Errorf("create the database cluster: %w", err)
	}
	return nil
}

// localeArgs sort by code point everywhere, with Unicode letters known to
// lower() and ILIKE. macOS has no C.UTF-8 to say so in one word.
func localeArgs() []string {
	if runtime.GOOS == "darwin" {
		return []string{"--encoding=UTF8", "--locale=C", "--lc-ctype=en_US.UTF-8"}
	}
	return []string{"--encoding=UTF8", "--locale=C.UTF-8"}
}

func (pg *Postgres) args(opts PostgresOptions) []string {
	maxConnections := opts.MaxConnections
	if maxConnections == 0 {
		maxConnections = defaultMaxConnections
	}
	settings := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": pg.ws.private,
		"max_connections":         strconv.Itoa(maxConnections),
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"max_wal_size":            "1GB",
	}
	if !opts.Durable {
		maps.Copy(settings, map[string]string{
			"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
			"wal_level": "minimal", "max_wal_senders": "0",
		})
	}
	maps.Copy(settings, opts.Settings)
	args := []string{"-D", pg.dataDir()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

func (pg *Postgres) ping(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, pg.urlOf("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func (pg *Postgres) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, pg.urlOf("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", pg.database, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", pg.database).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{pg.database}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", pg.database, err)
	}
	return nil
}

// URL is the connection string of the database, for pgx and for libpq's tools.
func (pg *Postgres) URL() string { return pg.urlOf(pg.database) }

func (pg *Postgres) urlOf(database string) string {
	query := url.Values{"host": {pg.ws.private}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres:///" + url.PathEscape(database) + "?" + query.Encode()
}

// Program returns the path of a program that came with the server's, such as
// pgbench; the error is ErrNotInstalled without it.
func (pg *Postgres) Program(name string) (string, error) {
	// PATH may hold a link to the server alone; what came with it is where the link leads.
	server, err := filepath.EvalSymlinks(filepath.Join(pg.binDir, "postgres"))
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	for _, dir := range []string{pg.binDir, filepath.Dir(server)} {
		if path := filepath.Join(dir, name); isExecutable(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s, looked for in %s, is %w", name, filepath.Dir(server), ErrNotInstalled)
}

// PID is the process id of the server.
func (pg *Postgres) PID() int { return pg.process.pid }

// Wait waits until the server ends, which it should not by itself, and tells how it did; or until ctx ends, whose error it returns.
func (pg *Postgres) Wait(ctx context.Context) error { return pg.process.wait(ctx) }

// Stop disconnects the clients, ends the server in order and removes what is
// not kept. It may be called again. When ctx ends first, the server is killed.
func (pg *Postgres) Stop(ctx context.Context) error {
	var err error
	if pg.process != nil {
		err = pg.process.end(ctx, pg.process.stop)
	}
	return errors.Join(err, pg.ws.close())
}
