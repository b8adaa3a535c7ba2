package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/config"
)

func TestLoad_ReadsDurationsInDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"180d": 180 * 24 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "0d90m": 90 * time.Minute, "007d": 7 * 24 * time.Hour,
		"4320h": 180 * 24 * time.Hour, "1h30m": 90 * time.Minute, "3650d": 3650 * 24 * time.Hour,
	} {
		c, err := config.Load(map[string]string{"REFUND_WINDOW": text})
		require.NoError(t, err, text)
		require.Equal(t, want, c.RefundWindow, text)
	}
	c, err := config.Load(map[string]string{"RESOLVE_SCHEDULE": "3s, 1d, 1d12h, 7d", "REFUND_DUPLICATE_WINDOW": "30d"})
	require.NoError(t, err)
	require.Equal(t, config.Schedule{3 * time.Second, 24 * time.Hour, 36 * time.Hour, 168 * time.Hour}, c.ResolveSchedule)
	require.Equal(t, 30*24*time.Hour, c.RefundDuplicateWindow)
}

func TestLoad_RefusesWhatIsNoDurationInDays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"d", "1.5d", "-1d", "+1d", "1 d", "1d 2h", "1d-2h", "1d+2h", "1d24h", "2h1d", "1d2d", "1D", "180days", "1d2",
		"106752d", "99999999999999999999d", "9223372036854775807d",
	} {
		_, err := config.Load(map[string]string{"REFUND_WINDOW": text})
		require.Contains(t, faultsOf(t, err), "REFUND_WINDOW", text)
		require.ErrorContains(t, err, "REFUND_WINDOW is not a duration", text)
		require.ErrorContains(t, err, "write a number with a unit, such as 500ms, 20s, 15m or 180d", text)
	}
	_, err := config.Load(map[string]string{"REFUND_WINDOW": "3651d", "RESOLVE_SCHEDULE": "2d,1d"})
	require.ErrorContains(t, err, "REFUND_WINDOW is out of range (3651d): write a duration between 0s and 3650d")
	require.ErrorContains(t, err, "RESOLVE_SCHEDULE does not increase at 24h0m0s")
}
