// Command testenv runs a command with one PostgreSQL and one Redis for all of
// its test processes, and returns the command's exit code:
//
//	go run ./internal/embedded/testenv -- go test ./...
//
// It sets TEST_DATABASE_URL and TEST_REDIS_URL, and leaves either alone that is
// set already. Sharing spares each package's test process the start of its own
// servers and the migration of its own template.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"tillway/internal/embedded"
	"tillway/internal/embedded/containers"
)

const (
	stopTimeout = 20 * time.Second
	// What a shell answers when it cannot run a command.
	exitCannotRun = 126
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: testenv -- command [argument ...]")
		os.Exit(2)
	}
	code, err := run(context.Background(), args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
	}
	os.Exit(code)
}

// server is what a started server is known by here.
type server interface {
	URL() string
	Stop(ctx context.Context) error
}

func run(ctx context.Context, args []string) (code int, err error) {
	// Ctrl-C reaches the command too, being in our process group; we stay until
	// it ended. SIGTERM reaches us alone and is passed on.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	env := os.Environ()
	for _, service := range []struct {
		variable string
		start    func(context.Context) (server, error)
	}{
		{"TEST_DATABASE_URL", startPostgres},
		{"TEST_REDIS_URL", startRedis},
	} {
		if os.Getenv(service.variable) != "" {
			continue
		}
		started, err := service.start(ctx)
		if err != nil {
			return exitCannotRun, err
		}
		defer func() { err = errors.Join(err, stop(ctx, started)) }()
		env = append(env, service.variable+"="+started.URL())
	}
	return runCommand(ctx, args, env, signals, os.Stdout)
}

func runCommand(ctx context.Context, args, env []string, signals <-chan os.Signal, stdout io.Writer) (int, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // running its arguments is its purpose
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return exitCannotRun, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // received below, whatever happens
	for {
		select {
		case sig := <-signals:
			if sig == syscall.SIGTERM {
				_ = cmd.Process.Signal(sig) // it may have ended by now
			}
		case err := <-ended:
			if _, failed := errors.AsType[*exec.ExitError](err); failed {
				return exitCode(cmd.ProcessState), nil
			}
			return cmd.ProcessState.ExitCode(), err
		}
	}
}

// exitCode is the shell's: 128 and the signal for a command that one ended.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

func stop(ctx context.Context, s server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, errors.New("it did not stop in time"))
	defer cancel()
	return s.Stop(ctx)
}

func startPostgres(ctx context.Context) (server, error) {
	return start(
		func() (server, error) { return embedded.StartPostgres(ctx, embedded.PostgresOptions{}) },
		func() (server, error) { return containers.StartPostgres(ctx, os.Getenv("TILLWAY_TEST_POSTGRES_IMAGE")) },
	)
}

func startRedis(ctx context.Context) (server, error) {
	return start(
		func() (server, error) { return embedded.StartRedis(ctx, embedded.RedisOptions{}) },
		func() (server, error) { return containers.StartRedis(ctx, os.Getenv("TILLWAY_TEST_REDIS_IMAGE")) },
	)
}

// start prefers the installed program, unless containers are asked for.
func start(installed, contained func() (server, error)) (server, error) {
	if os.Getenv("TILLWAY_TEST_CONTAINERS") == "1" {
		return contained()
	}
	s, err := installed()
	if !errors.Is(err, embedded.ErrNotInstalled) {
		return s, err
	}
	s, dockerErr := contained()
	if dockerErr != nil {
		return nil, fmt.Errorf("%w (or start Docker: %w)", err, dockerErr)
	}
	return s, nil
}
