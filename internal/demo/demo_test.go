package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"tillway/internal/config"
	"tillway/internal/embedded"
	"tillway/internal/postgres/pgtest"
)

// setup is a demo on a database of its own with a Redis that is not there: what runs is the test's to say.
func setup(t *testing.T) (Options, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	opts := anywhere()
	opts.Dir, opts.Out = t.TempDir(), out
	opts.Environ = map[string]string{"DATABASE_URL": pgtest.URL(t), "REDIS_URL": "redis://127.0.0.1:1/0"}
	return opts, out
}

// requireStopped fails while somebody listens on the address.
func requireStopped(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Timeout: time.Second}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	_, err = client.Do(request)
	require.Error(t, err)
}

func TestRun_FailsWithTheServiceAndStopsTheRest(t *testing.T) {
	t.Parallel()
	opts, _ := setup(t)
	var simulator string
	opts.Serve = func(_ context.Context, cfg config.Config, _ io.Writer, _ func()) error {
		simulator = cfg.OnerwayBaseURL.String()
		return errors.New("no luck today")
	}

	err := Run(t.Context(), opts)

	require.ErrorContains(t, err, "the service ended: no luck today")
	requireStopped(t, simulator)
}

func TestRun_ShowsTheAnswerThatItDidNotExpect(t *testing.T) {
	t.Parallel()
	opts, _ := setup(t)
	opts.Serve = func(ctx context.Context, cfg config.Config, _ io.Writer, ready func()) error {
		return serveFake(ctx, cfg, ready, http.StatusInternalServerError, `{"error":{"code":"internal"}}`)
	}

	err := Run(t.Context(), opts)

	require.ErrorContains(t, err, `POST /v1/orders answered 500 Internal Server Error: {"error":{"code":"internal"}}`)
}

func TestRun_EndsInOrderWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	opts, out := setup(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var simulatorThere bool
	opts.Serve = func(ctx context.Context, cfg config.Config, _ io.Writer, ready func()) error {
		interrupt() // before anybody may call: nothing listens here
		ready()
		<-ctx.Done()
		request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, cfg.OnerwayBaseURL.String(), nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		simulatorThere = true
		return response.Body.Close()
	}

	require.NoError(t, Run(ctx, opts))

	require.True(t, simulatorThere, "the service drains while the provider is still there")
	require.Contains(t, out.String(), "Stopped.")
}

// serveFake answers everything alike, at the service's address.
func serveFake(ctx context.Context, cfg config.Config, ready func(), status int, body string) error {
	claimed, err := claim(ctx, Address{Value: cfg.ListenAddr.String(), Fixed: true})
	if err != nil {
		return err
	}
	ready()
	return serveHTTP(ctx, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}), claimed.listener)
}

func TestStack_StopsTheNewestFirstWhateverFails(t *testing.T) {
	t.Parallel()
	var (
		s       stack
		stopped []string
	)
	for _, name := range []string{"database", "simulator", "service"} {
		s.push(name, func(context.Context) error {
			stopped = append(stopped, name)
			return errors.New("stuck")
		})
	}

	err := s.stop(t.Context())

	require.Equal(t, []string{"service", "simulator", "database"}, stopped)
	require.ErrorContains(t, err, "stop database: stuck")
}

func TestPlayedRedis_LetsKeysExpire(t *testing.T) {
	t.Parallel()
	d := &demo{fail: func(err error) { t.Error(err) }}
	t.Cleanup(func() { require.NoError(t, d.running.stop(context.WithoutCancel(t.Context()))) })
	played, err := d.playedRedis(t.Context())
	require.NoError(t, err)
	options, err := redis.ParseURL(played.url)
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })

	require.NoError(t, client.Set(t.Context(), "k", "v", 500*time.Millisecond).Err())

	require.Eventually(t, func() bool { return errors.Is(client.Get(t.Context(), "k").Err(), redis.Nil) },
		10*time.Second, 50*time.Millisecond)
}

func TestReset_ForgetsTheDemoAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"postgres/data/PG_VERSION", "redis/appendonly.aof", secretsName, logName, "bin/server"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	}

	require.NoError(t, Reset(dir))
	require.NoError(t, Reset(dir), "twice is as good")

	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "bin", left[0].Name())
}

func TestReset_RefusesWhileADemoRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := embedded.StartRedis(t.Context(), embedded.RedisOptions{Dir: filepath.Join(dir, redisDir)})
	require.NoError(t, err)
	stop := func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) }
	t.Cleanup(stop)

	require.ErrorContains(t, Reset(dir), "end it first")

	stop()
	require.NoError(t, Reset(dir), "its data may be kept elsewhere than in the directory, and goes all the same")
}

// A demo without its database would go on refusing everything.
func TestRun_EndsWithADatabaseThatIsKilled(t *testing.T) {
	t.Parallel()
	opts, _ := setup(t)
	delete(opts.Environ, "DATABASE_URL")
	t.Cleanup(func() { require.NoError(t, Reset(opts.Dir)) })
	var simulator string
	opts.Serve = func(ctx context.Context, cfg config.Config, _ io.Writer, _ func()) error {
		simulator = cfg.OnerwayBaseURL.String()
		conn, err := pgx.Connect(ctx, cfg.DatabaseURL.Reveal())
		if err != nil {
			return err
		}
		var pid int
		if err := conn.QueryRow(ctx, `SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int`).Scan(&pid); err != nil {
			return err
		}
		_ = conn.Close(ctx)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
		<-ctx.Done() // the service itself waits for its database to come back
		return ctx.Err()
	}

	err := Run(t.Context(), opts)

	require.ErrorContains(t, err, "PostgreSQL ended: signal: killed")
	requireStopped(t, simulator)
}
