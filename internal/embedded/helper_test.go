package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/embedded"
)

// helperDir makes this test binary a helper process that starts both servers
// (PostgreSQL on the named directory), says where they are and waits to be
// killed. Only a process of its own can show what happens when one dies.
const helperDir = "EMBEDDED_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	dir, helper := os.LookupEnv(helperDir)
	if !helper {
		os.Exit(m.Run())
	}
	if err := serve(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// report is what the helper tells about its servers.
type report struct {
	Postgres, Redis, Watcher int
	UID                      int
	Dirs                     []string
	URL                      string
}

func serve(ctx context.Context, dir string) error {
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: dir})
	if err != nil {
		return err
	}
	redis, err := embedded.StartRedis(ctx, embedded.RedisOptions{})
	if err != nil {
		return err
	}
	err = json.NewEncoder(os.Stdout).Encode(report{
		Postgres: pg.PID(), Redis: redis.PID(), Watcher: pg.WatcherPID(), UID: os.Geteuid(),
		Dirs: []string{pg.PrivateDir(), redis.PrivateDir()}, URL: pg.URL(),
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin) // open until the test is done with us
	return err
}

type helper struct {
	report
	cmd *exec.Cmd
}

// startHelper runs a helper, as the given user if any.
func startHelper(t *testing.T, dir string, cred *syscall.Credential) *helper {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), helperBinary(t)) // #nosec
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	h := &helper{cmd: cmd}
	t.Cleanup(func() { h.kill(); _ = stdin.Close() })
	require.NoError(t, json.NewDecoder(bufio.NewReader(stdout)).Decode(&h.report))
	return h
}

// kill ends the helper as the out-of-memory killer would.
func (h *helper) kill() {
	if h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	}
}

// helperBinary copies the test binary to where any user may run it.
func helperBinary(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	path := openDir(t) + "/helper"
	require.NoError(t, os.WriteFile(path, content, 0o600))
	require.NoError(t, os.Chmod(path, 0o755))
	return path
}

// openDir is a temporary directory that other users reach, unlike t.TempDir.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded-test-") //nolint:usetesting // its parents are closed to other users
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// running says whether a process lives; one that nobody reaped does not.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err == nil {
		return len(stat) > 0
	}
	if _, err := os.Stat("/proc/self"); err == nil {
		return false
	}
	return syscall.Kill(pid, 0) == nil
}

func eventually(t *testing.T, holds func() bool, what string) {
	t.Helper()
	require.Eventually(t, holds, 20*time.Second, 50*time.Millisecond, what)
}
