package renewals

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// wave is a day on which some of the cast begin, a moment before a step of the clock: the last day of a long month, so that
// short ones show, and an ordinary one.
func waves() []time.Time {
	return []time.Time{
		time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC),
		time.Date(2027, 2, 3, 10, 0, 0, 0, time.UTC),
	}
}

// lastActs are so long before the end of a run that the policy has its say by then.
const lastActs = 40 * day

// cardAfter is how long after a period began that was declined for good a new card is given: sooner than the next week begins, and than
// the policy gives up.
const cardAfter = 3 * day

// dailyRare: only one in so many of those that might be charged daily is. A few of them would make most of the charges.
const dailyRare = 4

// Cast makes the terms of so many subscriptions, which run for so long. A seed says it all.
func Cast(seed uint64, size int, lasts time.Duration) ([]*Story, error) {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // to be repeated
	kinds := []string{"month", "week", "month", "month", "week", "month", "month", "week", "year", "month", "week", "day"}
	var zones []*time.Location
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return nil, fmt.Errorf("find a zone: %w", err)
		}
		zones = append(zones, zone)
	}
	stories := make([]*Story, 0, size)
	for i := range size {
		s := &Story{Name: fmt.Sprintf("s%04d", i), Terms: Terms{
			Interval: kinds[i%len(kinds)], Zone: zones[i%len(zones)], Amount: 500 + int64(random.IntN(9500)), GivesUp: "unpaid",
		}}
		if s.Interval == "day" && i/len(kinds)%dailyRare != 0 {
			s.Interval = "month"
		}
		if random.IntN(2) == 0 {
			s.GivesUp = "cancel"
		}
		s.fate(fates()[(i+i/len(kinds))%len(fates())], random, lasts)
		stories = append(stories, s)
	}
	return stories, nil
}

// fates are what may become of a subscription beside its renewals.
func fates() []string {
	return []string{"", "soft", "cancel", "pause", "recovers", "hard", "cancel at end", "trial", "new card", "ends", "exhausted", "soft"}
}

// fate gives a story its acts. Periods are those of a calendar that begins at the epoch: what matters is how many there are.
func (s *Story) fate(kind string, random *rand.Rand, lasts time.Duration) {
	length := map[string]time.Duration{"day": day, "week": 7 * day, "month": 31 * day, "year": 366 * day}[s.Interval]
	last := int((lasts - lastActs) / length)
	if last < 3 {
		return // it only renews
	}
	period := 2 + random.IntN(last-2)
	before := Act{Period: period, Offset: -13 * time.Hour}
	within := Act{Period: period, Offset: length / 3}
	switch kind {
	case "soft":
		s.Acts = softly(before, last, length, random)
	case "hard":
		before.Do, before.Code, before.Times = Decline, hardCode, -1
		s.Acts = []Act{before}
	case "recovers":
		if s.Interval == "day" {
			return // the next day would begin before a card is given
		}
		before.Do, before.Code, before.Times = Decline, hardCode, -1
		s.Acts = []Act{before, {Do: NewCard, Period: period, Offset: cardAfter}}
	case "new card":
		within.Do = NewCard
		s.Acts = []Act{within}
	case "exhausted":
		before.Do, before.Code, before.Times = Decline, softCode, -1
		s.Acts = []Act{before}
	case "cancel":
		within.Do = CancelNow
		s.Acts = []Act{within}
	case "cancel at end":
		within.Do = CancelAtEnd
		s.Acts = []Act{within}
	case "pause":
		within.Do = Pause
		again := within
		again.Do, again.Period, again.Offset = Resume, min(period+1+random.IntN(3), last), length/2
		s.Acts = []Act{within, again}
	case "trial":
		s.TrialDays = 14
		within.Do = NewCard
		s.Acts = []Act{within}
	case "ends":
		s.EndsIn = time.Duration(period)*length + length/2
	}
}

// softly declines some of the periods one to three times each: every one is paid in the end.
func softly(first Act, last int, length time.Duration, random *rand.Rand) (acts []Act) {
	apart := max(2, int(40*day/length))
	for period := first.Period; period <= last; period += apart + random.IntN(apart) {
		act := first
		act.Do, act.Period, act.Code, act.Times = Decline, period, softCode, 1+random.IntN(3)
		acts = append(acts, act)
	}
	return acts
}
