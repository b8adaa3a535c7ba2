package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tillway/internal/subscriptions/calendar"
)

// date is a day of a calendar that is kept by turning one leaf after the other.
type date struct{ year, month, day int }

func (d date) daysOfMonth() int {
	switch d.month {
	case 2:
		if d.year%4 == 0 && (d.year%100 != 0 || d.year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func (d date) tomorrow() date {
	d.day++
	if d.day > d.daysOfMonth() {
		d.day, d.month = 1, d.month+1
	}
	if d.month > 12 {
		d.month, d.year = 1, d.year+1
	}
	return d
}

// later turns leaves until a whole period has passed as often as asked.
func later(anchor date, s calendar.Schedule, n int) date {
	switch s.Interval {
	case calendar.IntervalDay, calendar.IntervalWeek:
		leaves := n * s.Count
		if s.Interval == calendar.IntervalWeek {
			leaves *= 7
		}
		for range leaves {
			anchor = anchor.tomorrow()
		}
		return anchor
	case calendar.IntervalMonth, calendar.IntervalYear:
	}
	months := n * s.Count
	if s.Interval == calendar.IntervalYear {
		months *= 12
	}
	d := anchor
	for d.day = 1; months > 0; months-- {
		for d = d.tomorrow(); d.day != 1; {
			d = d.tomorrow()
		}
	}
	for d.day < anchor.day && d.day < d.daysOfMonth() {
		d = d.tomorrow()
	}
	return d
}

// shows is what a clock in the zone shows, as if it were UTC.
func shows(at time.Time, zone *time.Location) time.Time {
	at = at.In(zone)
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
}

// whenShown watches the clock, minute by minute, until it shows the time or has jumped over it.
func whenShown(want time.Time, zone *time.Location) time.Time {
	before := want.Add(-40 * time.Hour)
	for {
		now := before.Add(time.Minute)
		if shows(now, zone).Equal(want) {
			return now
		}
		if shows(now, zone).After(want) {
			return before.Add(want.Sub(shows(before, zone)))
		}
		before = now
	}
}

func modelStart(s calendar.Schedule, n int) time.Time {
	if n == 0 {
		return s.Anchor
	}
	clock := s.Anchor.In(s.Zone)
	d := later(date{clock.Year(), int(clock.Month()), clock.Day()}, s, n)
	return whenShown(time.Date(d.year, time.Month(d.month), d.day, clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC), s.Zone)
}

// zones have whole minutes between them and UTC in the years that are drawn: the model's clock steps by minutes.
var zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Shanghai", "Asia/Kathmandu", "Australia/Lord_Howe",
	"Pacific/Apia", "Africa/Casablanca", "Pacific/Chatham",
}

func drawSchedule(t *rapid.T) calendar.Schedule {
	zone := zoneOf(t, rapid.SampledFrom(zones).Draw(t, "zone"))
	interval := rapid.SampledFrom(calendar.Intervals()).Draw(t, "interval")
	anchor := rapid.OneOf(
		rapid.Int64Range(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2037, 1, 1, 0, 0, 0, 0, time.UTC).Unix()),
		// Around the day that Samoa left out, and the ends of summer and winter in Berlin and Lord Howe.
		rapid.Int64Range(time.Date(2011, 12, 20, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2012, 1, 2, 0, 0, 0, 0, time.UTC).Unix()),
		rapid.Int64Range(time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2026, 4, 6, 0, 0, 0, 0, time.UTC).Unix()),
		rapid.Int64Range(time.Date(2024, 2, 27, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC).Unix()),
		rapid.Map(rapid.IntRange(28, 31), func(day int) int64 { return time.Date(2027, 1, day, 2, 30, 0, 0, zone).Unix() }),
	).Draw(t, "anchor")
	s := calendar.Schedule{
		Anchor: time.Unix(anchor, 0), Zone: zone, Interval: interval,
		Count: rapid.OneOf(rapid.Just(1), rapid.IntRange(1, interval.Most())).Draw(t, "count"),
	}
	require.NoError(t, s.Validate())
	return s
}

// drawPeriod keeps within a few decades, for the model's sake.
func drawPeriod(t *rapid.T, s calendar.Schedule) int {
	most := map[calendar.Interval]int{
		calendar.IntervalDay: 9000, calendar.IntervalWeek: 1300, calendar.IntervalMonth: 300, calendar.IntervalYear: 25,
	}[s.Interval] / s.Count
	return rapid.OneOf(rapid.IntRange(0, min(12, most)), rapid.IntRange(0, most)).Draw(t, "period")
}

func TestStart_IsThatOfACalendarKeptByHand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		n := drawPeriod(t, s)
		require.True(t, modelStart(s, n).Equal(s.Start(n)), "%s, by hand %s", s.Start(n).In(s.Zone), modelStart(s, n).In(s.Zone))
	})
}

func TestPeriods_LeaveNoMomentOutAndHoldNoneTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		n := drawPeriod(t, s)
		start, end := s.Start(n), s.Start(n+1)
		require.False(t, end.Before(start))
		next, nextStart := s.Next(start.Add(-time.Nanosecond))
		require.Equal(t, start, nextStart)
		if end.Equal(start) {
			require.Equal(t, "Pacific/Apia", s.Zone.String())
			require.Equal(t, n+1, s.Index(start))
			require.Equal(t, n+1, next)
			return
		}
		require.Equal(t, n, s.Index(start))
		require.Equal(t, n, next)
		require.Equal(t, n, s.Index(end.Add(-time.Nanosecond)))
		within := start.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(start))-1).Draw(t, "within")))
		require.Equal(t, n, s.Index(within))
		next, nextStart = s.Next(within)
		require.Greater(t, next, n)
		require.Equal(t, end, nextStart)
	})
}

func TestStart_ShowsTheClockOfTheAnchor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		clock, start := shows(s.Anchor, s.Zone), shows(s.Start(drawPeriod(t, s)), s.Zone)
		off := start.Sub(clock) % (24 * time.Hour)
		require.Contains(t, []time.Duration{0, 30 * time.Minute, time.Hour}, off)
	})
}

// providerDay counts days as the provider does, whose zone is +08:00.
func providerDay(at time.Time) int64 { return (at.Unix() + 8*60*60) / (24 * 60 * 60) }

// TestMinDays_AreKeptByEveryStory charges period after period, each as late as it may be or not, and counts the days between as
// the provider may: since the last charge, or in intervals from the purchase.
func TestMinDays_AreKeptByEveryStory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		late := rapid.IntRange(0, 20).Draw(t, "late")
		bought := s.Anchor
		if rapid.Bool().Draw(t, "trial or new card") {
			bought = bought.Add(time.Duration(rapid.Int64Range(-90*24, 400*24).Draw(t, "hours")) * time.Hour)
		}
		minDays := s.MinDays(bought, late)
		require.GreaterOrEqual(t, minDays, 1)
		require.LessOrEqual(t, minDays, 99)
		if minDays == 1 {
			return // the least that can be agreed on
		}
		n, _ := s.Next(bought)
		n += drawPeriod(t, s)
		last := bought
		if n > 0 && s.Start(n-1).After(bought) {
			last = s.Start(n - 1).Add(time.Duration(rapid.IntRange(0, late*24).Draw(t, "late hours")) * time.Hour)
		}
		// Sent a few minutes late itself; the next one is as prompt as can be.
		last = last.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute)
		at := s.Start(n)
		require.GreaterOrEqual(t, providerDay(at)-providerDay(last), int64(minDays), "%s and %s", last, at)
		interval := func(at time.Time) int64 { return (providerDay(at) - providerDay(bought)) / int64(minDays) }
		require.NotEqual(t, interval(last), interval(at))
	})
}

func TestFrom_BeginsWhereItIsTold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		n := drawPeriod(t, s)
		other := drawSchedule(t)
		next, first := s.From(s.Start(n), other.Interval, other.Count)
		require.NoError(t, next.Validate())
		require.Equal(t, s.Start(n), next.Start(first))
		require.False(t, next.Start(first+1).Before(next.Start(first)))
		again, number := next.From(next.Start(first), s.Interval, s.Count)
		require.Equal(t, s.Start(n), again.Start(number))
	})
}
