package config_test

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/config"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

func TestReference_MatchesTheDocument(t *testing.T) {
	t.Parallel()

	const path = "../../docs/configuration.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(config.Reference()), 0o600))
	}
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(document), config.Reference(), "run: go test ./internal/config -update")
}

func TestReference_DescribesEveryVariableOnce(t *testing.T) {
	t.Parallel()

	reference := config.Reference()
	fields := reflect.VisibleFields(reflect.TypeFor[config.Config]())
	for _, field := range fields {
		require.Equal(t, 1, strings.Count(reference, "\n| `"+field.Tag.Get("env")+"` |"), field.Name)
	}
	require.Equal(t, len(fields), strings.Count(reference, "\n| `"), "and nothing that does not exist")
}
