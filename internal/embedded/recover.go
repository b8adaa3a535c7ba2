package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// recoverPostgres ends a server that an earlier run left on dataDir and drops
// a pid file that names somebody else. Our lock on the directory is held, so
// nobody else can be starting one.
func recoverPostgres(ctx context.Context, dataDir string) error {
	pidFile := filepath.Join(dataDir, "postmaster.pid")
	pid, err := readPID(pidFile)
	if err != nil {
		return err
	}
	// -D with the directory is how we start it, so no other process matches.
	if pid != 0 && strings.Contains(commandLine(ctx, pid), dataDir) {
		return endLeftover(ctx, pid, syscall.SIGINT)
	}
	// PostgreSQL refuses to start while the process of that id lives, though
	// since a reboot it may be anything, and on a file that a crash left empty.
	if err := os.Remove(pidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove stale %s: %w", pidFile, err)
	}
	return nil
}

// readPID returns the number in a file's first line; 0 when there is no file
// or no number, as after a crash of the machine.
func readPID(path string) (int, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 0 {
		return 0, nil //nolint:nilerr // an unreadable pid file is a stale one
	}
	return pid, nil
}

// commandLine returns the arguments of a process, empty when there is none.
// Slim containers lack ps, macOS lacks /proc.
func commandLine(ctx context.Context, pid int) string {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err == nil {
		return strings.ReplaceAll(string(raw), "\x00", " ")
	}
	out, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// endLeftover ends a process that is not our child and waits until it is gone.
func endLeftover(ctx context.Context, pid int, signal syscall.Signal) error {
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop leftover process %d: %w", pid, err)
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	// A zombie has no arguments: it counts as gone even where nobody reaps it.
	for commandLine(ctx, pid) != "" {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop leftover process %d: %w", pid, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}
