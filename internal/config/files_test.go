package config_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/config"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "value")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestLoad_ReadsValuesFromFiles(t *testing.T) {
	t.Parallel()

	for _, end := range []string{"", "\n", "\r\n"} {
		environ := make(map[string]string)
		for name, value := range complete() {
			environ[name+"_FILE"] = write(t, value+end)
		}
		c, err := config.Load(environ, config.PurposeServe)
		require.NoError(t, err)
		require.Equal(t, complete()["DATABASE_URL"], c.DatabaseURL.Reveal())
		require.Equal(t, complete()["ONERWAY_SECRET_KEY"], c.OnerwaySecretKey.Reveal())
		require.Equal(t, complete()["DATA_KEY"], base64.StdEncoding.EncodeToString(c.DataKey.Reveal()))
	}
}

func TestLoad_GivesEveryVariableAFileVariant(t *testing.T) {
	t.Parallel()

	missing := filepath.Join(t.TempDir(), "missing")
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		name := field.Tag.Get("env")
		_, err := config.Load(map[string]string{name + "_FILE": missing})
		if strings.HasPrefix(name, "OTEL_") {
			require.NoError(t, err, "the SDK would not find it there")
			continue
		}
		require.Contains(t, faultsOf(t, err), name)
	}
}

func TestLoad_RefusesUnusableFiles(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name    string
		environ map[string]string
		problem string
	}{
		{"both set", map[string]string{"RETURN_SECRET": "a", "RETURN_SECRET_FILE": write(t, "b")}, "is set twice"},
		{"no such file", map[string]string{"RETURN_SECRET_FILE": "/does/not/exist"}, "cannot be read from its file"},
		{"a directory", map[string]string{"RETURN_SECRET_FILE": t.TempDir()}, "cannot be read from its file"},
		{"an empty file", map[string]string{"RETURN_SECRET_FILE": write(t, "\n")}, "is empty"},
		{"an endless file", map[string]string{"RETURN_SECRET_FILE": "/dev/zero"}, "is larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(tt.environ)
			faults := faultsOf(t, err)
			require.Len(t, faults, 1)
			require.Contains(t, faults["RETURN_SECRET"].Problem, tt.problem)
		})
	}
}
