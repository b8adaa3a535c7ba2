package orders_test

import (
	"context"
	"errors"
	"time"

	"pgregory.net/rapid"

	"tillway/internal/fault"
	"tillway/internal/ids"
	"tillway/internal/orders"
)

// cancelFates is how many different fates the cancellations of a story meet with.
const cancelFates = 5

// A payment can be canceled in this time, by the provider's clock too.
const (
	cancelableFrom  = 5 * time.Minute
	cancelableUntil = 30 * time.Minute
)

// cancelFate is what the request to cancel a payment meets with.
type cancelFate struct {
	arrives, lost bool
	// fails: the provider does not cancel it after all. paid: it finds that the payment had really succeeded.
	fails, paid bool
	// takes is how long it looks into it, unlisted for how long queries do not see what was given back then.
	takes, unlisted time.Duration
}

// cancellation is one that the provider has taken on.
type cancellation struct {
	fate   cancelFate
	ends   time.Time
	ended  bool
	listed time.Time
}

func drawCancelFate(rt *rapid.T) cancelFate {
	return cancelFate{
		arrives: !chance(rt, 2, "cancellation gets lost"), lost: chance(rt, 5, "no answer to the cancellation"),
		fails: chance(rt, 4, "cancellation fails"), paid: chance(rt, 8, "had succeeded"),
		takes:    fairly([]time.Duration{0, time.Second, 5 * time.Minute, 55 * time.Minute}).Draw(rt, "cancellation takes"),
		unlisted: fairly([]time.Duration{0, 0, time.Minute, 25 * time.Minute}).Draw(rt, "return unlisted"),
	}
}

// Cancel takes a cancellation of what is open on, in its time.
func (m *modelProvider) Cancel(_ context.Context, transactionID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.cancelFates[m.cancelCalls%len(m.cancelFates)]
	m.cancelCalls++
	c := m.holding(transactionID)
	switch {
	case !f.arrives && f.lost:
		return errModelSilent
	case !f.arrives:
		return fault.Down("provider_unavailable", time.Second, nil, "The model was not asked.")
	case c == nil:
		m.wrongs = append(m.wrongs, "cancellation of "+transactionID+", which is not there")
		return errModelSilent
	}
	m.passTime(c)
	age := m.now().Sub(c.sale.SentAt)
	if c.hosted() || !c.open() || age < cancelableFrom || age > cancelableUntil {
		return fault.New(fault.Conflict, "payment_not_cancelable", "The model does not cancel it.")
	}
	if c.cancellation == nil || c.cancellation.ended {
		c.cancellation = &cancellation{fate: f, ends: m.now().Add(f.takes)}
	}
	if f.lost {
		return errModelSilent
	}
	return nil
}

var errModelSilent = errors.New("the model of the provider did not answer")

// endCancellation brings a cancellation to its end, when its time has come or at once: what had really succeeded is given back. The
// lock is held.
func (m *modelProvider) endCancellation(c *charge, atOnce bool) {
	k := c.cancellation
	if k == nil || k.ended || !atOnce && m.now().Before(k.ends) {
		return
	}
	k.ended = true
	told := c.evidence(orders.SourceNotification, orders.OutcomeReversed)
	told.ProviderTransactionID = ""
	if k.fate.fails {
		told.Outcome, told.NotCanceled = orders.OutcomeProcessing, true
		c.said = append(c.said, told)
		return
	}
	if c.open() {
		if k.fate.paid {
			m.become(c, c.kind(orders.OutcomeSucceeded))
		} else {
			c.outcome = orders.OutcomeDeclined
		}
	}
	if c.outcome == orders.OutcomeSucceeded || c.outcome == orders.OutcomeAuthorized {
		c.back, k.listed = true, m.now()
		if !atOnce {
			k.listed = k.ends.Add(k.fate.unlisted)
		}
	}
	c.said = append(c.said, told)
}

// canceled reports whether a cancellation has ended the charge.
func (c *charge) canceled() bool {
	return c.cancellation != nil && c.cancellation.ended && !c.cancellation.fate.fails
}

// GivenBack answers as queries do.
func (m *modelProvider) GivenBack(_ context.Context, query orders.GivenBackQuery) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return false, errModelDown
	}
	c := m.holding(query.TransactionID)
	if c == nil || !c.back || m.now().Before(c.cancellation.listed) {
		return false, nil
	}
	c.ended = true
	return true, nil
}

// cancelPayment gives up the order's latest payment, held or open; one that is open can be given up after a while only.
func (s *story) cancelPayment(rt *rapid.T) deed {
	after := fairly([]time.Duration{0, 0, 6 * time.Minute}).Draw(rt, "canceled after")
	return func(ctx context.Context, process *orders.Service) error {
		s.clock.advance(after)
		id, err := s.latest(ctx, process)
		if err != nil || id.IsZero() {
			return err
		}
		_, err = process.CancelPayment(ctx, orders.CaptureRequest{Payment: id, CorrelationID: "test"})
		return refusalIsFine(err)
	}
}

// latest is the order's latest payment, zero while there is none.
func (s *story) latest(ctx context.Context, process *orders.Service) (ids.Payment, error) {
	o, err := process.Get(ctx, s.order)
	return o.LatestPayment, err
}
