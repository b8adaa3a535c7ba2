package calendar

import "time"

// wall is what the clock in the zone shows at t, written as a time of UTC so that adding to it meets no summer time.
func wall(t time.Time, zone *time.Location) time.Time {
	return t.UTC().Add(offset(t, zone))
}

// addMonths is the same day so many months later, or the last one of a month that is too short for it.
func addMonths(wall time.Time, n int) time.Time {
	first := wall.AddDate(0, n, 1-wall.Day())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(wall.Day(), last)-1)
}

// hasDay reports whether the month of a time, so many months later, has its day.
func hasDay(wall time.Time, n int) bool { return addMonths(wall, n).Day() == wall.Day() }

// farthest is more than any zone has been from UTC: what is true of the zone's clock around a time lies within it.
const farthest = 26 * time.Hour

// instant is when the clock in the zone shows a time, in UTC: the first such moment where there are two. Where the clock jumps
// over it, it is the moment at which the clock would have shown it had it not jumped, as RFC 5545 §3.3.5 has it. time.Date
// promises neither, and Time.ZoneBounds is wrong on the last day of a leap year. Two changes of one clock within two days are
// not looked for.
func instant(shown time.Time, zone *time.Location) time.Time {
	asBefore, asAfter := shown.Add(-offset(shown.Add(-farthest), zone)), shown.Add(-offset(shown.Add(farthest), zone))
	if !wall(asBefore, zone).Equal(shown) && wall(asAfter, zone).Equal(shown) {
		return asAfter
	}
	return asBefore
}

// offset is how far the zone's clock is ahead of UTC at a moment.
func offset(at time.Time, zone *time.Location) time.Duration {
	_, seconds := at.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}
