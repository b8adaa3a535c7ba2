package embedded_test

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/embedded"
)

func TestServers_DieWithAParentThatIsKilled(t *testing.T) {
	t.Parallel()
	h := startHelper(t, "", nil)
	require.True(t, running(h.Postgres))
	require.True(t, running(h.Redis))

	h.kill()

	eventually(t, func() bool { return !running(h.Postgres) && !running(h.Redis) }, "servers are gone")
	for _, dir := range h.Dirs {
		eventually(t, func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) }, dir+" is removed")
	}
}

func TestServers_RunForAnOrdinaryUserToo(t *testing.T) {
	t.Parallel()
	var cred *syscall.Credential // already ordinary, unless we are root
	if os.Geteuid() == 0 {
		nobody, err := user.Lookup("nobody") // initdb wants one that has a name
		require.NoError(t, err)
		uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
		require.NoError(t, err)
		cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	h := startHelper(t, "", cred)
	require.NotZero(t, h.UID)
	require.Equal(t, h.UID, owner(t, h.Dirs[0]))
}

func TestServers_AreNeverRoot(t *testing.T) {
	t.Parallel()
	h := startHelper(t, "", nil)

	for _, dir := range h.Dirs {
		require.NotZero(t, owner(t, dir))
	}
	for _, pid := range []int{h.Postgres, h.Redis} {
		if proc := filepath.Join("/proc", strconv.Itoa(pid)); exists(proc) {
			require.NotZero(t, owner(t, proc))
		}
	}
}

func TestStartPostgres_EndsAServerThatAKilledRunLeft(t *testing.T) {
	t.Parallel()
	dir := openDir(t) + "/postgres"
	h := startHelper(t, dir, nil)
	conn := connect(t, h.URL)
	_, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 42 AS n")
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(h.Watcher, syscall.SIGKILL))
	h.kill()
	require.True(t, running(h.Postgres), "nobody is left to end it")

	pg := startPostgres(t, embedded.PostgresOptions{Dir: dir})

	require.False(t, running(h.Postgres))
	var n int
	require.NoError(t, connect(t, pg.URL()).QueryRow(t.Context(), "SELECT n FROM kept").Scan(&n))
	require.Equal(t, 42, n)
	require.NoError(t, os.RemoveAll(h.Dirs[0]), "its watcher would have")
}

func TestStartPostgres_WaitsForAServerThatIsOnItsWayOut(t *testing.T) {
	t.Parallel()
	dir := openDir(t) + "/postgres"
	h := startHelper(t, dir, nil)
	h.kill() // its watcher asks the server to end at this moment

	pg := startPostgres(t, embedded.PostgresOptions{Dir: dir})

	require.False(t, running(h.Postgres))
	require.NoError(t, connect(t, pg.URL()).Ping(t.Context()))
}
