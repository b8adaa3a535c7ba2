package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/config"
)

// It is the one test that cannot run beside others: the environment belongs to the process.
func TestFromEnvironment_ReadsTheProcess(t *testing.T) {
	t.Setenv("RATE_LIMIT", "42")
	t.Setenv("DATABASE_URL", "host=localhost dbname=tillway")
	c, err := config.FromEnvironment(config.PurposeDatabase)
	require.NoError(t, err)
	require.Equal(t, 42, c.RateLimit)
	require.Equal(t, "host=localhost dbname=tillway", c.DatabaseURL.Reveal())
}
