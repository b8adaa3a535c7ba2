package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/config"
)

func TestLoadSecrets_MakesThemOnceAndKeepsThemPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), secretsName)

	made, err := loadSecrets(path)
	require.NoError(t, err)
	again, err := loadSecrets(path)
	require.NoError(t, err)

	require.Equal(t, made, again)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	seen := make(map[string]bool)
	for _, k := range made.all() {
		require.NotEmpty(t, *k.value, k.name)
		require.False(t, seen[*k.value], "%s is nobody else's", k.name)
		seen[*k.value] = true
	}
	require.True(t, strings.HasPrefix(made.StorefrontKey, "sk_test_"))
}

func TestLoadSecrets_AddsWhatAnOlderFileLacks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), secretsName)
	require.NoError(t, os.WriteFile(path, []byte("# kept\nDATA_KEY=abc=\n\nADMIN_KEY=sk_test_mine\n"), 0o600))

	s, err := loadSecrets(path)
	require.NoError(t, err)

	require.Equal(t, "abc=", s.DataKey)
	require.Equal(t, "sk_test_mine", s.AdminKey)
	require.NotEmpty(t, s.StorefrontKey)
	again, err := loadSecrets(path)
	require.NoError(t, err)
	require.Equal(t, s, again)
}

func TestEnvironment_IsOneThatTheServiceStartsWith(t *testing.T) {
	t.Parallel()
	s, err := loadSecrets(filepath.Join(t.TempDir(), secretsName))
	require.NoError(t, err)
	at := func(address string) place { return place{address: address, url: urlOf(address)} }
	d := &demo{secrets: s, net: &network{
		api: at("0.0.0.0:8080"), admin: at("127.0.0.1:9090"), sandbox: at("127.0.0.1:8090"), shop: at("127.0.0.1:8091"),
		databaseURL: "postgres:///tillway", redisURL: "redis://127.0.0.1/0",
	}}
	d.Environ = map[string]string{"LOG_LEVEL": "debug", "LIVEMODE": "true", "RETURN_SECRET": "not this one"}

	cfg, err := config.Load(d.environment(), config.PurposeServe)

	require.NoError(t, err)
	require.Equal(t, "DEBUG", cfg.LogLevel.String())
	require.False(t, cfg.Livemode)
	require.Equal(t, "http://127.0.0.1:8080", cfg.PublicURL.String())
	require.Equal(t, s.ReturnSecret, cfg.ReturnSecret.Reveal())
	require.Len(t, cfg.APIKeys, 3)
}
