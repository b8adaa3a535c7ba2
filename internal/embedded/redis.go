package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

const (
	redisDatabases = 1024
	// Ports below the range that systems give to outgoing connections, so a
	// server that is stopped for a moment finds its port free again.
	portFloor, portCount = 20000, 12000
	portAttempts         = 20
)

// RedisOptions says what server to start; the zero value is one for tests.
type RedisOptions struct {
	// Dir keeps the data between runs; empty means memory only.
	Dir string
	// Port on the loopback interface; 0 means a free one.
	Port int
}

// Redis is a running private server.
type Redis struct {
	ws      *workspace
	process *process
	port    int
}

// StartRedis starts a private server and waits until it answers. The error is
// ErrNotInstalled without its program, ErrInUse when Dir is taken.
func StartRedis(ctx context.Context, opts RedisOptions) (_ *Redis, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errors.New("redis was not ready in time"))
	defer cancel()
	dirs := findDirs("redis-server")
	if len(dirs) == 0 {
		return nil, notInstalled("Redis", "redis-server", "redis")
	}
	ws, err := newWorkspace(ctx, "redis", opts.Dir)
	if err != nil {
		return nil, err
	}
	r := &Redis{ws: ws}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := recoverRedis(ctx, r.pidFile()); err != nil {
		return nil, err
	}
	return r, r.startOnFreePort(ctx, filepath.Join(dirs[0], "redis-server"), opts)
}

// startOnFreePort tries again when somebody took the port between our look and
// the server's bind.
func (r *Redis) startOnFreePort(ctx context.Context, path string, opts RedisOptions) error {
	var last error
	for range portAttempts {
		r.port = opts.Port
		if opts.Port == 0 {
			port, err := freePort(ctx)
			if err != nil {
				return err
			}
			r.port = port
		}
		process, err := r.ws.start(ctx, command{
			path: path, args: r.args(opts),
			log:  filepath.Join(r.ws.private, "redis.log"),
			stop: syscall.SIGTERM, orphaned: "TERM",
		})
		if err != nil {
			return err
		}
		r.process = process
		last = process.waitReady(ctx, r.ping)
		if last == nil {
			return r.writePID()
		}
		if opts.Port != 0 || !strings.Contains(last.Error(), "Address already in use") {
			return last
		}
	}
	return last
}

func (r *Redis) args(opts RedisOptions) []string {
	appendOnly := "no"
	if opts.Dir != "" {
		appendOnly = "yes"
	}
	return []string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--dir", r.ws.data,
		"--save", "", "--appendonly", appendOnly, "--databases", strconv.Itoa(redisDatabases),
	}
}

// ping also asks the server who it is: whoever else holds our port answers too.
// It dials first, since the client writes its failures to standard error.
func (r *Redis) ping(ctx context.Context) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", r.addr())
	if err != nil {
		return err
	}
	_ = conn.Close()
	client := redis.NewClient(&redis.Options{Addr: r.addr(), MaxRetries: -1})
	defer client.Close()
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	if !strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", r.process.pid)) {
		return errors.New("another server answers on the port")
	}
	return nil
}

// freePort returns a loopback port that nobody listens on.
func freePort(ctx context.Context) (int, error) {
	var listen net.ListenConfig
	var last error
	for range portAttempts {
		port := portFloor + rand.IntN(portCount) //nolint:gosec // a port to try, not a secret
		l, err := listen.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}

// The pid file is ours, with the port that the server shows in its title:
// only both together name a leftover server of this directory.
func (r *Redis) pidFile() string { return filepath.Join(r.ws.data, "redis.pid") }

func (r *Redis) writePID() error {
	text := fmt.Sprintf("%d\n127.0.0.1:%d\n", r.process.pid, r.port)
	if err := os.WriteFile(r.pidFile(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", r.pidFile(), err)
	}
	return nil
}

// recoverRedis ends a server that an earlier run left on the directory.
func recoverRedis(ctx context.Context, pidFile string) error {
	pid, err := readPID(pidFile)
	if err != nil || pid == 0 {
		return err
	}
	raw, err := os.ReadFile(pidFile)
	if err != nil {
		return fmt.Errorf("read %s: %w", pidFile, err)
	}
	_, addr, _ := strings.Cut(strings.TrimSpace(string(raw)), "\n")
	line := commandLine(ctx, pid)
	if addr == "" || !strings.Contains(line, "redis-server") || !strings.Contains(line, addr) {
		return nil
	}
	return endLeftover(ctx, pid, syscall.SIGTERM)
}

func (r *Redis) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// URL is the connection string of database 0.
func (r *Redis) URL() string { return "redis://" + r.addr() + "/0" }

// Port is the loopback port of the server.
func (r *Redis) Port() int { return r.port }

// PID is the process id of the server.
func (r *Redis) PID() int { return r.process.pid }

// Wait waits until the server ends, which it should not by itself, and tells how it did; or until ctx ends, whose error it returns.
func (r *Redis) Wait(ctx context.Context) error { return r.process.wait(ctx) }

// Stop ends the server in order and removes what is not kept. It may be called
// again. When ctx ends first, the server is killed.
func (r *Redis) Stop(ctx context.Context) error {
	var err error
	if r.process != nil {
		err = r.process.end(ctx, r.process.stop)
	}
	return errors.Join(err, r.ws.close())
}
