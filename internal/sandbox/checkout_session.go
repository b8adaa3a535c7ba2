package sandbox

import (
	"slices"
	"time"
)

// session is a copy of a session's transactions, the first attempt first.
func (l *ledger) session(key string) []transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	attempts := make([]transaction, 0, len(l.sessions[key]))
	for _, t := range l.sessions[key] {
		attempts = append(attempts, *t)
	}
	return attempts
}

// attempt pays on a session's page: its transaction takes the card, or, after one that failed, a new one with the same
// merchantTxnId does (Onerway contract §14). pay settles the status with the lock held. It returns false, and the transaction
// as it is, where the session cannot be paid on: it has ended, or something is under way.
func (l *ledger) attempt(key string, now time.Time, pay func(t *transaction, originalPaid bool)) (transaction, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	attempts := l.sessions[key]
	if len(attempts) == 0 {
		return transaction{}, false
	}
	last := attempts[len(attempts)-1]
	switch {
	case !last.payable(now):
		return *last, false
	case last.status == statusAwaiting:
		last.changedAt = later(now, last.createdAt)
		pay(last, l.originalPaid(last.originalID))
		return *last, true
	}
	next := *last
	next.status, next.reason, next.eci, next.redirectURL, next.calls = statusAwaiting, reason{}, "", "", 0
	next.createdAt, next.changedAt, next.listedFrom = now, now, now
	l.stamp(&next)
	next.changedAt = later(now, next.createdAt)
	pay(&next, l.originalPaid(next.originalID))
	l.enter(&next)
	return next, true
}

// payable tells whether a shopper may pay on the page of which this is the latest transaction.
func (t transaction) payable(now time.Time) bool {
	return t.checkout != nil && now.Before(t.checkout.expiresAt) && (t.status == statusAwaiting || t.status == statusFailed)
}

// withRetries adds the later attempts of checkout sessions to what was found by their first.
func (l *ledger) withRetries(found []*transaction) []*transaction {
	for _, t := range slices.Clone(found) {
		if t.checkout != nil && len(l.sessions[t.checkout.key]) > 1 {
			found = append(found, l.sessions[t.checkout.key][1:]...)
		}
	}
	return found
}

// superseded tells whether a later attempt of its session speaks for the payment.
func (l *ledger) superseded(t *transaction) bool {
	if t.checkout == nil {
		return false
	}
	attempts := l.sessions[t.checkout.key]
	return len(attempts) > 0 && attempts[len(attempts)-1] != t
}

// closeCheckout ends a session that nobody has paid, or that was tried in vain: one notification, of the latest transaction
// (Onerway contract §10.5). What is processing goes on to its end.
func (s *Server) closeCheckout(key string) {
	if t, closed := s.ledger.endSession(key, s.now()); closed {
		s.notify(t)
	}
}

func (l *ledger) endSession(key string, now time.Time) (transaction, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	attempts := l.sessions[key]
	if len(attempts) == 0 {
		return transaction{}, false // forgotten
	}
	t := attempts[len(attempts)-1]
	switch t.status {
	case statusAwaiting, statusAction, statusFailed:
		t.status, t.reason, t.changedAt = statusClosed, reason{codeSuccess, "Order closed: not paid in time"}, later(now, t.createdAt)
		return *t, true
	case statusSuccess, statusProcessing, statusClosed, statusReview:
	}
	return *t, false
}
