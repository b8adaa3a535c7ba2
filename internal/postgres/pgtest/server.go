package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tillway/internal/embedded"
	"tillway/internal/embedded/containers"
	"tillway/migrations"
)

const (
	clonePrefix  = "tillway_test_"
	clonesLast   = time.Hour // older ones were left by a killed run
	startTimeout = 3 * time.Minute
	templateLock = 4_208_131_977 // any number that nobody else locks
	adminConns   = 4
)

// server is a PostgreSQL server with the migrated template on it.
type server struct {
	url      string
	admin    *pgxpool.Pool
	template string
	version  int
}

func startServer(ctx context.Context) (*server, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errors.New("no test database in time"))
	defer cancel()
	url, err := serverURL(ctx)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("parse the test database url: %w", err)
	}
	config.MaxConns = adminConns
	admin, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, fmt.Errorf("open the test server: %w", err)
	}
	s := &server{url: url, admin: admin}
	if err := s.prepare(ctx); err != nil {
		return nil, fmt.Errorf("prepare the test template: %w", err)
	}
	return s, nil
}

// serverURL chooses the server, see the package comment.
func serverURL(ctx context.Context) (string, error) {
	if os.Getenv("TILLWAY_TEST_CONTAINERS") == "1" {
		return containerURL(ctx)
	}
	if url := os.Getenv("TEST_DATABASE_URL"); url != "" {
		return url, nil
	}
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{})
	if err == nil {
		return pg.URL(), nil
	}
	if !errors.Is(err, embedded.ErrNotInstalled) {
		return "", err
	}
	url, dockerErr := containerURL(ctx)
	if dockerErr != nil {
		return "", fmt.Errorf("tests need PostgreSQL: %w (or set TEST_DATABASE_URL, or start Docker: %w)", err, dockerErr)
	}
	return url, nil
}

func containerURL(ctx context.Context) (string, error) {
	pg, err := containers.StartPostgres(ctx, os.Getenv("TILLWAY_TEST_POSTGRES_IMAGE"))
	if err != nil {
		return "", err
	}
	return pg.URL(), nil
}

// prepare makes the template unless it is there. One process does, under a
// lock of the session, while the others wait for it.
func (s *server) prepare(ctx context.Context) error {
	digest, err := migrations.Digest()
	if err != nil {
		return err
	}
	s.template = "tillway_template_" + digest
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&s.version); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(templateLock)); err != nil {
		return err
	}
	err = s.makeTemplate(ctx, conn.Conn())
	_, unlockErr := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(templateLock))
	return errors.Join(err, unlockErr)
}

// makeTemplate migrates under another name and renames: a template that bears
// its name is complete, whenever a run was killed.
func (s *server) makeTemplate(ctx context.Context, conn *pgx.Conn) error {
	var exists bool
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", s.template).Scan(&exists)
	if err != nil || exists {
		return err
	}
	if err := dropLeftovers(ctx, conn, time.Now()); err != nil {
		return err
	}
	building := s.template + "_building"
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + building + " WITH (FORCE)", s.createSQL(building, "template0")} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	url, err := databaseURL(s.url, building)
	if err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, url); err != nil {
		return err
	}
	for _, sql := range []string{
		// A connection to the template, by a curious psql say, would stop every clone.
		"ALTER DATABASE " + building + " ALLOW_CONNECTIONS false",
		"ALTER DATABASE " + building + " RENAME TO " + s.template,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// dropLeftovers removes the databases of runs that were killed on a server
// that lives on.
func dropLeftovers(ctx context.Context, conn *pgx.Conn, now time.Time) error {
	rows, err := conn.Query(ctx, `
		SELECT datname FROM pg_database d
		WHERE starts_with(datname, $1)
		  AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)`, clonePrefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		made, _, _ := strings.Cut(strings.TrimPrefix(name, clonePrefix), "_")
		seconds, err := strconv.ParseInt(made, 10, 64)
		if err != nil || now.Sub(time.Unix(seconds, 0)) < clonesLast {
			continue
		}
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}
