package calendar

import "time"

// The provider writes a frequency with two digits (Onerway contract §7, frequencyPoint).
const longestFrequency = 99

// MinDays is the frequency, in days, to agree on with the provider for a contract bought at the given moment: the most that
// it may be so that no charge that is made on schedule comes too early for it. The provider refuses one that does (12006,
// contract §8.1), and for subscriptions that we renew it knows days only (§6). Charging later than agreed is always allowed.
//
// Two charges are closest together after one was late: late is how many days after its period's start a charge may still
// succeed (as long as dunning goes on), while the next is on time. The purchase itself counts as a charge, and the next period
// may begin soon after it: when a trial ends, or where a new card was given in the middle of a period. A day more is taken
// off, because the provider's days are not the zone's, the clock may be put forward, and no charge is sent on the second. How
// exactly the provider counts is not documented; charges this far apart also fall into different ones of intervals that are
// counted from the purchase. It is 1 to 99.
func (s Schedule) MinDays(bought time.Time, late int) int {
	_, next := s.Next(bought)
	first := daysBetween(wall(bought, s.Zone), wall(next, s.Zone))
	return min(max(1, min(first, s.shortest()-late)-1), longestFrequency)
}

// shortest is how many days the shortest period has. The calendar repeats itself after 28 years, but for the leap year that
// most centuries leave out, and those only make more years like others.
func (s Schedule) shortest() int {
	months := s.months()
	if months == 0 {
		return s.days()
	}
	shortest := 31 * months
	for n := range 28 * 12 / months {
		shortest = min(shortest, daysBetween(s.wallStart(n), s.wallStart(n+1)))
	}
	return shortest
}

func daysBetween(from, to time.Time) int {
	return int((to.Unix() - from.Unix()) / secondsOfDay)
}
