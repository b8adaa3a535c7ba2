package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// readDuration reads a duration as time.ParseDuration does, with days before what that knows: 180d, 1d12h. A day is 24 hours,
// whatever clocks are set forward or back.
func readDuration(text string) (time.Duration, bool) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		d, err := time.ParseDuration(text)
		return d, err == nil
	}
	const most = math.MaxInt64 / uint64(day)
	whole, err := strconv.ParseUint(days, 10, 64)
	if err != nil || whole >= most || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		return 0, false
	}
	d := time.Duration(whole) * day
	if rest == "" {
		return d, true
	}
	part, err := time.ParseDuration(rest)
	if err != nil || part >= day {
		return 0, false
	}
	return d + part, true
}

func parseDuration(text string) (any, error) {
	d, ok := readDuration(text)
	if !ok {
		return nil, malformed("write a number with a unit, such as 500ms, 20s, 15m or 180d", "is not a duration (%s)", excerpt(text))
	}
	return d, nil
}

// inDays writes a duration as people say it: in days from two of them on.
func inDays(d time.Duration) string {
	if d >= 2*day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return d.String()
}

// Schedule is a list of times since some start, each later than the one before.
type Schedule []time.Duration

// UnmarshalText reads a comma list of durations.
func (s *Schedule) UnmarshalText(text []byte) error {
	const remedy = "write increasing durations separated by commas, such as 3s,10s,1m,1h,2d"
	var schedule Schedule
	for item := range strings.SplitSeq(string(text), ",") {
		at, ok := readDuration(strings.TrimSpace(item))
		if !ok {
			return malformed(remedy, "has an item that is not a duration (%s)", excerpt(item))
		}
		if at <= 0 || (len(schedule) > 0 && at <= schedule[len(schedule)-1]) {
			return malformed(remedy, "does not increase at %s", inDays(at))
		}
		schedule = append(schedule, at)
	}
	*s = schedule
	return nil
}
