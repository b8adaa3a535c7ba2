package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun_LendsTheServersAndReturnsTheExitCode(t *testing.T) {
	// Not parallel: the variables of the process decide.
	t.Setenv("TEST_DATABASE_URL", "")
	t.Setenv("TEST_REDIS_URL", "")
	t.Setenv("TILLWAY_TEST_CONTAINERS", "")
	seen := t.TempDir() + "/seen"

	code, err := run(t.Context(), []string{"sh", "-c", `echo "$TEST_DATABASE_URL $TEST_REDIS_URL" >` + seen + `; exit 3`})

	require.NoError(t, err)
	require.Equal(t, 3, code)
	text, err := os.ReadFile(seen)
	require.NoError(t, err)
	require.Regexp(t, `^postgres://\S+ redis://127\.0\.0\.1:\d+/0\n$`, string(text))
}

func TestRun_LeavesServersThatAreGivenAlone(t *testing.T) {
	t.Setenv("TEST_DATABASE_URL", "postgres://given")
	t.Setenv("TEST_REDIS_URL", "redis://given")

	code, err := run(t.Context(), []string{"sh", "-c", `[ "$TEST_DATABASE_URL $TEST_REDIS_URL" = "postgres://given redis://given" ]`})

	require.NoError(t, err)
	require.Zero(t, code)
}

func TestRunCommand_TellsWhatEndedTheCommand(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	code, err := runCommand(t.Context(), []string{"sh", "-c", "echo ran; kill -KILL $$"}, nil, nil, &out)
	require.NoError(t, err)
	require.Equal(t, 128+9, code)
	require.Equal(t, "ran\n", out.String())

	code, err = runCommand(t.Context(), []string{"/no/such/program"}, nil, nil, &out)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, exitCannotRun, code)
}
