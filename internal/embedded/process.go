package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	pollInterval = 20 * time.Millisecond
	probeTimeout = 2 * time.Second // of one probe: another server on our port may never answer
	logTail      = 2000
)

// command says what to run and how it wants to be ended.
type command struct {
	path     string
	args     []string
	log      string         // file that takes its output
	stop     syscall.Signal // asks for an orderly end
	orphaned string         // signal of the watcher when we died
}

// process is a running server.
type process struct {
	command
	pid  int
	done chan struct{} // closed when it ended
	err  error         // how it ended; read after done
}

// start runs the command inside the workspace, guarded by its watcher.
func (ws *workspace) start(ctx context.Context, c command) (*process, error) {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", c.path, err)
	}
	defer log.Close()
	cmd := ws.exec(context.WithoutCancel(ctx), c.path, c.args...)
	// A file, not a pipe: `go test` waits for every holder of its own output.
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.path, err)
	}
	p := &process{command: c, pid: cmd.Process.Pid, done: make(chan struct{})}
	guardErr := ws.watcher.guard(p.pid, c.orphaned)
	go func() { // ends with the server; stop and failed wait for it
		p.err = cmd.Wait()
		ws.watcher.release()
		close(p.done)
	}()
	if guardErr != nil {
		return nil, errors.Join(guardErr, p.end(context.WithoutCancel(ctx), syscall.SIGKILL))
	}
	return p, nil
}

// exec prepares a child of the workspace's account with an environment that
// holds nothing of ours: PGPORT or PGDATA of the caller must not leak in.
func (ws *workspace) exec(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = ws.private
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + ws.private, "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = ws.account.attr()
	return cmd
}

// waitReady polls probe until it succeeds. A server that ended, or a context
// that did, gives up with the tail of the server's log.
func (p *process) waitReady(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := once(ctx, probe)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended while starting: %w: %s", p.path, p.exit(), p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (%w): %w: %s", p.path, err, context.Cause(ctx), p.tail())
		case <-tick.C:
		}
	}
}

func once(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return probe(ctx)
}

// exit is how the ended process went; a server that ends by itself before it
// is ready has failed even with status 0.
func (p *process) exit() error {
	if p.err == nil {
		return errors.New("exit status 0")
	}
	return p.err
}

// wait waits until the process ends, and tells how; or until ctx does.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return fmt.Errorf("%w: %s", p.exit(), p.tail())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end signals the process and waits for it; when ctx ends first, it is killed.
func (p *process) end(ctx context.Context, signal syscall.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := syscall.Kill(p.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop %s (pid %d): %w", p.path, p.pid, err)
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	_ = syscall.Kill(p.pid, syscall.SIGKILL)
	<-p.done
	return fmt.Errorf("stop %s: killed, it did not end in time: %w", p.path, context.Cause(ctx))
}

func (p *process) tail() string {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return "no log"
	}
	if len(raw) > logTail {
		raw = raw[len(raw)-logTail:]
	}
	return strings.TrimSpace(string(raw))
}
