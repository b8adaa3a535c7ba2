package e2e

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/program"
)

const (
	startPatience = 30 * time.Second
	stopPatience  = 30 * time.Second
	pollEvery     = 10 * time.Millisecond
	logTail       = 20_000
)

// process is one run of the program under test.
type process struct{ *program.Process }

// inspect looks at what a process logged, once it has ended.
type inspect func(name string, logged []byte)

// launch starts the program. It is killed with the test; its log is inspected then, and shown if the test failed.
func launch(t *testing.T, name string, look inspect, env []string, args ...string) *process {
	t.Helper()
	started, err := program.Start(program.Spec{
		Name: name, Path: serverBinary(t), Log: filepath.Join(t.TempDir(), name+".log"), Args: args,
		Env: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC", "GORACE=halt_on_error=0 exitcode=66"}, env...),
	})
	require.NoError(t, err)
	p := &process{started}
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
	eventually(t, startPatience, p.Name()+" is ready", func() bool {
		if !p.Alive() {
			t.Fatalf("%s ended while starting: %v\n%s", p.Name(), p.Err(), p.logged(t))
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
	require.NoError(t, p.Kill())
}

// stop ends the process in order and requires that it went well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	require.NoError(t, p.Err(), "%s must end in order", p.Name())
}

// signal reaches the whole group, and is nothing to a process that has ended.
func (p *process) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, p.Signal(signal))
}

func (p *process) wait(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Wait(stopPatience))
}

// logged is everything that the process wrote.
func (p *process) logged(t *testing.T) []byte {
	t.Helper()
	content, err := p.Logged()
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

// freePort returns a loopback port that stays free.
func freePort(t *testing.T) string {
	t.Helper()
	port, err := program.FreePort(t.Context())
	require.NoError(t, err)
	return port
}
