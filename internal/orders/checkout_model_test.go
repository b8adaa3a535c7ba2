package orders_test

import (
	"fmt"
	"time"

	"tillway/internal/orders"
)

// sessionLasts is for how long a checkout session can be paid.
const sessionLasts = 30 * time.Minute

func (c *charge) hosted() bool { return c.sale.Method == orders.MethodHosted }

// ofSession is the fate of the request for a checkout session: it is refused or opens the session, and tells no lies.
func (f fate) ofSession() fate {
	f.falsely = false
	if f.outcome != orders.OutcomeDeclined {
		f.outcome = orders.OutcomeActionRequired
	}
	return f
}

// sessionOver reports whether nobody can pay in the session any more. The lock is held.
func (m *modelProvider) sessionOver(c *charge) bool {
	return m.now().Sub(c.sale.SentAt) >= sessionLasts
}

// endSession closes a session whose time is over. The lock is held.
func (m *modelProvider) endSession(c *charge) {
	if c.hosted() && c.open() && m.sessionOver(c) {
		m.closeSession(c)
	}
}

// closeSession tells of the end of a session that nobody has paid, unless the failure of its latest attempt is all that is told.
func (m *modelProvider) closeSession(c *charge) {
	c.outcome = orders.OutcomeClosed
	if !m.silent || c.attempts == 0 {
		c.said = append(c.said, c.evidence(orders.SourceNotification, orders.OutcomeClosed))
	}
}

// attempt lets the shopper try to pay on the checkout page, by a transaction of its own. The lock is held.
func (m *modelProvider) attempt(c *charge, outcome orders.Outcome) {
	if !c.open() {
		return
	}
	if outcome == orders.OutcomeClosed {
		m.closeSession(c)
		return
	}
	c.attempts++
	c.id = fmt.Sprintf("a%d-%s", c.attempts, c.sale.MerchantTxnID)
	if outcome == orders.OutcomeSucceeded {
		m.become(c, c.kind(outcome))
		return
	}
	c.failed = true
	c.said = append(c.said, c.evidence(orders.SourceNotification, m.record(c)))
}

// record is what the provider's books say of a charge now. The lock is held.
func (m *modelProvider) record(c *charge) orders.Outcome {
	switch {
	case !c.hosted() || !c.failed || c.outcome != orders.OutcomeActionRequired && c.outcome != orders.OutcomeClosed:
		return c.outcome
	case m.silent:
		return orders.OutcomeDeclined
	case c.outcome == orders.OutcomeClosed:
		return c.outcome
	default:
		return orders.OutcomeAttemptFailed
	}
}

// finishSession lets the shopper pay, or leave for good. The lock is held.
func (m *modelProvider) finishSession(c *charge, outcome orders.Outcome) {
	if outcome == orders.OutcomeSucceeded && !m.sessionOver(c) {
		m.attempt(c, outcome)
		return
	}
	m.closeSession(c)
}
