package renewals

import "time"

// Terms are what a subscription is asked to be.
type Terms struct {
	Interval  string // day, week, month or year
	Zone      *time.Location
	Amount    int64 // minor units of EUR
	TrialDays int
	// GivesUp is what the policy says at last: unpaid or cancel.
	GivesUp string
	// EndsIn is how long after its beginning it ends by itself; zero for never.
	EndsIn time.Duration
	// Acts are what happens to it, in the order of time.
	Acts []Act
}

// Act is something that is done to a subscription: Offset after period Period begins, or before where it is negative.
type Act struct {
	Do     Deed
	Period int
	Offset time.Duration
	// Code and Times are what the provider is told to decline with, how often; negative for ever.
	Code  string
	Times int
}

// Deed is a kind of act.
type Deed string

// The deeds.
const (
	Decline     Deed = "decline"
	Pause       Deed = "pause"
	Resume      Deed = "resume"
	CancelNow   Deed = "cancel"
	CancelAtEnd Deed = "cancel_at_period_end"
	NewCard     Deed = "new_card"
)

// The codes that the provider declines with here: one that may be tried again, and one that may not (Onerway contract §15).
const (
	softCode = "20051"
	hardCode = "20054"
)

// retryDays and giveUpDays are the policy of every subscription (design §4).
func retryDays() []int { return []int{1, 3, 5, 7, 10} }

const giveUpDays = 14

// Story is one subscription: what it was asked to be, and when what was done to it.
type Story struct {
	Terms

	Name, ID, Customer string
	// Anchor is when period 0 begins, EndsAt when it ends by itself; zero for never.
	Anchor, EndsAt time.Time
	// Begun: its purchase was paid. Of one that was not, nothing is charged.
	Begun bool
	// Done is when each act was answered, in the order of Acts; those that were not done yet are missing.
	Done []time.Time
}

// begins notes when it was created, with which its calendar begins, or after its trial.
func (s *Story) begins(created time.Time) {
	s.Anchor = created.UTC()
	if s.TrialDays > 0 {
		trial := Story{Terms: Terms{Interval: "day", Zone: s.Zone}, Anchor: s.Anchor}
		s.Anchor = trial.start(s.TrialDays)
	}
}

// start is when a period begins, by the calendar on the wall of its zone.
func (s *Story) start(n int) time.Time {
	at := s.Anchor.In(s.Zone)
	year, month, day := at.Date()
	switch s.Interval {
	case "day":
		day += n
	case "week":
		day += 7 * n
	case "month":
		year, month = year+(int(month)-1+n)/12, time.Month((int(month)-1+n)%12+1)
		day = min(day, daysIn(year, month))
	default:
		year += n
		day = min(day, daysIn(year, month))
	}
	return time.Date(year, month, day, at.Hour(), at.Minute(), at.Second(), 0, s.Zone).UTC()
}

func daysIn(year int, month time.Month) int {
	leap := year%4 == 0 && (year%100 != 0 || year%400 == 0)
	if month == time.February && leap {
		return 29
	}
	return []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

// at is when an act is due.
func (s *Story) at(a Act) time.Time { return s.start(a.Period).Add(a.Offset) }

// doneAt is when an act of a kind was done first; false when it was not.
func (s *Story) doneAt(do Deed) (at time.Time, done bool) {
	for i, a := range s.Acts[:min(len(s.Done), len(s.Acts))] {
		if a.Do == do {
			return s.Done[i], true
		}
	}
	return time.Time{}, false
}

// declines is what the provider was told to decline of a period.
func (s *Story) declines(period int) (code string, times int) {
	for i, a := range s.Acts {
		if a.Do == Decline && a.Period == period && i < len(s.Done) {
			return a.Code, a.Times
		}
	}
	return "", 0
}

// byCard is when a new card was given that pays a period which was declined for good; false for none.
func (s *Story) byCard(period int) (at time.Time, given bool) {
	code, _ := s.declines(period)
	at, given = s.doneAt(NewCard)
	return at, given && code == hardCode
}

// paused tells whether a moment lies in a pause.
func (s *Story) paused(at time.Time) bool {
	from, paused := s.doneAt(Pause)
	until, resumed := s.doneAt(Resume)
	return paused && at.After(from) && (!resumed || !at.After(until))
}

// over is when the subscription has ended by command or by its time, and as what; the zero time when it has not by now.
func (s *Story) over(now time.Time) (at time.Time, as string) {
	keep := func(end time.Time, status string) {
		if !end.After(now) && (at.IsZero() || end.Before(at)) {
			at, as = end, status
		}
	}
	if done, ok := s.doneAt(CancelNow); ok {
		keep(done, "canceled")
	}
	if done, ok := s.doneAt(CancelAtEnd); ok {
		n := 0
		for !s.start(n).After(done) {
			n++
		}
		keep(s.start(n), "canceled")
	}
	if !s.EndsAt.IsZero() {
		keep(s.EndsAt, "expired")
	}
	return at, as
}
