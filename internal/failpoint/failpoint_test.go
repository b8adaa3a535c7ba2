package failpoint_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/failpoint"
)

// buildProbe builds a program that passes one point twice.
func buildProbe(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe")
	args := append([]string{"build", "-buildvcs=false", "-o", path}, flags...)
	out, err := exec.CommandContext(t.Context(), "go", append(args, "./testdata/probe")...).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

func TestWithoutTheTag_NothingIsLeftOfAPoint(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"without": nil, "with": {"-tags", "failpoint"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(buildProbe(t, flags...))
			require.NoError(t, err)
			for _, text := range []string{string(failpoint.PayAfterT1), failpoint.OrderVariable} {
				require.Equal(t, name == "with", bytes.Contains(content, []byte(text)), text)
			}
		})
	}
}

func TestHit_EndsTheProcessAtTheOrderedPassing(t *testing.T) {
	t.Parallel()
	probe := buildProbe(t, "-tags", "failpoint")
	order := filepath.Join(t.TempDir(), "order")
	for text, dies := range map[string]bool{
		"pay/after-t1 1": true, "pay/after-t1 2\n": true, "pay/after-t1 3": false, "pay/before-t1 1": false,
		"pay/after-t1": false, "": false,
	} {
		require.NoError(t, os.WriteFile(order, []byte(text), 0o600))
		cmd := exec.CommandContext(t.Context(), probe)
		cmd.Env = []string{failpoint.OrderVariable + "=" + order}
		out, err := cmd.Output()
		if !dies {
			require.NoError(t, err, text)
			require.Equal(t, "alive", string(out))
			continue
		}
		require.Error(t, err, text)
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		require.True(t, ok)
		require.Equal(t, syscall.SIGKILL, status.Signal(), "nothing is cleaned up on the way out")
		require.Empty(t, out)
	}
	cmd := exec.CommandContext(t.Context(), probe)
	cmd.Env = []string{"TZ=UTC"}
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, "alive", string(out), "without any order too")
}

func TestLists_NameEveryPointOnce(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("names.go")
	require.NoError(t, err)
	seen := map[failpoint.Name]bool{}
	for _, point := range append(failpoint.All(), failpoint.Renewals()...) {
		require.False(t, seen[point.Name], point.Name)
		seen[point.Name] = true
		require.NotEmpty(t, point.Means)
	}
	require.Len(t, seen, bytes.Count(source, []byte(" Name = \"")), "a constant that the list lacks is never tried")
}
