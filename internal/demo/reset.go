package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tillway/internal/embedded"
)

// Reset forgets the data, the keys and the log of the demo in dir. It refuses while a demo runs there. A database of
// DATABASE_URL is not the demo's to clear.
func Reset(dir string) error {
	if dir == "" {
		dir = defaultDir
	}
	for _, name := range []string{postgresDir, redisDir} {
		err := embedded.RemoveData(filepath.Join(dir, name))
		if errors.Is(err, embedded.ErrInUse) {
			return fmt.Errorf("a demo runs on %s: end it first (%w)", dir, err)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range []string{downloadedDir, secretsName, logName} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("clear the demo: %w", err)
		}
	}
	return nil
}
