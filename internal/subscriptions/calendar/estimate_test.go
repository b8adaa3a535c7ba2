package calendar

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestIndex_IsFoundWithoutScanning holds the estimate to one step from the truth, however far away.
func TestIndex_IsFoundWithoutScanning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone, err := Zone(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo"}).Draw(t, "zone"))
		require.NoError(t, err)
		interval := rapid.SampledFrom(Intervals()).Draw(t, "interval")
		s := Schedule{
			Anchor: time.Unix(rapid.Int64Range(0, 2_000_000_000).Draw(t, "anchor"), 0), Zone: zone,
			Interval: interval, Count: rapid.IntRange(1, interval.Most()).Draw(t, "count"),
		}
		at := s.Anchor.Add(time.Duration(rapid.Int64Range(0, 1<<62).Draw(t, "after")))
		require.InDelta(t, s.Index(at), s.estimate(at), 1)
	})
}
