package sandbox

import (
	"context"
	"slices"
)

// startReview has the provider's staff look at a refund after a while, unless it is to wait for a person.
func (s *Server) startReview(t transaction) {
	if t.refund.held {
		return
	}
	id := t.id
	s.agenda.add(s.now().Add(s.scaled(s.cfg.RefundDelay)), func(context.Context) {
		if s.holding.Load() {
			return // somebody wants to decide on the page
		}
		if t.refund.turnedDown {
			s.rejectRefund(id)
			return
		}
		s.approveRefund(id)
	})
}

// HoldRefunds makes refunds wait for a person, or has them reviewed by themselves again, those that wait included.
func (s *Server) HoldRefunds(hold bool) {
	if s.holding.Swap(hold) && !hold {
		for _, t := range s.ledger.refunds() {
			if t.status == statusReview {
				s.startReview(t)
			}
		}
	}
}

// approveRefund passes a refund on to processing, whose end follows by itself.
func (s *Server) approveRefund(id string) (transaction, bool) {
	t, changed := s.moveRefund(id, []status{statusReview}, func(t *transaction) { t.status = statusProcessing })
	if changed && t.refund.ending.status != statusProcessing {
		s.agenda.add(s.now().Add(t.refund.processing), func(context.Context) {
			s.endRefund(id, t.refund.ending, []status{statusProcessing})
		})
	}
	return t, changed
}

// rejectRefund is the review's no, the only thing that REFUND_AUDIT tells of.
func (s *Server) rejectRefund(id string) (transaction, bool) {
	t, changed := s.moveRefund(id, []status{statusReview}, func(t *transaction) {
		t.status, t.reason, t.rejected = statusFailed, reason{codeRejected, "Rejected by review"}, true
	})
	if changed {
		s.notify(t)
	}
	return t, changed
}

// endRefund ends a refund and notifies of it.
func (s *Server) endRefund(id string, end outcome, from []status) (transaction, bool) {
	t, changed := s.moveRefund(id, from, func(t *transaction) { t.status, t.reason = end.status, end.reason })
	if changed && t.status.final() {
		s.notify(t)
		s.scheduleLate(t)
	}
	return t, changed
}

// scheduleLate puts the change of mind on the agenda that the fault late_success is.
func (s *Server) scheduleLate(t transaction) {
	later := t.refund.late
	if later == nil || t.status == later.outcome.status {
		return
	}
	s.agenda.add(s.now().Add(later.after), func(context.Context) {
		s.endRefund(t.id, later.outcome, []status{statusFailed})
	})
}

// moveRefund edits a refund that has one of those statuses. A refund never comes back to life when its amount was given
// away meanwhile.
func (s *Server) moveRefund(id string, from []status, edit func(t *transaction)) (transaction, bool) {
	return s.ledger.change(id, func(t *transaction, _ bool) bool {
		if t.refund == nil || !slices.Contains(from, t.status) {
			return false
		}
		moved := *t
		edit(&moved)
		if !t.status.claims() && moved.status.claims() && s.ledger.leftOf(t.refund.originID) < t.amount {
			return false
		}
		moved.changedAt = s.laterThan(t.createdAt)
		*t = moved
		return true
	})
}

// claims tells whether a refund of that status takes up a part of its original: unless it failed, was rejected or
// withdrawn.
func (s status) claims() bool {
	return s == statusReview || s == statusProcessing || s == statusSuccess
}
