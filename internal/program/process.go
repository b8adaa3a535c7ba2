package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	// Name is for messages, Path the program, Log the file that takes its output; it is appended to.
	Name, Path, Log string
	// Env is the whole environment.
	Env  []string
	Args []string
}

// Process is one run of a program.
type Process struct {
	spec Spec
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; read after done
}

// Start starts a program.
func Start(spec Spec) (*Process, error) {
	guard, err := watcher()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", spec.Name, err)
	}
	defer log.Close()
	p := &Process{spec: spec, done: make(chan struct{})}
	p.cmd = exec.Command(spec.Path, spec.Args...) //nolint:gosec,noctx // ended by signals, and by the watcher
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = spec.Env, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	told := guard.tell("watch", p.PID())
	go func() { // ends with the process; Done tells
		p.err = p.cmd.Wait()
		_ = guard.tell("forget", p.PID())
		close(p.done)
	}()
	if told != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", spec.Name, told), p.Kill())
	}
	return p, nil
}

// Name is the name of the Spec.
func (p *Process) Name() string { return p.spec.Name }

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Alive tells whether the process has not ended.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Err is how the process ended, nil for an orderly end; it must not be asked before Done.
func (p *Process) Err() error { return p.err }

// Killed tells of a process that has ended whether SIGKILL ended it.
func (p *Process) Killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Signal reaches the whole group, and is nothing to a process that has ended.
func (p *Process) Signal(signal syscall.Signal) error {
	if !p.Alive() {
		return nil
	}
	if err := syscall.Kill(-p.PID(), signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s: %w", p.spec.Name, err)
	}
	return nil
}

// Kill ends the process as a power cut would, and waits for it.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Wait waits for the end; a process that has not ended after patience is killed, and that is an error.
func (p *Process) Wait(patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("%s did not end in %s", p.spec.Name, patience), p.Kill())
	}
}

// Await polls until check succeeds. It gives up when the process ends or ctx does.
func (p *Process) Await(ctx context.Context, every time.Duration, check func(context.Context) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w", p.spec.Name, errors.Join(p.err, err))
		case <-ctx.Done():
			return fmt.Errorf("await %s: %w: %w", p.spec.Name, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// Logged is everything that was written to the log so far.
func (p *Process) Logged() ([]byte, error) {
	content, err := os.ReadFile(p.spec.Log)
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", p.spec.Name, err)
	}
	return content, nil
}
