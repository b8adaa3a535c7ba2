package embedded

// WatcherPID lets a test kill the watcher, to leave a server running that
// nobody looks after.
func (pg *Postgres) WatcherPID() int { return pg.ws.watcher.cmd.Process.Pid }

// DataDir is where the server keeps its data.
func (pg *Postgres) DataDir() string { return pg.dataDir() }

// PrivateDir is the temporary directory of the server.
func (pg *Postgres) PrivateDir() string { return pg.ws.private }

// PrivateDir is the temporary directory of the server.
func (r *Redis) PrivateDir() string { return r.ws.private }

// NotInstalled is the error for a missing program.
var NotInstalled = notInstalled

// PathVersion reads a version out of a path.
var PathVersion = pathVersion
