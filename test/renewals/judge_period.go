package renewals

import (
	"slices"
	"time"
)

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
	if j.calledOff(n, o) {
		j.money(from, o, tried)
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
	if given, ok := j.byCard(n); ok {
		j.recovers(n, tried, given)
		lasts = true
	} else {
		j.attempts(n, tried, code, times, lasts)
	}
	if !lasts {
		j.givenUp(from, o, tried)
		return false
	}
	if times != 0 {
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

// calledOff tells whether a period was called off, by a pause or a cancellation, before it could be tried again after a fault on the
// way.
func (j *judgment) calledOff(n int, o Order) bool {
	ready := j.ready(n)
	return o.Status == "canceled" && slices.ContainsFunc([]Deed{Pause, CancelNow}, func(do Deed) bool {
		at, done := j.doneAt(do)
		return done && at.After(ready) && at.Before(ready.Add(slack)) && at.Before(j.start(n+1))
	})
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
	from, want := stamp(j.start(n)), times+1
	if code == hardCode {
		want = 1
	}
	givenUp := !lasts && code == softCode // after as many tries as the policy has days
	if len(tried) == 0 || (!givenUp && len(tried) != want) {
		j.find("the period from %s was tried %d times, and %d times is right", from, len(tried), want)
		return
	}
	ready := j.ready(n)
	if first := tried[0].At; first.Before(ready) || first.After(ready.Add(slack)) {
		j.find("the period from %s was first tried at %s, and could be from %s on", from, stamp(first), stamp(ready))
	}
	for i, a := range tried {
		if last := i == len(tried)-1; a.Paid != (last && lasts) {
			j.find("try %d of the period from %s was paid: %t", i+1, from, a.Paid)
		}
		if !a.Paid && a.Code != code {
			j.find("try %d of the period from %s was declined with %s, not %q", i+1, from, a.Code, code)
		}
	}
	if left := j.retries(n, tried); givenUp && len(left) > 0 {
		j.find("the period from %s was given up after %d tries, with %d days left", from, len(tried), len(left))
	}
}

// recovers holds a period that was declined for good and then paid by a new card.
func (j *judgment) recovers(n int, tried []Attempt, given time.Time) {
	from := j.start(n)
	if len(tried) != 2 {
		j.find("the period from %s was tried %d times, and once by each card is right", stamp(from), len(tried))
		return
	}
	first, last := tried[0], tried[1]
	if first.Paid || first.Code != hardCode || first.At.Before(j.ready(n)) || first.At.After(j.ready(n).Add(slack)) {
		j.find("the period from %s was first tried at %s with %q, and was to be declined for good", stamp(from), stamp(first.At), first.Code)
	}
	if !last.Paid || last.At.Before(first.At) || last.At.After(given.Add(skew)) {
		j.find("the period from %s was tried again at %s, paid: %t, and was to be paid by the card of %s",
			stamp(from), stamp(last.At), last.Paid, stamp(given))
	}
}

// ready is from when a period can be charged: when it begins, and on the provider's day after the one before was paid.
func (j *judgment) ready(n int) time.Time {
	ready := j.start(n)
	if next := nextDay(j.paidAt); n > 0 && next.After(ready) {
		ready = next
	}
	return ready
}

// retries holds the tries after the first to the policy's days, and returns the days that are left. They count from the first failure:
// that of the first try, or of one before it that a fault kept from the provider. One that comes too soon after a try is left out.
func (j *judgment) retries(n int, tried []Attempt) (left []int) {
	left = retryDays()
	ready := j.ready(n)
	var sooner, later time.Time
	leaveOut := func(before Attempt, unless func() bool) {
		for len(left) > 0 {
			within := time.Duration(left[0]) * day
			sooner, later = ready.Add(within-skew), tried[0].At.Add(within+slack)
			if unless() || !sooner.Before(before.At.Add(apart)) {
				return
			}
			left = left[1:]
		}
	}
	for i, a := range tried[1:] {
		fits := func() bool {
			return !a.At.Before(sooner) && !a.At.After(later) && !a.At.Before(tried[i].At.Add(apart-skew))
		}
		leaveOut(tried[i], fits)
		if len(left) == 0 || !fits() {
			j.find("try %d of the period from %s was at %s, and due from %s to %s",
				i+2, stamp(j.start(n)), stamp(a.At), stamp(sooner), stamp(later))
			return nil
		}
		left = left[1:]
	}
	leaveOut(tried[len(tried)-1], func() bool { return false })
	return left
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

// verification holds an order that only verified a card, before a trial or in place of another: what it charged is given back.
func (j *judgment) verification(o Order) {
	_, changed := j.doneAt(NewCard)
	paid := successes(j.seen.Attempts[o.ID])
	switch {
	case j.TrialDays == 0 && !changed:
		j.find("order %s is for no period, and there is no trial and no new card", o.ID)
	case paid != o.Succeeded || paid > 1 || (paid == 0 && !changed):
		j.find("order %s was to verify the card, was charged %d times there and %d times here", o.ID, paid, o.Succeeded)
	case paid == 1 && o.Refunded != o.Amount:
		j.find("order %s was to verify the card, and %d of %d were given back", o.ID, o.Refunded, o.Amount)
	}
}
