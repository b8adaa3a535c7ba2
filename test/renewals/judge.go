package renewals

import (
	"fmt"
	"slices"
	"time"
)

// Seen is what both sides tell of one subscription.
type Seen struct {
	Status string
	// Orders are ours, Attempts the provider's, by the order that they pay, the oldest first.
	Orders   []Order
	Attempts map[string][]Attempt
	// Events are the types of the subscription's events; Sequences those of all events of its customer.
	Events    []string
	Sequences []int64
	// Contracts are the provider's words for how its contracts stand.
	Contracts []string
}

// Order is an order of ours. From is when its period begins, zero for an order that only verified a card.
type Order struct {
	ID           string
	From, To     time.Time
	Status       string
	Amount, Paid int64
	Refunded     int64
	Review       bool
	// Succeeded is how many of its payments we call so.
	Succeeded int
}

// Attempt is one charge in the provider's books.
type Attempt struct {
	At     time.Time
	Paid   bool
	Code   string
	Amount int64
}

const (
	// slack is how long after its time something may be done: the steps of the clock, and the tries after a fault on the way.
	slack = 48 * time.Hour
	// providerZone is the zone by whose days the provider counts (Onerway contract §4).
	providerZone = 8 * time.Hour
	day          = 24 * time.Hour
	// apart is what lies between two tries of one period at least.
	apart = 12 * time.Hour
	// skew is how far the provider's clock may be ahead of ours.
	skew = 2 * time.Second
)

// judgment is the work of holding one subscription against its story.
type judgment struct {
	*Story

	seen     Seen
	now      time.Time
	findings []string
	// status is what it ought to be. Paid, owed and recovered count periods.
	status                string
	paid, owed, recovered int
	// paidAt is when the last period was paid.
	paidAt time.Time
}

// Judge holds what both sides tell of a subscription against its story, as of now, and says what is wrong in full sentences.
func (s *Story) Judge(seen Seen, now time.Time) []string {
	j := &judgment{Story: s, seen: seen, now: now, status: "active"}
	if !s.Begun {
		j.neverBegun()
	} else {
		j.periods()
		j.ending()
	}
	j.events()
	return j.findings
}

func (j *judgment) find(format string, args ...any) {
	j.findings = append(j.findings, j.Name+": "+fmt.Sprintf(format, args...))
}

// neverBegun holds one whose purchase did not come to be: nothing is charged for it.
func (j *judgment) neverBegun() {
	j.status = "expired"
	for _, o := range j.seen.Orders {
		if o.Paid > 0 || successes(j.seen.Attempts[o.ID]) > 0 {
			j.find("it never began, and order %s was charged", o.ID)
		}
	}
	if j.seen.Status != j.status {
		j.find("it is %s, and never began", j.seen.Status)
	}
}

// periods goes through the calendar.
func (j *judgment) periods() {
	orders := map[time.Time]Order{}
	for _, o := range j.seen.Orders {
		switch _, twice := orders[o.From]; {
		case o.From.IsZero():
			j.verification(o)
		case twice:
			j.find("the period from %s has two orders", stamp(o.From))
		default:
			orders[o.From] = o
		}
	}
	end, as := j.over(j.now)
	if as != "" {
		j.status = as
	}
	if j.TrialDays > 0 && j.now.Before(j.Anchor) && as == "" {
		j.status = "trialing"
	}
	for n := 0; j.start(n).Before(j.now); n++ {
		from := j.start(n)
		if (!end.IsZero() && !from.Before(end)) || j.paused(from) {
			continue // an order would be left over
		}
		o, ordered := orders[from]
		delete(orders, from)
		if !ordered && j.now.Before(nextDay(j.paidAt)) {
			break // the one before was paid so late that the provider's day is used up
		}
		if !ordered {
			j.find("the period from %s has no order", stamp(from))
			continue
		}
		if !j.period(n, o) {
			break
		}
	}
	for from, o := range orders {
		j.find("order %s begins at %s, where nothing is to be charged", o.ID, stamp(from))
	}
	if at, paused := j.doneAt(Pause); paused && j.paused(j.now) && end.IsZero() && j.now.After(at) {
		j.status = "paused"
	}
}

// ending holds how the subscription and its contracts stand.
func (j *judgment) ending() {
	if j.seen.Status != j.status {
		j.find("it is %s, and ought to be %s", j.seen.Status, j.status)
	}
	ended := j.status == "canceled" || j.status == "expired"
	live := 0
	for _, state := range j.seen.Contracts {
		if state != "canceled" && state != "ended" {
			live++
		}
	}
	switch {
	case ended && live > 0:
		j.find("it is %s, and the provider still has a contract to charge by", j.status)
	case !ended && live != 1:
		j.find("it is %s, and the provider has %d contracts to charge by", j.status, live)
	}
}

// events holds what was told.
func (j *judgment) events() {
	for i, sequence := range j.seen.Sequences {
		if sequence != int64(i+1) {
			j.find("event %d of its customer has number %d", i+1, sequence)
			break
		}
	}
	ended := j.status == "canceled" || j.status == "expired"
	_, paused := j.doneAt(Pause)
	_, resumed := j.doneAt(Resume)
	for kind, want := range map[string]int{
		"created": 1, "activated": count(j.Begun), "renewed": j.paid, "past_due": j.owed, "recovered": j.recovered,
		"unpaid": count(j.status == "unpaid"), "canceled": count(ended), "paused": count(paused), "resumed": count(resumed),
	} {
		told := 0
		for _, event := range j.seen.Events {
			if event == "subscription."+kind {
				told++
			}
		}
		if told != want {
			j.find("%s was told %d times, and %d times is right", kind, told, want)
		}
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

func successes(tried []Attempt) (paid int) {
	for _, a := range tried {
		paid += count(a.Paid)
	}
	return paid
}

// nextDay is when the provider's next day begins; the zero time for none.
func nextDay(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.UTC().Add(providerZone).Truncate(day).Add(day - providerZone)
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") }

// sorted puts attempts in the order of time.
func sorted(tried []Attempt) []Attempt {
	slices.SortStableFunc(tried, func(a, b Attempt) int { return a.At.Compare(b.At) })
	return tried
}
