package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// ErrNotInstalled says that a program is missing from this machine. The error
// that wraps it names the one command that installs it.
var ErrNotInstalled = errors.New("not installed")

// programDirs are the places beside PATH where packages put servers: Debian
// keeps postgres and initdb off PATH, Homebrew does so for versioned formulae.
var programDirs = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/opt/homebrew/opt/redis*/bin",
	"/usr/local/opt/redis*/bin",
	"/opt/homebrew/bin",
	"/usr/local/bin",
	"/usr/local/pgsql/bin",
	"/usr/local/sbin",
	"/usr/sbin",
}

// installCommands names, for a package, the command that installs it.
func installCommand(apt, brew string) string {
	if runtime.GOOS == "darwin" {
		return "brew install " + brew
	}
	return "sudo apt-get install -y " + apt
}

func notInstalled(what, apt, brew string) error {
	return fmt.Errorf("%s is %w; install it with: %s", what, ErrNotInstalled, installCommand(apt, brew))
}

// findDirs returns the directories that hold every named program, PATH first,
// then the highest version first.
func findDirs(programs ...string) []string {
	var dirs []string
	add := func(dir string) {
		for _, name := range programs {
			if !isExecutable(filepath.Join(dir, name)) {
				return
			}
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if path, err := exec.LookPath(programs[0]); err == nil {
		add(filepath.Dir(path))
	}
	for _, pattern := range programDirs {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.SortFunc(found, func(a, b string) int { return pathVersion(b) - pathVersion(a) })
		for _, dir := range found {
			add(dir)
		}
	}
	return dirs
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// pathVersion reads the first number in a path: 17 of .../postgresql/17/bin
// and of .../postgresql@17/bin.
func pathVersion(path string) int {
	digits := func(r rune) bool { return r < '0' || r > '9' }
	for _, field := range strings.FieldsFunc(path, digits) {
		if n, err := strconv.Atoi(field); err == nil {
			return n
		}
	}
	return 0
}

// postgresMajor asks a postgres program for its major version.
func postgresMajor(ctx context.Context, binDir string) (int, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(binDir, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask %s for its version: %w", binDir, err)
	}
	return pathVersion(string(out)), nil
}

// findPostgres returns the directory of the PostgreSQL programs that can open
// the data in dataDir, or the newest ones when there is no data yet.
func findPostgres(ctx context.Context, dataDir string) (string, error) {
	dirs := findDirs("postgres", "initdb")
	if len(dirs) == 0 {
		return "", notInstalled("PostgreSQL", "postgresql", "postgresql@17")
	}
	raw, err := os.ReadFile(filepath.Join(dataDir, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return dirs[0], nil
	}
	if err != nil {
		return "", fmt.Errorf("read the version of the data in %s: %w", dataDir, err)
	}
	want, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return "", fmt.Errorf("read the version of the data in %s: %w", dataDir, err)
	}
	for _, dir := range dirs {
		if major, err := postgresMajor(ctx, dir); err == nil && major == want {
			return dir, nil
		}
	}
	return "", fmt.Errorf("the data in %s belongs to PostgreSQL %d, which is %w; remove the directory or install it with: %s",
		dataDir, want, ErrNotInstalled, installCommand(fmt.Sprintf("postgresql-%d", want), fmt.Sprintf("postgresql@%d", want)))
}

// PostgresInstalled says whether StartPostgres would find its programs.
func PostgresInstalled() bool { return len(findDirs("postgres", "initdb")) > 0 }

// RedisInstalled says whether StartRedis would find its program.
func RedisInstalled() bool { return len(findDirs("redis-server")) > 0 }
