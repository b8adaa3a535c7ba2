// Package embedded starts PostgreSQL and Redis privately from the programs
// installed on the machine, for the demo, the tests and the benchmark. It is
// not for production: there the service is given DATABASE_URL and REDIS_URL.
//
// What it holds to:
//
//   - A server listens where only this machine reaches it: PostgreSQL on a
//     socket in a directory of mode 0700, Redis on a loopback port.
//   - Run by root, the servers run as an unprivileged user, since PostgreSQL
//     refuses to be root and Redis has no reason to be.
//   - Each server has its own process group, so Ctrl-C on the demo lets the
//     service drain before its database goes.
//   - No server outlives the process that started it, not even when that is
//     killed by SIGKILL, and no temporary directory is left behind. A watcher
//     (see watcher.go) sees to it, so a test needs no TestMain.
//   - Kept data survives all of this: a stale pid file or a server left running
//     is dealt with at the next start, and two processes never share one
//     directory.
package embedded
