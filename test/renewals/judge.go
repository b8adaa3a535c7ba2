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

// period holds one period; false where it is the last because it was given up.
func (j *judgment) period(n int, o Order) bool {
	from, to := j.start(n), j.start(n+1)
	tried := j.seen.Attempts[o.ID]
	if !o.To.Equal(to) {
		j.find("the period from %s ends at %s in our order, and at %s by the calendar", stamp(from), stamp(o.To), stamp(to))
	}
	if o.Amount != j.Amount {
		j.find("the period from %s costs %d, and %d was asked for", stamp(from), o.Amount, j.Amount)
	}
	if o.Review {
		j.missed(from, to, o, tried)
		return true
	}
	if !j.paidAt.Before(to) {
		j.find("the period from %s was over when the one before was paid at %s, and was charged all the same", stamp(from), stamp(j.paidAt))
	}
	j.money(from, o, tried)
	code, times := j.declines(n)
	lasts := times >= 0 && times <= len(retryDays()) && (code != hardCode || times == 0)
	if times != 0 {
		j.owed++
	}
	j.attempts(n, tried, code, times, lasts)
	if !lasts {
		j.givenUp(from, o, tried)
		return false
	}
	if times > 0 {
		j.recovered++
	}
	if n > 0 || j.TrialDays > 0 {
		j.paid++
	}
	if o.Status != "paid" {
		j.find("the period from %s is to be paid, and its order is %s", stamp(from), o.Status)
	}
	if len(tried) > 0 {
		j.paidAt = tried[len(tried)-1].At
	}
	return true
}

// missed holds a period that passed while the one before was owed: it is shown to a person and charged to nobody.
func (j *judgment) missed(from, to time.Time, o Order, tried []Attempt) {
	if len(tried) > 0 || o.Paid > 0 {
		j.find("the period from %s was left to a person, and charged", stamp(from))
	}
	if j.paidAt.IsZero() || j.paidAt.Before(from) || nextDay(j.paidAt).Add(slack).Before(to) {
		j.find("the period from %s was left to a person, and nothing kept it from being charged", stamp(from))
	}
}

// money holds one order to the rule that it is paid once or not at all, on both sides alike.
func (j *judgment) money(from time.Time, o Order, tried []Attempt) {
	paid := successes(tried)
	switch {
	case paid > 1:
		j.find("the period from %s was charged %d times", stamp(from), paid)
	case o.Succeeded != paid:
		j.find("the period from %s was charged %d times, and we have %d payments that succeeded", stamp(from), paid, o.Succeeded)
	case o.Paid != int64(paid)*o.Amount:
		j.find("the period from %s was charged %d times, and %d of %d are paid here", stamp(from), paid, o.Paid, o.Amount)
	}
	for _, a := range tried {
		if a.Amount != o.Amount {
			j.find("the period from %s costs %d, and %d was charged", stamp(from), o.Amount, a.Amount)
		}
		if a.At.Before(from) {
			j.find("the period from %s was charged before it began, at %s", stamp(from), stamp(a.At))
		}
		if j.paused(a.At) && j.paused(a.At.Add(-skew)) {
			j.find("the period from %s was charged at %s, while it was paused", stamp(from), stamp(a.At))
		}
		if end, as := j.over(j.now); as != "" && a.At.After(end.Add(skew)) {
			j.find("the period from %s was charged at %s, after it had ended at %s", stamp(from), stamp(a.At), stamp(end))
		}
	}
}

// attempts holds when a period was tried, and what came of it, against what the provider was told and the policy says.
func (j *judgment) attempts(n int, tried []Attempt, code string, times int, lasts bool) {
	from := j.start(n)
	want := times + 1
	switch {
	case times < 0 && code == hardCode:
		want = 1
	case !lasts:
		want = len(retryDays()) + 1
	}
	if len(tried) != want {
		j.find("the period from %s was tried %d times, and %d times is right", stamp(from), len(tried), want)
		return
	}
	ready := from
	if next := nextDay(j.paidAt); n > 0 && next.After(ready) {
		ready = next
	}
	if first := tried[0].At; first.Before(ready) || first.After(ready.Add(slack)) {
		j.find("the period from %s was first tried at %s, and could be from %s on", stamp(from), stamp(first), stamp(ready))
	}
	for i, a := range tried {
		if last := i == len(tried)-1; a.Paid != (last && lasts) {
			j.find("try %d of the period from %s was paid: %t", i+1, stamp(from), a.Paid)
		}
		if !a.Paid && a.Code != code {
			j.find("try %d of the period from %s was declined with %s, not %q", i+1, stamp(from), a.Code, code)
		}
		if i == 0 {
			continue
		}
		if due := tried[0].At.Add(time.Duration(retryDays()[i-1]) * day); a.At.Before(due.Add(-skew)) || a.At.After(due.Add(slack)) {
			j.find("try %d of the period from %s was at %s, and due at %s", i+1, stamp(from), stamp(a.At), stamp(due))
		}
	}
}

// givenUp holds a period that the policy gave up.
func (j *judgment) givenUp(from time.Time, o Order, tried []Attempt) {
	ends := giveUpDays * day
	switch {
	case len(tried) == 0:
		return
	case j.now.Before(tried[0].At.Add(ends)):
		j.status = "past_due"
	case j.GivesUp == "cancel":
		j.status = "canceled"
	default:
		j.status = "unpaid"
	}
	if want := map[string]string{"canceled": "canceled"}[j.status]; o.Paid > 0 || (want != "" && o.Status != want) {
		j.find("the period from %s was given up, and its order is %s with %d paid", stamp(from), o.Status, o.Paid)
	}
}

// verification holds the order that only verified a card before a trial: what it charged is given back.
func (j *judgment) verification(o Order) {
	switch tried := j.seen.Attempts[o.ID]; {
	case j.TrialDays == 0:
		j.find("order %s is for no period, and there is no trial", o.ID)
	case successes(tried) != 1 || o.Succeeded != 1:
		j.find("order %s was to verify the card, was charged %d times there and %d times here", o.ID, successes(tried), o.Succeeded)
	case o.Refunded != o.Amount:
		j.find("order %s was to verify the card, and %d of %d were given back", o.ID, o.Refunded, o.Amount)
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
