package embedded

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// watcherScript ends the server and removes the temporary directory when the
// pipe on its standard input breaks, which the kernel does for a parent that
// died of anything. Each line read names the server to guard; "bye" says that
// nothing is left to do.
const watcherScript = `
pid=; sig=
while read -r a b; do
  case $a in
    bye) exit 0 ;;
    none) pid= ;;
    *) pid=$a; sig=$b ;;
  esac
done
if [ -n "$pid" ]; then
  kill -s "$sig" "$pid" 2>/dev/null
  n=0
  while [ $n -lt 150 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; n=$((n+1)); done
  kill -s KILL "$pid" 2>/dev/null
fi
rm -rf -- "$1"
`

// watcher is a shell that outlives us by a moment.
//
// Linux has PR_SET_PDEATHSIG for the same end, but it fires when the thread
// that forked dies, not the process, macOS lacks it, and it would leave the
// directory behind. A pipe has none of these faults.
type watcher struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// startWatcher starts the watcher of the temporary directory scrap. It keeps
// our own user, so that it may signal and remove whatever we started.
func startWatcher(ctx context.Context, scrap string) (*watcher, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", watcherScript, "watcher", scrap)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the watcher of %s: %w", scrap, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the watcher of %s: %w", scrap, err)
	}
	return &watcher{cmd: cmd, pipe: pipe}, nil
}

// guard names the process to end, and how, should we die.
func (w *watcher) guard(pid int, signal string) error {
	if _, err := fmt.Fprintf(w.pipe, "%d %s\n", pid, signal); err != nil {
		return fmt.Errorf("guard process %d: %w", pid, err)
	}
	return nil
}

// release forgets the process, whose id the system may now give to another.
func (w *watcher) release() {
	_, _ = io.WriteString(w.pipe, "none\n") // a broken pipe means there is no watcher to misinform
}

// dismiss ends the watcher without it touching anything.
func (w *watcher) dismiss() {
	_, _ = io.WriteString(w.pipe, "bye\n")
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}
