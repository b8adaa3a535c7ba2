// Package calendar says when a subscription's periods begin. It is arithmetic alone: it keeps nothing and asks nobody.
//
// Every start is counted from the anchor, never from the start before, so that the 31st comes back after a short month:
// 31 January, 28 February, 31 March. Days are days of the calendar in the subscription's zone, not 24 hours: a period begins
// when the clock on the wall shows what it showed at the anchor, in summer and in winter. A time that the clock jumps over
// moves forward by as much as the clock does; of one that comes twice the first counts. A day that a zone left out (Samoa's
// 30 December 2011) makes a daily period empty: it begins with the next one, holds no moment, and Index and Next pass over it.
//
// Zones come from the machine's time zone database, or from the one in the binary (build tag timetzdata, which images have).
// They are changed by law and at short notice, so a start in the future may move: what names a period for good is its number.
package calendar

import (
	"time"

	"tillway/internal/fault"
)

// Interval is the unit of a subscription's periods (API.md §2).
type Interval string

// The intervals.
const (
	IntervalDay   Interval = "day"
	IntervalWeek  Interval = "week"
	IntervalMonth Interval = "month"
	IntervalYear  Interval = "year"
)

// Intervals lists every interval in the order of API.md.
func Intervals() []Interval {
	return []Interval{IntervalDay, IntervalWeek, IntervalMonth, IntervalYear}
}

// Valid reports whether the text is an interval.
func (i Interval) Valid() bool { return i.Most() > 0 }

// Most is how many of the interval a period may have: a period lasts a year at the longest. It is 0 for what is no interval.
func (i Interval) Most() int {
	switch i {
	case IntervalDay:
		return 365
	case IntervalWeek:
		return 52
	case IntervalMonth:
		return 12
	case IntervalYear:
		return 1
	}
	return 0
}

// Zone finds a time zone by its IANA name, such as "Europe/Berlin" or "UTC". Anything else is refused as time_zone: the zone of
// the machine ("Local") too, since a subscription's days must not depend on where it is worked on.
func Zone(name string) (*time.Location, error) {
	if name != "" && name != "Local" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone, nil
		}
	}
	return nil, fault.InvalidParam("time_zone", "time_zone must be an IANA name, such as Europe/Berlin.")
}

// AddDays is the moment, in UTC, when the clock in the zone shows the same as at t, so many days of the calendar later. A trial
// of trial_days ends, and the first paid period begins, that many days after the subscription was created.
func AddDays(t time.Time, zone *time.Location, days int) time.Time {
	if days == 0 {
		return t.UTC()
	}
	return instant(wall(t, zone).AddDate(0, 0, days), zone)
}

// Schedule is the periods of one subscription, numbered from 0.
type Schedule struct {
	// Anchor is when period 0 begins, in whole seconds.
	Anchor time.Time
	// Zone is whose days and clock count.
	Zone *time.Location
	// Interval and Count are how long a period is, as in 2 × week.
	Interval Interval
	Count    int
}

// Validate refuses, as interval, interval_count, time_zone or anchor, what is not the schedule of a subscription. The other
// methods are for schedules that it lets pass.
func (s Schedule) Validate() error {
	switch {
	case !s.Interval.Valid():
		return fault.InvalidParam("interval", "interval must be one of day, week, month and year.")
	case s.Count < 1 || s.Count > s.Interval.Most():
		return fault.InvalidParam("interval_count", "interval_count must be 1 to %d for interval %s.", s.Interval.Most(), s.Interval)
	case s.Zone == nil:
		return fault.InvalidParam("time_zone", "time_zone must be set.")
	case s.Anchor.IsZero() || s.Anchor.Nanosecond() != 0:
		return fault.InvalidParam("anchor", "anchor must be a moment in whole seconds.")
	}
	return nil
}

// Start is when period n begins, in UTC; n is not negative. Period n ends when period n+1 begins.
func (s Schedule) Start(n int) time.Time {
	if n == 0 {
		return s.Anchor.UTC() // which may be the second of two times that the clock showed alike
	}
	return instant(s.wallStart(n), s.Zone)
}

// Index is the number of the period that holds the moment: Start(n) <= t < Start(n+1). It is -1 before the anchor.
func (s Schedule) Index(t time.Time) int {
	if t.Before(s.Anchor) {
		return -1
	}
	n := s.estimate(t)
	for s.Start(n).After(t) {
		n--
	}
	for !s.Start(n + 1).After(t) {
		n++
	}
	return n
}

// Next is the first period that begins after the moment, and when. Before the anchor that is period 0.
func (s Schedule) Next(t time.Time) (n int, start time.Time) {
	n = s.Index(t) + 1
	start = s.Start(n)
	for s.Start(n + 1).Equal(start) {
		n++ // period n is empty
	}
	return n, start
}

// From is a schedule of other periods that goes on where one of this schedule's begins, and the number of the first of them. It counts from
// the day of the month that this one counts from, where there is a month that has it: the 31st comes back after 28 February as well.
func (s Schedule) From(start time.Time, interval Interval, count int) (Schedule, int) {
	next := Schedule{Anchor: start.UTC(), Zone: s.Zone, Interval: interval, Count: count}
	step := next.months()
	if step == 0 || s.months() == 0 {
		return next, 0
	}
	anchor, from := wall(s.Anchor, s.Zone), wall(start, s.Zone)
	months := 12*(from.Year()-anchor.Year()) + int(from.Month()-anchor.Month())
	for n := range 12 {
		before := next
		if !hasDay(anchor, months-n*step) {
			continue
		}
		before.Anchor = instant(addMonths(anchor, months-n*step), s.Zone)
		if before.Start(n).Equal(start) {
			return before, n
		}
	}
	return next, 0
}

// estimate is Index as the dates alone tell it: at most one off, since a start is within a day of what the clock shows.
func (s Schedule) estimate(t time.Time) int {
	from, to := wall(s.Anchor, s.Zone), wall(t, s.Zone)
	if months := s.months(); months > 0 {
		return max(0, (12*(to.Year()-from.Year())+int(to.Month()-from.Month()))/months)
	}
	return max(0, int((to.Unix()-from.Unix())/secondsOfDay)/s.days())
}

const secondsOfDay = 24 * 60 * 60

// wallStart is what the clock shows when period n begins.
func (s Schedule) wallStart(n int) time.Time {
	anchor := wall(s.Anchor, s.Zone)
	if months := s.months(); months > 0 {
		return addMonths(anchor, n*months)
	}
	return anchor.AddDate(0, 0, n*s.days())
}

// months is how many months a period has, 0 where it is counted in days.
func (s Schedule) months() int {
	switch s.Interval {
	case IntervalMonth:
		return s.Count
	case IntervalYear:
		return 12 * s.Count
	case IntervalDay, IntervalWeek:
	}
	return 0
}

// days is how many days a period has that is counted in days.
func (s Schedule) days() int {
	if s.Interval == IntervalWeek {
		return 7 * s.Count
	}
	return s.Count
}
