package orders_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tillway/internal/money"
	"tillway/internal/orders"
)

// fate is what a sale meets with: what becomes of it at the provider, and what its sender is told.
type fate struct {
	// arrives: the provider gets the request; lost: the sender gets no answer to rely on. What does not arrive and is not lost
	// was never sent, and the sender knows.
	arrives, lost bool
	// falsely: the answer says that the money was taken, whatever became of it. Only the provider's later word counts then.
	falsely bool
	outcome orders.Outcome
	// unlisted is for how long queries do not see it.
	unlisted time.Duration
	// held keeps the answer back until it is released; leave is called when the sale is under way.
	held  bool
	leave context.CancelFunc
}

type fateKey struct{}

var errModelDown = errors.New("the model of the provider is down")

// charge is a sale as the provider has it.
type charge struct {
	sale    orders.Sale
	id      string
	outcome orders.Outcome
	listed  time.Time
	// said is every notification there is of it, the oldest first.
	said []orders.Evidence
	// ended: we were told that no money was taken, or that its hold was given up. falsely: we were told by the answer that it
	// was taken.
	ended, falsely bool
	// endings are the captures and voids of what it holds; see hold_model_test.go.
	endings []*ending
	// attempts counts the shopper's tries on the checkout page, each of which is a transaction of its own, and failed is set while
	// the latest of them failed; see checkout_model_test.go.
	attempts int
	failed   bool
	// cancellation is the latest that was asked for, back says that it gave the money back; see cancel_model_test.go.
	cancellation *cancellation
	back         bool
}

// modelProvider is what a payment provider does, without the wire: it takes money once for each sale that reaches it, and
// says so, sooner or later, once or several times, to those who ask and to those who do not. It notes when it is asked to
// take money for an order that it has taken money for already, as far as it has let that be known.
type modelProvider struct {
	now func() time.Time

	mu      sync.Mutex
	charges map[string]*charge
	order   []string // references of the charges, in the order of their arrival
	down    bool
	held    []chan struct{}
	wrongs  []string

	// endingFates are what the captures and voids meet with, one after the other.
	endingFates []endingFate
	endingCalls int

	// refundFates are what the refunds meet with, one after the other; refunds are those that arrived, in that order.
	refundFates []refundFate
	refundCalls int
	refunds     []*modelRefund

	// cancelFates are what the cancellations meet with, one after the other.
	cancelFates []cancelFate
	cancelCalls int

	// cases are the chargebacks and warnings, in the order in which they began.
	cases []*modelCase

	// silent: what is told of a failed attempt on the checkout page does not say that the session is still open.
	silent bool
	// saved: the latest card that was to be saved was.
	saved bool
}

func newModelProvider(now func() time.Time) *modelProvider {
	return &modelProvider{now: now, charges: map[string]*charge{}}
}

func (m *modelProvider) Accepts(money.Amount) error                    { return nil }
func (m *modelProvider) Admit(context.Context, orders.Initiator) error { return nil }

func (m *modelProvider) Sale(ctx context.Context, sale orders.Sale) orders.Evidence {
	f, _ := ctx.Value(fateKey{}).(fate)
	m.mu.Lock()
	if m.charges[sale.MerchantTxnID] != nil {
		m.wrongs = append(m.wrongs, "sent twice: "+sale.MerchantTxnID)
	}
	for _, reference := range m.order {
		if c := m.charges[reference]; !c.ended && !m.lapsed(c) {
			m.wrongs = append(m.wrongs, fmt.Sprintf("sent although %s of the order is %s", c.sale.MerchantTxnID, c.outcome))
		}
	}
	c := &charge{sale: sale, id: fmt.Sprintf("t%d-%s", len(m.charges), sale.MerchantTxnID), listed: m.now().Add(f.unlisted)}
	if c.hosted() {
		f = f.ofSession()
	}
	c.falsely = f.falsely
	if f.arrives {
		m.charges[sale.MerchantTxnID] = c
		m.order = append(m.order, sale.MerchantTxnID)
		m.become(c, c.kind(f.outcome))
	}
	hold := make(chan struct{})
	if f.held {
		m.held = append(m.held, hold)
	}
	m.mu.Unlock()

	if f.held {
		f.leave()
		<-hold
	}
	switch {
	case f.lost:
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeUnknown}
	case !f.arrives:
		return orders.Evidence{Source: orders.SourceAnswer, Outcome: orders.OutcomeNeverSent}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	outcome := c.kind(f.outcome) // as it was then: an answer that was held back is old
	if f.falsely {
		outcome = c.kind(orders.OutcomeSucceeded)
	}
	return m.tell(c, c.evidence(orders.SourceAnswer, outcome))
}

// Find answers as queries do: with what is so now, or that there is no such payment, which may only not be listed yet.
func (m *modelProvider) Find(_ context.Context, query orders.Query) (orders.Evidence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return orders.Evidence{}, errModelDown
	}
	c := m.charges[query.MerchantTxnID]
	if c == nil || m.now().Before(c.listed) {
		return orders.Evidence{Source: orders.SourceQuery, Outcome: orders.OutcomeNotFound}, nil
	}
	m.passTime(c)
	return m.tell(c, c.evidence(orders.SourceQuery, m.record(c))), nil
}

// passTime lets come what time brings: the end of a checkout session, and of a cancellation. The lock is held.
func (m *modelProvider) passTime(c *charge) {
	m.endSession(c)
	m.endCancellation(c, false)
}

func (c *charge) evidence(source orders.Source, outcome orders.Outcome) orders.Evidence {
	ev := orders.Evidence{
		Source: source, Outcome: outcome, Amount: c.sale.Amount, ProviderTransactionID: c.id, Body: []byte(`{}`),
	}
	if outcome == orders.OutcomeActionRequired || outcome == orders.OutcomeAttemptFailed {
		ev.RedirectURL = "https://3ds.example.com/" + c.id
	}
	return ev
}

// become moves a charge and leaves a notification of it. The lock is held.
func (m *modelProvider) become(c *charge, outcome orders.Outcome) {
	c.outcome = outcome
	c.said = append(c.said, c.evidence(orders.SourceNotification, outcome))
}

// tell notes that the merchant gets to know something. The lock is held.
func (m *modelProvider) tell(c *charge, ev orders.Evidence) orders.Evidence {
	switch ev.Outcome {
	case orders.OutcomeDeclined:
		c.ended = c.ended || !c.hosted() || ev.Source == orders.SourceAnswer || ev.Source == orders.SourceQuery && m.sessionOver(c)
	case orders.OutcomeClosed, orders.OutcomeReversed:
		c.ended = true
	default:
	}
	return ev
}

// notification is the piece of news that there is of a charge, picked by two numbers, to be delivered now; -1 is the newest.
func (m *modelProvider) notification(which, piece int) (string, orders.Evidence, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.pick(which)
	if c == nil {
		return "", orders.Evidence{}, false
	}
	m.passTime(c)
	piece = (piece + len(c.said)) % len(c.said)
	return c.sale.MerchantTxnID, m.tell(c, c.said[piece]), true
}

// peek is a notification that is not delivered.
func (m *modelProvider) peek(which int) (string, orders.Evidence, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.pick(which)
	if c == nil {
		return "", orders.Evidence{}, false
	}
	return c.sale.MerchantTxnID, c.said[0], true
}

// pick is one of the charges, nil while there is none. The lock is held.
func (m *modelProvider) pick(which int) *charge {
	if len(m.order) == 0 {
		return nil
	}
	return m.charges[m.order[which%len(m.order)]]
}

// move lets a charge go on: one that is open ends; one that was declined succeeds after all.
func (m *modelProvider) move(which int, outcome orders.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.pick(which)
	if c == nil {
		return
	}
	m.passTime(c)
	switch {
	case c.hosted():
		m.attempt(c, outcome)
	case c.open():
		m.become(c, c.kind(outcome))
	case c.outcome == orders.OutcomeDeclined && outcome == orders.OutcomeSucceeded && !c.canceled():
		m.become(c, c.kind(outcome))
	}
}

func (c *charge) open() bool {
	return c.outcome == orders.OutcomeProcessing || c.outcome == orders.OutcomeActionRequired
}

// finish ends everything that is open, lists everything, and lets every answer go.
func (m *modelProvider) finish(outcome orders.Outcome) {
	m.release()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = false
	for _, c := range m.charges {
		c.listed = time.Time{}
		switch {
		case c.hosted() && c.open():
			m.finishSession(c, outcome)
		case c.open():
			m.become(c, c.kind(outcome))
		}
		m.endCancellation(c, true)
		m.finishEndings(c, outcome)
	}
}

// release lets the answers go that were held back.
func (m *modelProvider) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, hold := range m.held {
		close(hold)
	}
	m.held = nil
}

func (m *modelProvider) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// holds reports whether an answer is held back.
func (m *modelProvider) holds() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.held) > 0
}

// saves reports whether the provider saves the card of a payment: every other one.
func (m *modelProvider) saves() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saved = !m.saved
	return m.saved
}

// complaints are what the merchant should not have asked for.
func (m *modelProvider) complaints() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.wrongs)
}

// all returns the references of the charges.
func (m *modelProvider) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.order)
}

// pieces is how many notifications there are of a charge.
func (m *modelProvider) pieces(reference string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.charges[reference].said)
}

// taken returns the references of the charges that took money.
func (m *modelProvider) taken() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.order), func(reference string) bool {
		return !m.charges[reference].took()
	})
}

// believed reports whether the merchant may take the payment for paid as it is: the money was taken, that much, or a false
// answer said so.
func (m *modelProvider) believed(p orders.Payment) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.charges[p.MerchantTxnID]
	return c != nil && (c.took() && c.takenMinor() == p.AmountCaptured || c.falsely && !p.Confirmed)
}
