package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build compiles cmd/server to path, with further flags of `go build`. It must be run inside the source tree.
func Build(ctx context.Context, path string, flags ...string) error {
	root, err := sourceRoot()
	if err != nil {
		return err
	}
	args := append([]string{"build", "-buildvcs=false", "-o", path}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/server")...) //nolint:gosec // our own program and flags
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return nil
}

// BuildKillable compiles cmd/server with its failpoints, and further flags of `go build`, to a path that is gone when this process ends.
func BuildKillable(ctx context.Context, flags ...string) (string, error) {
	scrap, err := Scrap()
	if err != nil {
		return "", err
	}
	path := filepath.Join(scrap, "server")
	return path, Build(ctx, path, append([]string{"-tags", "failpoint"}, flags...)...)
}

func sourceRoot() (string, error) {
	directory, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the source tree: %w", err)
	}
	for ; directory != filepath.Dir(directory); directory = filepath.Dir(directory) {
		if _, err := os.Stat(filepath.Join(directory, "go.mod")); err == nil {
			return directory, nil
		}
	}
	return "", errors.New("not inside the source tree")
}
