package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	stopPatience = 20 * time.Second
	logTail      = 2000
)

// child is a process of the run: the service or the simulator.
type child struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // how it ended; read after done
}

// startChild starts a program with nothing but the given environment. Its output goes to a file of the run's directory.
func startChild(ctx context.Context, dir, name, path string, env []string, args ...string) (*child, error) {
	logFile := filepath.Join(dir, name+".log")
	output, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // in our own directory
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer output.Close()
	c := &child{name: name, log: logFile, done: make(chan struct{})}
	c.cmd = exec.CommandContext(context.WithoutCancel(ctx), path, args...) //nolint:gosec // the binary under measurement
	c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = env, output, output
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { // ends with the process; stop waits for it
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop asks the process to end and waits; one that does not end in time is killed.
func (c *child) stop() error {
	if c == nil {
		return nil
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		_ = c.cmd.Process.Kill()
		<-c.done
		return fmt.Errorf("%s did not end in %s and was killed: %s", c.name, stopPatience, c.tail())
	}
	if c.err != nil {
		return fmt.Errorf("%s ended badly: %w: %s", c.name, c.err, c.tail())
	}
	return nil
}

// await polls until check succeeds, every interval. It gives up when the process ends or ctx does.
func (c *child) await(ctx context.Context, interval time.Duration, check func(context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.done:
			return fmt.Errorf("%s ended while it started: %w: %s", c.name, errors.Join(c.err, err), c.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w: %s", c.name, context.Cause(ctx), err, c.tail())
		case <-tick.C:
		}
	}
}

func (c *child) tail() string {
	raw, err := os.ReadFile(c.log)
	if err != nil {
		return "no log"
	}
	return strings.TrimSpace(string(raw[max(0, len(raw)-logTail):]))
}

// dialable checks that something accepts connections on the address.
func dialable(addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// freeAddress returns a loopback address that nobody listens on right now.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	addr := listener.Addr().String()
	return addr, listener.Close()
}

// build compiles cmd/server into the run's directory, static as it is shipped: that is smaller in memory.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "server")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", path, "tillway/cmd/server") //nolint:gosec // our own directory
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build cmd/server: %w: %s", err, out)
	}
	return path, nil
}
