package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrInUse says that another live process runs its server on the directory.
var ErrInUse = errors.New("directory in use by another process")

// maxTempDir keeps socket paths below the 104 bytes of macOS (Linux has 108):
// what we append to the temporary directory is at most 45 bytes long.
const maxTempDir = 55

// workspace is the ground a server stands on.
type workspace struct {
	account account
	private string   // temporary: sockets, logs; removed at the end
	data    string   // where the server keeps its data; private, or kept
	lock    *os.File // held while we use a kept directory
	watcher *watcher
	closed  bool
}

// newWorkspace prepares a private directory and, when keep is not empty, locks
// the directory whose content outlives us.
func newWorkspace(ctx context.Context, name, keep string) (_ *workspace, err error) {
	acc, err := serverAccount()
	if err != nil {
		return nil, err
	}
	base := os.TempDir()
	if len(base) > maxTempDir || !acc.canWrite(ctx, base) {
		base = "/tmp"
	}
	private, err := os.MkdirTemp(base, "tillway-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for %s: %w", name, err)
	}
	ws := &workspace{account: acc, private: private, data: private}
	defer func() {
		if err != nil {
			err = errors.Join(err, ws.close())
		}
	}()
	if err := acc.own(private); err != nil {
		return nil, fmt.Errorf("hand %s over: %w", private, err)
	}
	if ws.watcher, err = startWatcher(ctx, private); err != nil {
		return nil, err
	}
	if keep == "" {
		return ws, nil
	}
	return ws, ws.keep(ctx, keep)
}

// keep moves the data to a directory that outlives the workspace.
func (ws *workspace) keep(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", dir, err)
	}
	if err := ws.claim(dir); err != nil {
		return err
	}
	if ws.account.canWrite(ctx, dir) {
		ws.data = dir
		return nil
	}
	// Out of reach for the servers' user; its lock still guards the stand-in.
	ws.data = standIn(dir)
	if err := os.Mkdir(ws.data, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make %s: %w", ws.data, err)
	}
	if !ws.account.mayTrust(ws.data) {
		return fmt.Errorf("use %s: it belongs to somebody else", ws.data)
	}
	if err := ws.account.own(ws.data); err != nil {
		return fmt.Errorf("hand %s over: %w", ws.data, err)
	}
	return nil
}

// claim makes the directory ours alone. The lock dies with our process, so a
// killed run never blocks the next.
func (ws *workspace) claim(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%s: %w", dir, ErrInUse)
		}
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	ws.lock = lock
	if err := ws.account.own(dir); err != nil {
		return fmt.Errorf("hand %s over: %w", dir, err)
	}
	return nil
}

// standIn names the place of data whose own directory the servers' user
// cannot reach, such as a checkout in root's home.
func standIn(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join("/var/tmp", "tillway-data-"+hex.EncodeToString(sum[:8]))
}

// close removes what was temporary and gives up the kept directory. The server
// has ended by then.
func (ws *workspace) close() error {
	if ws.closed {
		return nil
	}
	ws.closed = true
	err := os.RemoveAll(ws.private)
	if ws.watcher != nil {
		ws.watcher.dismiss()
	}
	if ws.lock != nil {
		err = errors.Join(err, ws.lock.Close())
	}
	if err != nil {
		return fmt.Errorf("leave %s: %w", ws.private, err)
	}
	return nil
}

// RemoveData deletes what a server started with Dir set to dir has kept, and
// refuses with ErrInUse while one runs on it.
func RemoveData(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", dir, err)
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	ws := &workspace{}
	if err := ws.claim(dir); err != nil {
		return err
	}
	err = errors.Join(os.RemoveAll(standIn(dir)), os.RemoveAll(dir), ws.lock.Close())
	if err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	return nil
}
