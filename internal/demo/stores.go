package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"tillway/internal/embedded"
	"tillway/internal/embedded/containers"
)

// What the demo keeps in its directory; a downloaded PostgreSQL is another one than the installed one.
const (
	postgresDir   = "postgres"
	redisDir      = "redis"
	downloadedDir = "downloaded"
)

// maxConnections is enough for one service and a person with psql.
const maxConnections = 100

// stopTimeout ends a database that does not end by itself.
const stopTimeout = 30 * time.Second

// store is a database that the demo uses.
type store struct {
	url   string
	where string // for a person to read
	stop  func(context.Context) error
	// wait returns once it has ended, or ctx has; nil where nobody could tell.
	wait func(context.Context) error
}

// openPostgres finds a PostgreSQL: the one that is named, an installed one, Docker's, or one from the internet.
func (d *demo) openPostgres(ctx context.Context) error {
	named, _, err := given(d.Environ)
	if err != nil {
		return err
	}
	begun := time.Now()
	var found store
	switch {
	case named != "":
		found = store{url: named, where: "DATABASE_URL"}
	case embedded.PostgresInstalled():
		found, err = d.installedPostgres(ctx)
	default:
		found, err = d.otherPostgres(ctx)
	}
	if err != nil {
		return err
	}
	d.net.databaseURL = found.url
	d.started(ctx, "PostgreSQL", found, begun)
	return nil
}

// openRedis does the same for Redis, which this process can play itself when it has to.
func (d *demo) openRedis(ctx context.Context) error {
	_, named, err := given(d.Environ)
	if err != nil {
		return err
	}
	begun := time.Now()
	var found store
	switch {
	case named != "":
		found = store{url: named, where: "REDIS_URL"}
	case embedded.RedisInstalled():
		found, err = d.installedRedis(ctx)
	default:
		found, err = d.otherRedis(ctx)
	}
	if err != nil {
		return err
	}
	d.net.redisURL = found.url
	d.started(ctx, "Redis", found, begun)
	return nil
}

// started notes a database that is to be stopped. One of this machine's programs that ends by itself, or is killed, ends the demo:
// what is left would refuse everything.
func (d *demo) started(ctx context.Context, name string, s store, begun time.Time) {
	if s.stop != nil {
		d.running.push(name, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, errors.New("it did not end in time"))
			defer cancel()
			return s.stop(ctx)
		})
	}
	if s.wait != nil {
		d.run(ctx, name, s.wait)
	}
	d.out.part(name, "%s, ready in %s", s.where, brief(time.Since(begun)))
}

func (d *demo) installedPostgres(ctx context.Context) (store, error) {
	server, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{
		Dir: d.path(postgresDir), Durable: true, MaxConnections: maxConnections,
	})
	if err != nil {
		return store{}, d.inUse(err)
	}
	return store{server.URL(), "this machine's programs, data in " + d.path(postgresDir), server.Stop, server.Wait}, nil
}

func (d *demo) installedRedis(ctx context.Context) (store, error) {
	server, err := embedded.StartRedis(ctx, embedded.RedisOptions{Dir: d.path(redisDir)})
	if err != nil {
		return store{}, d.inUse(err)
	}
	return store{server.URL(), "this machine's programs, data in " + d.path(redisDir), server.Stop, server.Wait}, nil
}

func (d *demo) inUse(err error) error {
	if errors.Is(err, embedded.ErrInUse) {
		return fmt.Errorf("another demo runs on %s: end it, or choose another directory with --dir (%w)", d.Dir, err)
	}
	return err
}

// notKept is what a person should know about a container's data.
const notKept = "a container in Docker; its data goes when the demo ends"

func (d *demo) otherPostgres(ctx context.Context) (store, error) {
	d.out.part("PostgreSQL", "not installed; trying Docker, which may have to fetch an image")
	d.quietDocker()
	server, dockerErr := containers.StartPostgres(ctx, d.Environ["TILLWAY_TEST_POSTGRES_IMAGE"])
	if dockerErr == nil {
		d.forgets = true
		return store{server.URL(), notKept, server.Stop, nil}, nil
	}
	if ctx.Err() != nil {
		return store{}, context.Cause(ctx)
	}
	_, missing := embedded.StartPostgres(ctx, embedded.PostgresOptions{}) // names the command that installs it
	if os.Geteuid() == 0 {
		// The downloaded one does not change its user, and PostgreSQL refuses to be root.
		return store{}, fmt.Errorf("%w\n(or start Docker: %w)", missing, dockerErr)
	}
	d.out.part("", "no Docker either; taking one from the internet, which is kept")
	found, err := d.downloadedPostgres(ctx)
	if err != nil {
		return store{}, fmt.Errorf("%w\n(or start Docker: %w)\n(the download: %w)", missing, dockerErr, err)
	}
	return found, nil
}

// quietDocker keeps the terminal readable.
func (d *demo) quietDocker() {
	log := d.logger("docker")
	containers.LogTo(func(line string) { log.Info("container", slog.String("said", line)) })
}

func (d *demo) otherRedis(ctx context.Context) (store, error) {
	d.out.part("Redis", "not installed; trying Docker, which may have to fetch an image")
	d.quietDocker()
	server, err := containers.StartRedis(ctx, d.Environ["TILLWAY_TEST_REDIS_IMAGE"])
	if err == nil {
		return store{server.URL(), notKept, server.Stop, nil}, nil
	}
	if ctx.Err() != nil {
		return store{}, context.Cause(ctx)
	}
	return d.playedRedis(ctx)
}
