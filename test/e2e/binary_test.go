package e2e

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/program"
)

// binary is the program under test, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	scrap, err := program.Scrap()
	if err != nil {
		return "", err
	}
	var flags []string
	if raceDetector {
		flags = append(flags, "-race")
	}
	path := filepath.Join(scrap, "server")
	return path, program.Build(context.Background(), path, flags...)
})

// serverBinary returns the path of the program under test.
func serverBinary(t *testing.T) string {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	return path
}
