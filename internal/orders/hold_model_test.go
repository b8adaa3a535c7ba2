package orders_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tillway/internal/money"
	"tillway/internal/orders"
)

// endingFates is how many different fates the captures and voids of a story meet with.
const endingFates = 5

// endingFate is what a capture or void meets with; see fate.
type endingFate struct {
	arrives, lost bool
	outcome       orders.Outcome
	unlisted      time.Duration
}

// ending is a capture or void as the provider has it.
type ending struct {
	order   orders.ModificationOrder
	id      string
	outcome orders.Outcome
	listed  time.Time
	said    []orders.Evidence
	// ended: we were told that it was not carried out.
	ended bool
}

// claims reports whether it ended the hold, or may yet do so.
func (e *ending) claims() bool {
	return e.outcome == orders.OutcomeSucceeded || e.outcome == orders.OutcomeProcessing
}

// kind is what an outcome is of a sale of which the money is only held.
func (c *charge) kind(outcome orders.Outcome) orders.Outcome {
	if outcome == orders.OutcomeSucceeded && c.sale.CaptureMethod == orders.CaptureManual {
		return orders.OutcomeAuthorized
	}
	return outcome
}

// captured is the capture that took the money, nil while there is none.
func (c *charge) captured() *ending { return c.endedBy(orders.ModificationCapture) }

func (c *charge) endedBy(kind orders.ModificationKind) *ending {
	for _, e := range c.endings {
		if e.order.Kind == kind && e.outcome == orders.OutcomeSucceeded {
			return e
		}
	}
	return nil
}

// origin is the transaction that a refund of the charge is about.
func (c *charge) origin() string {
	if e := c.captured(); e != nil {
		return e.id
	}
	return c.id
}

// lapsed reports whether a hold has ended by itself. The lock is held.
func (m *modelProvider) lapsed(c *charge) bool {
	return c.outcome == orders.OutcomeAuthorized && !slices.ContainsFunc(c.endings, (*ending).claims) &&
		m.now().Sub(c.sale.SentAt) >= holdLasts
}

// standing reports whether a hold is there to be captured or voided. The lock is held.
func (m *modelProvider) standing(c *charge) bool {
	return c.outcome == orders.OutcomeAuthorized && !c.back && !slices.ContainsFunc(c.endings, (*ending).claims) && !m.lapsed(c)
}

// Modify takes a capture or void on, once, as long as the hold stands. It complains of one that should not have come.
func (m *modelProvider) Modify(_ context.Context, o orders.ModificationOrder) orders.Evidence {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.endingFates[m.endingCalls%len(m.endingFates)]
	m.endingCalls++
	c := m.holding(o.OriginTransactionID)
	if c == nil {
		m.wrongs = append(m.wrongs, fmt.Sprintf("%s of %s, which is not there", o.Kind, o.OriginTransactionID))
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
	}
	e := &ending{
		order: o, id: fmt.Sprintf("e%d-%s", len(c.endings), o.MerchantTxnID), listed: m.now().Add(f.unlisted), outcome: f.outcome,
	}
	if f.arrives {
		for _, other := range c.endings {
			switch {
			case other.order.MerchantTxnID == o.MerchantTxnID:
				m.wrongs = append(m.wrongs, "sent twice: "+o.MerchantTxnID)
			case !other.ended:
				m.wrongs = append(m.wrongs, fmt.Sprintf("%s sent although a %s is %s", o.Kind, other.order.Kind, other.outcome))
			}
		}
		if !m.standing(c) {
			e.outcome = orders.OutcomeDeclined
		}
		c.endings = append(c.endings, e)
		e.say(c)
	}
	switch {
	case f.lost:
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
	case !f.arrives:
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeNeverSent}
	}
	return m.tellEnding(c, e, e.evidence(c, orders.SourceAnswer))
}

// holding is the charge of that transaction, nil when there is none. The lock is held.
func (m *modelProvider) holding(id string) *charge {
	for _, c := range m.charges {
		if c.id == id || c.hosted() && strings.HasSuffix(id, "-"+c.sale.MerchantTxnID) {
			return c
		}
	}
	return nil
}

// amount is what a capture takes, or a void lets go.
func (e *ending) amount(c *charge) money.Amount {
	if e.order.Amount.IsZero() {
		return c.sale.Amount
	}
	return e.order.Amount
}

// takenMinor is how much of the charge was taken.
func (c *charge) takenMinor() int64 {
	if e := c.captured(); e != nil {
		return e.amount(c).Minor
	}
	return c.sale.Amount.Minor
}

func (e *ending) evidence(c *charge, source orders.Source) orders.Evidence {
	return orders.Evidence{
		Source: source, Outcome: e.outcome, Amount: e.amount(c), ProviderTransactionID: e.id, Body: []byte(`{}`),
	}
}

func (e *ending) say(c *charge) { e.said = append(e.said, e.evidence(c, orders.SourceNotification)) }

// tellEnding notes that the merchant gets to know something. The lock is held.
func (m *modelProvider) tellEnding(c *charge, e *ending, ev orders.Evidence) orders.Evidence {
	e.ended = e.ended || ev.Outcome == orders.OutcomeDeclined
	c.ended = c.ended || ev.Outcome == orders.OutcomeSucceeded && e.order.Kind == orders.ModificationVoid
	return ev
}

// FindModification answers as queries do.
func (m *modelProvider) FindModification(_ context.Context, query orders.Query) (orders.Evidence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return orders.Evidence{}, errModelDown
	}
	for _, c := range m.charges {
		for _, e := range c.endings {
			if e.order.MerchantTxnID == query.MerchantTxnID && !m.now().Before(e.listed) {
				return m.tellEnding(c, e, e.evidence(c, orders.SourceQuery)), nil
			}
		}
	}
	return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
}

// endings are all captures and voids with their charges, in no order that matters beyond one charge. The lock is held.
func (m *modelProvider) allEndings() (endings []*ending, of []*charge) {
	for _, reference := range m.order {
		c := m.charges[reference]
		for _, e := range c.endings {
			endings, of = append(endings, e), append(of, c)
		}
	}
	return endings, of
}

// moveEnding lets a capture or void go on: one that is open ends; one that was declined is carried out after all, while the
// hold stands.
func (m *modelProvider) moveEnding(which int, outcome orders.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	endings, of := m.allEndings()
	if len(endings) == 0 {
		return
	}
	e, c := endings[which%len(endings)], of[which%len(endings)]
	late := e.outcome == orders.OutcomeDeclined && outcome == orders.OutcomeSucceeded && m.standing(c)
	if e.outcome == orders.OutcomeProcessing || late {
		e.outcome = outcome
		e.say(c)
	}
}

// finishEndings ends the captures and voids of a charge that are open, and lists them. The lock is held.
func (m *modelProvider) finishEndings(c *charge, outcome orders.Outcome) {
	for _, e := range c.endings {
		e.listed = time.Time{}
		if e.outcome == orders.OutcomeProcessing {
			if e.outcome = orders.OutcomeDeclined; outcome == orders.OutcomeSucceeded {
				e.outcome = outcome
			}
			e.say(c)
		}
	}
}

// endingNews is a piece of news of a capture or void, picked by two numbers, to be delivered now.
func (m *modelProvider) endingNews(which, piece int) (reference string, ev orders.Evidence, some bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	endings, of := m.allEndings()
	if len(endings) == 0 {
		return "", orders.Evidence{}, false
	}
	e, c := endings[which%len(endings)], of[which%len(endings)]
	return e.order.MerchantTxnID, m.tellEnding(c, e, e.said[piece%len(e.said)]), true
}

// endingsSaid returns how many captures and voids there are, and the most that was said of one.
func (m *modelProvider) endingsSaid() (count, pieces int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	endings, _ := m.allEndings()
	for _, e := range endings {
		pieces = max(pieces, len(e.said))
	}
	return len(endings), pieces
}

// released reports whether the provider holds nothing for the payment any more.
func (m *modelProvider) released(reference string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.charges[reference]
	return c == nil || !m.standing(c)
}
