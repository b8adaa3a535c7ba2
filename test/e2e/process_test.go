package e2e

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	startPatience = 30 * time.Second
	stopPatience  = 30 * time.Second
	pollEvery     = 10 * time.Millisecond
	logTail       = 20_000
)

// process is one run of the program under test.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it ended
	err  error         // how it ended; read after done
}

// inspect looks at what a process logged, once it has ended.
type inspect func(name string, logged []byte)

// launch starts the program. It is killed with the test; its log is inspected then, and shown if the test failed.
func launch(t *testing.T, name string, look inspect, env []string, args ...string) *process {
	t.Helper()
	guard, err := watcher()
	require.NoError(t, err)
	p := &process{name: name, log: filepath.Join(t.TempDir(), name+".log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	require.NoError(t, err)
	defer log.Close()
	p.cmd = exec.Command(serverBinary(t), args...)
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC", "GORACE=halt_on_error=0 exitcode=66"}, env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, p.cmd.Start())
	require.NoError(t, guard.tell("watch", p.cmd.Process.Pid))
	go func() { // ends with the process; the cleanup waits for it
		p.err = p.cmd.Wait()
		_ = guard.tell("forget", p.cmd.Process.Pid)
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill(t)
		logged := p.logged(t)
		look(name, logged)
		if bytes.Contains(logged, []byte("WARNING: DATA RACE")) {
			t.Errorf("the race detector speaks in the log of %s", name)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, tail(logged))
		}
	})
	return p
}

// tail is the end of a log, without the reads: a test that waits makes hundreds of them.
func tail(logged []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(logged) {
		if !bytes.Contains(line, []byte(`"method":"GET"`)) {
			kept = append(kept, line...)
		}
	}
	return kept[max(0, len(kept)-logTail):]
}

// ready waits until url answers 200.
func (p *process) ready(t *testing.T, url string) {
	t.Helper()
	eventually(t, startPatience, p.name+" is ready", func() bool {
		select {
		case <-p.done:
			t.Fatalf("%s ended while starting: %v\n%s", p.name, p.err, p.logged(t))
		default:
		}
		answer, err := plainClient.Get(url)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// plainClient asks whether processes are ready, and works the simulator's controls.
var plainClient = &http.Client{
	Timeout:       30 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true}, // the other side is stopped and started in between
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// kill ends the process as a power cut would.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	p.wait(t)
}

// stop ends the process in order and requires that it went well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	require.NoError(t, p.err, "%s must end in order", p.name)
}

// signal reaches the whole group, and is nothing to a process that has ended.
func (p *process) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	select {
	case <-p.done:
		return
	default:
	}
	err := syscall.Kill(-p.cmd.Process.Pid, signal)
	if !errors.Is(err, syscall.ESRCH) {
		require.NoError(t, err)
	}
}

func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(stopPatience):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		t.Errorf("%s did not end", p.name)
		<-p.done
	}
}

// logged is everything that the process wrote.
func (p *process) logged(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile(p.log)
	require.NoError(t, err)
	return content
}

// eventually polls until the fact holds.
func eventually(t *testing.T, patience time.Duration, fact string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, fact)
		}
	}
}

// ports that were given out; two tests must not get the same one.
var ports sync.Map

// freePort returns a loopback port that stays free: below those that the system hands out by itself.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		listener, err := (&net.ListenConfig{}).Listen(context.WithoutCancel(t.Context()), "tcp", "127.0.0.1:"+port)
		if err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}
