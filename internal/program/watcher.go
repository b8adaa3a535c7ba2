package program

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// watcherScript ends the processes that it was told of, and removes the scrap directory, once the pipe on its standard
// input breaks: the kernel sees to that however we end, and who is killed cleans up nothing itself.
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

// orphanage looks after the processes of a parent that died.
type orphanage struct {
	scrap string
	mu    sync.Mutex
	pipe  io.Writer
}

var watcher = sync.OnceValues(func() (*orphanage, error) { //nolint:gochecknoglobals // one for the process, as its end is one
	scrap, err := os.MkdirTemp("", "tillway-program-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for programs: %w", err)
	}
	cmd := exec.Command("/bin/sh", "-c", watcherScript, "watcher", scrap) //nolint:gosec // our own script and directory
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the terminal must not end it
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

// Scrap is a directory that is removed when this process ends, however it does.
func Scrap() (string, error) {
	guard, err := watcher()
	if err != nil {
		return "", err
	}
	return guard.scrap, nil
}
