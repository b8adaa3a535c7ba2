package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that servers run as. Nil credentials mean ourselves.
type account struct {
	name string
	cred *syscall.Credential
}

// serverAccount chooses the user for a server. Root hands over to the user
// that the PostgreSQL package made, else to nobody.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return account{name: name, cred: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, fmt.Errorf("find an unprivileged user for the servers: neither postgres nor nobody exists")
}

// attr puts a child into its own process group, as the account's user.
func (a account) attr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: a.cred}
}

// own gives a directory and all in it to the account. Files may vanish
// meanwhile, when a server of an earlier run is just ending.
func (a account) own(dir string) error {
	if a.cred == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, int(a.cred.Uid), int(a.cred.Gid))
		}
		if errors.Is(err, os.ErrNotExist) && path != dir {
			return nil
		}
		return err
	})
}

// mayTrust says that a path with a name that anybody can foresee is a directory
// of ours or of the account, not a link that leads us elsewhere.
func (a account) mayTrust(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == uint32(os.Geteuid()) || a.cred != nil && stat.Uid == a.cred.Uid) //nolint:gosec // a user id fits
}

// canWrite asks as the account's user, because the answer depends on every
// directory above: a checkout below /root is out of reach for anybody else.
func (a account) canWrite(ctx context.Context, dir string) bool {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `[ -w "$1" ] && [ -x "$1" ]`, "sh", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = a.attr()
	return cmd.Run() == nil
}
