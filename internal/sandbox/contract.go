package sandbox

import (
	"time"
)

// terms are what a subscription was agreed on with (Onerway contract §7, requestType 0).
type terms struct {
	unit              string // D, M or Y
	every             int
	managed           bool // the provider charges by itself (selfExecute 1)
	cycles            int  // charges in all, the purchase included; 0 without limit
	expireDate        string
	trialDays         int
	productName       string
	notificationEmail string
}

// chargeFacts is what a transaction of a subscription has beside others: the purchase that began it, or a renewal. It is
// settled when the transaction is booked, so copies of a transaction may share it.
type chargeFacts struct {
	contractID, tokenID string
	products            string
	period              int    // 0 is the purchase
	terms               *terms // of the purchase only
	// sentAt is when the merchant's clock says that it was sent (merchantTxnTime), zero where that does not count.
	sentAt time.Time
}

// scenario is what notifications call the charge (Onerway contract §6).
func (f *chargeFacts) scenario() string {
	if f.terms != nil {
		return "SUBSCRIPTION_INITIAL"
	}
	return "SUBSCRIPTION_RENEWAL"
}

// contractState is dataStatus and subscriptionStatus.
type contractState struct{ data, subscription string }

// contract is one subscription. The ledger's lock guards it. How it stands is worked out from its charges and the clock, so
// that it cannot disagree with them.
type contract struct {
	id, tokenID         string
	terms               terms
	purchase            *transaction
	expMonth, expYear   string
	renewals            []*transaction
	startedAt           time.Time // when the purchase succeeded; zero before
	failed              bool      // the purchase did not succeed
	canceled, abandoned bool      // at once by the merchant; by us, for want of payment
	cancelOn            time.Time // when a cancellation takes effect that was asked for in advance
	cancelDate          string    // its date, where one was named
	declines            []orderedDecline
	pace                pace
}

// orderedDecline is what a tester wants to become of the next renewals; left is how many, negative for all.
type orderedDecline struct {
	reason reason
	left   int
}

// agreed is the contract's own time: as the clock says, or faster where the sandbox's waits are (ClockScale).
func (c *contract) agreed(now time.Time) time.Time {
	if c.startedAt.IsZero() {
		return now
	}
	return c.startedAt.Add(c.pace.quickened(now.Sub(c.startedAt)))
}

// onClock is when the clock shows a moment of the contract's own time.
func (c *contract) onClock(at time.Time) time.Time {
	return c.startedAt.Add(c.pace.slowed(at.Sub(c.startedAt)))
}

// dueAt is when a period begins, in the contract's own time: counted from the purchase, or from the end of the trial.
func (c *contract) dueAt(period int) time.Time {
	anchor := c.startedAt.In(zone())
	if c.terms.trialDays > 0 {
		anchor, period = anchor.AddDate(0, 0, c.terms.trialDays), period-1
	}
	return addPeriods(anchor, c.terms.unit, c.terms.every*period)
}

// addPeriods counts from the anchor every time, so that the 31st comes back after a short month: 31 January, 28 February,
// 31 March. The documents do not say what becomes of such a day; the last one of the month is taken [sim].
func addPeriods(anchor time.Time, unit string, n int) time.Time {
	months := n
	switch unit {
	case "D":
		return anchor.AddDate(0, 0, n)
	case "Y":
		months = 12 * n
	}
	first := time.Date(anchor.Year(), anchor.Month()+time.Month(months), 1,
		anchor.Hour(), anchor.Minute(), anchor.Second(), anchor.Nanosecond(), anchor.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(anchor.Day(), last)-1)
}

// periodAt is the period that a day is in. Days are the provider's: a renewal is due from midnight of its day [sim].
func (c *contract) periodAt(now time.Time) int {
	days := int(midnight(c.agreed(now)).Sub(midnight(c.startedAt)) / (24 * time.Hour))
	return days / c.terms.every
}

// midnight is how a day begins at the provider's, whose zone has no summer time.
func midnight(at time.Time) time.Time {
	at = at.In(zone())
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
}

// claimed tells whether a period is paid, or may be by a charge that is processed.
func (c *contract) claimed(period int) bool {
	for _, t := range c.renewals {
		if t.charge.period == period && t.status.claims() {
			return true
		}
	}
	return period == 0
}

// next is the first period that has not been charged for successfully.
func (c *contract) next() int {
	period := 1
	for c.claimed(period) {
		period++
	}
	return period
}

// ended tells whether there is nothing more to charge at a moment of the contract's own time: its cycles are over, or its day
// has come.
func (c *contract) ended(at time.Time) bool {
	if c.terms.cycles > 0 && !at.Before(c.dueAt(c.terms.cycles)) {
		return true
	}
	return c.terms.expireDate != "" && wireDateOf(at) >= c.terms.expireDate
}

// over tells whether a cancellation has taken effect.
func (c *contract) over(at time.Time) bool {
	return c.canceled || c.abandoned || (!c.cancelOn.IsZero() && !at.Before(c.cancelOn))
}

// state is how the contract stands. Which pairs there are is documented in part only (Onerway contract §6, §14); those of a
// purchase that failed and of an end are [sim].
func (c *contract) state(now time.Time) contractState {
	at := c.agreed(now)
	switch {
	case c.over(at):
		return contractState{"3", "canceled"}
	case c.startedAt.IsZero() && c.failed:
		return contractState{"2", "ended"}
	case c.startedAt.IsZero():
		return contractState{"0", "paymentdue"}
	case c.ended(at):
		return contractState{"3", "ended"}
	case len(c.renewals) > 0 && c.renewals[len(c.renewals)-1].status == statusFailed:
		return contractState{"1", "pastdue"}
	case c.terms.trialDays > 0 && at.Before(c.dueAt(1)):
		return contractState{"1", "trialing"}
	default:
		return contractState{"1", "active"}
	}
}

// declined is why the next renewal fails: because a tester wants it to, or because the card is no good any more; the zero
// reason when it succeeds. It counts as that renewal.
func (c *contract) declined(at time.Time) reason {
	for i := range c.declines {
		if c.declines[i].left != 0 {
			c.declines[i].left--
			return c.declines[i].reason
		}
	}
	if cardExpired(c.expMonth, c.expYear, at) {
		return reason{"20054", "Expired card"}
	}
	return c.purchase.behavior.decline
}

// anchor is the next time that a charge is due, as sub/detail shows it; nil when there is none.
func (c *contract) anchor(now time.Time) any {
	if c.startedAt.IsZero() || c.state(now).data != "1" {
		return nil
	}
	due := c.dueAt(c.next())
	if c.ended(due) || c.over(due) {
		return nil
	}
	return wireTimeOf(c.onClock(due))
}
