package orders

import "time"

// queriedUntil is how long the provider is asked about an open payment on its own; after that a person must look too.
const queriedUntil = 7 * 24 * time.Hour

// lookAgain is the next time, none left being zero, at which the provider is asked about what ended without success: an hour
// and a day after its end. It may find out late that money moved after all, and its notification of that may be lost
// (design §1: no money is taken that we never learn of).
func lookAgain(endedAt, now time.Time) time.Time {
	for _, after := range [...]time.Duration{time.Hour, 24 * time.Hour} {
		if at := endedAt.Add(after); at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// Schedule is when the provider is asked about an open outcome: offsets since sending, increasing. After the last one it
// is asked daily.
type Schedule []time.Duration

// Next returns the first check after now for something sent at sentAt.
func (s Schedule) Next(sentAt, now time.Time) time.Time {
	for _, offset := range s {
		if at := sentAt.Add(offset); at.After(now) {
			return at
		}
	}
	last := sentAt
	if len(s) > 0 {
		last = sentAt.Add(s[len(s)-1])
	}
	days := now.Sub(last)/(24*time.Hour) + 1
	return last.Add(days * 24 * time.Hour)
}
