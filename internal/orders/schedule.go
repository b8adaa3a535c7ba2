package orders

import "time"

// queriedUntil is how long the provider is asked about an open payment on its own; after that a person must look too.
const queriedUntil = 7 * 24 * time.Hour

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
