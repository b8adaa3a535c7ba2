package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// binary is the program under test, built once for all tests.
var binary = sync.OnceValues(build)

// serverBinary returns the path of the program under test.
func serverBinary(t *testing.T) string {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	return path
}

func build() (string, error) {
	root, err := sourceRoot()
	if err != nil {
		return "", err
	}
	guard, err := watcher()
	if err != nil {
		return "", err
	}
	path := filepath.Join(guard.scrap, "server")
	args := []string{"build", "-buildvcs=false", "-o", path}
	if raceDetector {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/server")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return path, nil
}

func sourceRoot() (string, error) {
	directory, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; directory != filepath.Dir(directory); directory = filepath.Dir(directory) {
		if _, err := os.Stat(filepath.Join(directory, "go.mod")); err == nil {
			return directory, nil
		}
	}
	return "", errors.New("not inside the source tree")
}

// watcherScript ends the processes that it was told of, and removes the scrap directory, once the pipe on its standard
// input breaks: the kernel sees to that however the tests end, and a test run that is killed cleans up nothing itself.
const watcherScript = `
pids=
while read -r what pid; do
  case $what in
    watch) pids="$pids $pid" ;;
    forget) left=; for p in $pids; do [ "$p" = "$pid" ] || left="$left $p"; done; pids=$left ;;
  esac
done
[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
rm -rf -- "$1"
`

// orphanage looks after the processes of tests that died.
type orphanage struct {
	scrap string
	mu    sync.Mutex
	pipe  io.Writer
}

var watcher = sync.OnceValues(func() (*orphanage, error) {
	scrap, err := os.MkdirTemp("", "tillway-e2e-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the binary: %w", err)
	}
	cmd := exec.Command("/bin/sh", "-c", watcherScript, "watcher", scrap)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the tests must not end it
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the watcher: %w", err), os.RemoveAll(scrap))
	}
	return &orphanage{scrap: scrap, pipe: pipe}, nil
})

func (o *orphanage) tell(what string, pid int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := fmt.Fprintf(o.pipe, "%s %d\n", what, pid)
	return err
}
