package orders_test

import (
	"context"
	"fmt"
	"time"

	"tillway/internal/fault"
	"tillway/internal/money"
	"tillway/internal/orders"
)

// refundFates is how many different fates the refunds of a story meet with.
const refundFates = 5

// refundFate is what an application for a refund meets with; see fate.
type refundFate struct {
	arrives, lost bool
	unlisted      time.Duration
}

// modelRefund is a refund as the provider has it.
type modelRefund struct {
	application orders.RefundApplication
	id          string
	outcome     orders.RefundOutcome
	listed      time.Time
	said        []orders.RefundEvidence
	// ended: we were told that no money goes back.
	ended bool
}

func (r *modelRefund) failed() bool {
	switch r.outcome {
	case orders.RefundOutcomeDeclined, orders.RefundOutcomeRejected, orders.RefundOutcomeWithdrawn:
		return true
	default:
		return false
	}
}

func (r *modelRefund) open() bool {
	return r.outcome == orders.RefundOutcomeInReview || r.outcome == orders.RefundOutcomeProcessing
}

func (r *modelRefund) evidence(source orders.Source, outcome orders.RefundOutcome) orders.RefundEvidence {
	return orders.RefundEvidence{
		Source: source, Outcome: outcome, Amount: r.application.Amount, ProviderTransactionID: r.id, Body: []byte(`{}`),
	}
}

func (m *modelProvider) AcceptsRefund(money.Amount) error { return nil }

// Refund takes an application on, once, as long as the money is there. It complains of one that should not have come.
func (m *modelProvider) Refund(_ context.Context, a orders.RefundApplication) orders.RefundEvidence {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.refundFates[m.refundCalls%len(m.refundFates)]
	m.refundCalls++
	r := &modelRefund{
		application: a, id: fmt.Sprintf("r%d-%s", len(m.refunds), a.MerchantTxnID), outcome: orders.RefundOutcomeInReview,
		listed: m.now().Add(f.unlisted),
	}
	if f.arrives {
		if m.refundNamed(a.MerchantTxnID) != nil {
			m.wrongs = append(m.wrongs, "refund sent twice: "+a.MerchantTxnID)
		}
		if a.Amount.Minor > m.left(a.OriginTransactionID, (*charge).claimed, func(r *modelRefund) bool { return !r.ended }) {
			m.wrongs = append(m.wrongs, "more asked back than there is: "+a.MerchantTxnID)
		}
		if a.Amount.Minor > m.left(a.OriginTransactionID, (*charge).took, func(r *modelRefund) bool { return !r.failed() }) {
			r.outcome = orders.RefundOutcomeDeclined
		}
		m.refunds = append(m.refunds, r)
	}
	switch {
	case f.lost:
		return orders.RefundEvidence{Source: orders.SourceAnswer, Outcome: orders.RefundOutcomeUnknown}
	case !f.arrives:
		return orders.RefundEvidence{Source: orders.SourceAnswer, Outcome: orders.RefundOutcomeNeverSent}
	}
	return m.tellRefund(r, r.evidence(orders.SourceAnswer, r.outcome))
}

// took tells whether a charge took the money, claimed whether the merchant was told so at least.
func (c *charge) took() bool {
	return !c.back && (c.outcome == orders.OutcomeSucceeded || c.captured() != nil)
}

func (c *charge) claimed() bool { return c.took() || c.falsely }

// left is what a charge holds, if it does, beside the refunds that count. The lock is held.
func (m *modelProvider) left(origin string, holds func(*charge) bool, counts func(*modelRefund) bool) int64 {
	var left int64
	for _, c := range m.charges {
		if c.origin() == origin && holds(c) {
			left = c.takenMinor()
		}
	}
	for _, r := range m.refunds {
		if r.application.OriginTransactionID == origin && counts(r) {
			left -= r.application.Amount.Minor
		}
	}
	return left
}

func (m *modelProvider) refundNamed(reference string) *modelRefund {
	for _, r := range m.refunds {
		if r.application.MerchantTxnID == reference {
			return r
		}
	}
	return nil
}

// Withdraw takes back what is in review.
func (m *modelProvider) Withdraw(_ context.Context, a orders.RefundApplication) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.refunds {
		if r.id == a.OriginTransactionID && r.outcome == orders.RefundOutcomeInReview {
			r.outcome = orders.RefundOutcomeWithdrawn
			return nil
		}
	}
	return fault.New(fault.Conflict, "refund_not_cancelable", "It does not wait for a review.")
}

// FindRefund answers as queries do.
func (m *modelProvider) FindRefund(_ context.Context, query orders.RefundQuery) (orders.RefundEvidence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return orders.RefundEvidence{}, errModelDown
	}
	r := m.refundNamed(query.MerchantTxnID)
	if r == nil || m.now().Before(r.listed) {
		return orders.RefundEvidence{Source: orders.SourceQuery, Outcome: orders.RefundOutcomeNotFound}, nil
	}
	return m.tellRefund(r, r.evidence(orders.SourceQuery, r.outcome)), nil
}

// tellRefund notes that the merchant gets to know something. The lock is held.
func (m *modelProvider) tellRefund(r *modelRefund, ev orders.RefundEvidence) orders.RefundEvidence {
	switch ev.Outcome {
	case orders.RefundOutcomeDeclined, orders.RefundOutcomeRejected, orders.RefundOutcomeWithdrawn:
		r.ended = true
	default:
	}
	return ev
}

// moveRefund lets a refund go on: one that is open ends; one that failed succeeds after all, while the money is there.
func (m *modelProvider) moveRefund(which int, outcome orders.RefundOutcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.refunds) == 0 {
		return
	}
	r := m.refunds[which%len(m.refunds)]
	left := m.left(r.application.OriginTransactionID, (*charge).took, func(r *modelRefund) bool { return !r.failed() })
	late := r.outcome == orders.RefundOutcomeDeclined && outcome == orders.RefundOutcomeSucceeded && left >= r.application.Amount.Minor
	if r.open() || late {
		m.becomeRefund(r, outcome)
	}
}

func (m *modelProvider) becomeRefund(r *modelRefund, outcome orders.RefundOutcome) {
	r.outcome = outcome
	r.said = append(r.said, r.evidence(orders.SourceNotification, outcome))
}

// finishRefunds ends every refund that is open and lists everything.
func (m *modelProvider) finishRefunds(end orders.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.refunds {
		r.listed = time.Time{}
		switch {
		case !r.open():
		case end == orders.OutcomeSucceeded:
			m.becomeRefund(r, orders.RefundOutcomeSucceeded)
		default:
			m.becomeRefund(r, orders.RefundOutcomeDeclined)
		}
	}
}

// refundNews is a piece of news of a refund, picked by two numbers, to be delivered now.
func (m *modelProvider) refundNews(which, piece int) (reference string, ev orders.RefundEvidence, some bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.refunds) == 0 {
		return "", orders.RefundEvidence{}, false
	}
	r := m.refunds[which%len(m.refunds)]
	if len(r.said) == 0 {
		return "", orders.RefundEvidence{}, false
	}
	return r.application.MerchantTxnID, m.tellRefund(r, r.said[piece%len(r.said)]), true
}

// givenBack tells what became of a refund, "" of one that never arrived.
func (m *modelProvider) givenBack(reference string) orders.RefundOutcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.refundNamed(reference); r != nil {
		return r.outcome
	}
	return ""
}

// refundsSaid returns how many refunds there are, and the most that was said of one.
func (m *modelProvider) refundsSaid() (refunds, pieces int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.refunds {
		pieces = max(pieces, len(r.said))
	}
	return len(m.refunds), pieces
}
