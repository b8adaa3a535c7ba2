package subscriptions

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/subscriptions/calendar"
)

// The provider counts by the days of its own zone, the subscription by those of its own: whatever both are, each charge is one of its own
// period, also where it was declined and is tried again.
func TestChargedPeriod_IsTheProvidersOwn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone, err := calendar.Zone(rapid.SampledFrom([]string{
			"UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Shanghai", "Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago",
		}).Draw(t, "zone"))
		require.NoError(t, err)
		ours := calendar.Schedule{
			Anchor: time.Unix(rapid.Int64Range(1_750_000_000, 1_950_000_000).Draw(t, "begun"), 0).UTC(), Zone: zone,
			Interval: rapid.SampledFrom(calendar.Intervals()).Draw(t, "interval"),
		}
		ours.Count = rapid.IntRange(1, ours.Interval.Most()).Draw(t, "count")
		theirs := ours
		theirs.Zone = time.FixedZone("", 8*60*60)
		n := rapid.IntRange(1, 60).Draw(t, "period")
		at := theirs.Start(n).Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "seconds late")) * time.Second)
		require.Equal(t, n, chargedPeriod(ours, at))
		again := at.AddDate(0, 0, rapid.IntRange(1, 5).Draw(t, "days after"))
		if again.Before(theirs.Start(n+1).AddDate(0, 0, -4)) {
			require.Equal(t, n, chargedPeriod(ours, again))
		}
	})
}

func TestChargedPeriod_BeforeTheFirst_IsTheFirst(t *testing.T) {
	t.Parallel()
	schedule := calendar.Schedule{Anchor: noon, Zone: time.UTC, Interval: calendar.IntervalMonth, Count: 1}
	require.Equal(t, 1, chargedPeriod(schedule, noon.Add(-48*time.Hour)))
	require.Equal(t, 1, chargedPeriod(schedule, noon))
}
