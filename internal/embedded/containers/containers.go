// Package containers starts PostgreSQL and Redis in Docker through
// testcontainers, for machines that have neither installed. It is a package of
// its own so that only what needs Docker's client links it.
package containers

import (
	"context"
	"fmt"
	"strconv"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
	"github.com/testcontainers/testcontainers-go/modules/redis"
)

// The images that run when none is named.
const (
	DefaultPostgresImage = "postgres:17-alpine"
	DefaultRedisImage    = "redis:7-alpine"
)

const redisPort = "6379/tcp"

// Server is a running container. Its reaper removes it when this process dies.
type Server struct {
	docker testcontainers.Container
	url    string
}

// LogTo hands what testcontainers says about its work to say, line by line,
// instead of writing it to standard error. It holds for the whole process.
func LogTo(say func(line string)) { tclog.SetDefault(logger(say)) }

type logger func(string)

// Printf is testcontainers' idea of a logger.
func (l logger) Printf(format string, args ...any) { l(fmt.Sprintf(format, args...)) }

// StartPostgres runs PostgreSQL in a container; an empty image means the
// default. The data lasts as long as the container.
func StartPostgres(ctx context.Context, image string) (*Server, error) {
	if image == "" {
		image = DefaultPostgresImage
	}
	server, err := postgres.Run(ctx, image,
		postgres.WithDatabase("tillway"), postgres.WithUsername("postgres"), postgres.WithPassword("postgres"),
		postgres.BasicWaitStrategies(),
		testcontainers.WithCmd("postgres", "-c", "fsync=off", "-c", "synchronous_commit=off",
			"-c", "full_page_writes=off", "-c", "max_connections=300", "-c", "timezone=UTC"))
	if err != nil {
		return nil, fmt.Errorf("run PostgreSQL in a container: %w", abandon(ctx, server, err))
	}
	url, err := server.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return nil, fmt.Errorf("address PostgreSQL in its container: %w", abandon(ctx, server, err))
	}
	return &Server{docker: server, url: url}, nil
}

// StartRedis runs Redis in a container; an empty image means the default.
func StartRedis(ctx context.Context, image string) (*Server, error) {
	server, _, err := StartRedisOnPort(ctx, image, 0)
	return server, err
}

// StartRedisOnPort runs Redis on a port of this machine, which it returns: a
// test that stops its server wants the next one in the same place. Port 0
// means a free one.
func StartRedisOnPort(ctx context.Context, image string, port int) (*Server, int, error) {
	if image == "" {
		image = DefaultRedisImage
	}
	server, err := redis.Run(ctx, image,
		testcontainers.WithCmd("redis-server", "--save", "", "--appendonly", "no", "--databases", "1024"),
		publish(port))
	if err != nil {
		return nil, 0, fmt.Errorf("run Redis in a container: %w", abandon(ctx, server, err))
	}
	url, err := server.ConnectionString(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("address Redis in its container: %w", abandon(ctx, server, err))
	}
	mapped, err := server.MappedPort(ctx, redisPort)
	if err != nil {
		return nil, 0, fmt.Errorf("address Redis in its container: %w", abandon(ctx, server, err))
	}
	return &Server{docker: server, url: url}, int(mapped.Num()), nil
}

// publish puts Redis's port on a fixed port of this machine.
func publish(port int) testcontainers.CustomizeRequestOption {
	return testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
		if port != 0 {
			host.PortBindings = network.PortMap{
				network.MustParsePort(redisPort): {{HostPort: strconv.Itoa(port)}},
			}
		}
	})
}

// abandon removes a container that did not come up, keeping the reason.
func abandon(ctx context.Context, docker testcontainers.Container, err error) error {
	if stop := testcontainers.TerminateContainer(docker, testcontainers.StopContext(context.WithoutCancel(ctx))); stop != nil {
		return fmt.Errorf("%w (and its container stays: %w)", err, stop)
	}
	return err
}

// URL is the connection string.
func (s *Server) URL() string { return s.url }

// Stop removes the container.
func (s *Server) Stop(ctx context.Context) error {
	if err := testcontainers.TerminateContainer(s.docker, testcontainers.StopContext(ctx)); err != nil {
		return fmt.Errorf("remove the container: %w", err)
	}
	return nil
}
