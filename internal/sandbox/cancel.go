package sandbox

import (
	"context"
	"net/http"
	"time"
)

// A transaction can be canceled from 5 until 30 minutes after it was made (Onerway contract §8.10).
const (
	cancelFrom  = 5 * time.Minute
	cancelUntil = 30 * time.Minute
)

// cancelTransaction asks the provider to find out what became of a transaction that is still processing, and to give the
// money back if it was taken.
func (s *Server) cancelTransaction(params map[string]any, _ string, p *plan) reply {
	id := param(params, "originTransactionId")
	if id == "" {
		return refused(refuse(codeRejected, "originTransactionId is required"))
	}
	if s.cfg.Strict {
		if err := checkTexts(params, []textLimit{{"merchantNo", 20}, {"originTransactionId", 20}}); err != nil {
			return refused(err)
		}
	}
	t, found := s.ledger.get(id)
	if !found || t.refund != nil || t.ending != nil {
		return refused(refuse(s.cfg.Sim.CancelCode, "no such transaction"))
	}
	answer := reply{reason: success(), data: object{{"transactionId", t.id}, {"status", string(statusReview)}}}
	if t.canceling {
		return answer
	}
	age := s.now().Sub(t.createdAt)
	if t.status != statusProcessing || age < s.scaled(cancelFrom) || age > s.scaled(cancelUntil) {
		return refused(refuse(s.cfg.Sim.CancelCode, "only a transaction that is processing, 5 to 30 minutes old, can be canceled"))
	}
	_, begun := s.ledger.change(id, func(t *transaction, _ bool) bool {
		first := !t.canceling
		t.canceling = true
		return first
	})
	if begun {
		fails := p.cancelFails
		s.agenda.add(s.now().Add(s.scaled(s.cfg.RefundDelay)), func(context.Context) { s.concludeCancel(id, fails) })
	}
	return answer
}

// concludeCancel establishes the truth: what failed stays failed, what succeeded is refunded, an authorization voided. Either
// way the cancellation succeeded, and its notification is the only one [sim].
func (s *Server) concludeCancel(id string, fails bool) {
	if fails {
		t, found := s.ledger.change(id, func(t *transaction, _ bool) bool {
			t.canceling = false
			return true
		})
		if found {
			t.canceled = statusFailed
			t.reason = reason{codeRejected, "Cancellation failed"}
			s.notify(t)
		}
		return
	}
	t, found := s.ledger.change(id, func(t *transaction, originalPaid bool) bool {
		if t.status == statusProcessing {
			s.reveal(t, originalPaid)
		}
		t.canceling, t.canceled = false, statusSuccess
		return true
	})
	if !found {
		return
	}
	switch {
	case t.authorized():
		s.voidCanceled(t)
	case t.status == statusSuccess:
		s.refundCanceled(t)
	}
	s.notify(t)
}

// reveal settles what was processing as it would have been: failed, where nothing was to come of it.
func (s *Server) reveal(t *transaction, originalPaid bool) {
	end := outcome{status: statusFailed, reason: reason{"70002", "Unknown decline"}}
	if t.destiny != nil && (t.destiny.status != statusSuccess || !originalPaid || s.cfg.Sim.AllowRepeatedSuccess) {
		end = *t.destiny
	}
	t.status, t.reason, t.changedAt = end.status, end.reason, s.laterThan(t.createdAt)
}

// refundCanceled gives back what is left of a canceled transaction, by a refund that has no id of the merchant's.
func (s *Server) refundCanceled(t transaction) {
	// An error is a transaction that has been refunded meanwhile, or forgotten: nothing is left to do.
	_, _, _ = s.ledger.addRefund("", t.id, func(origin transaction, claimed int64) (transaction, error) {
		left := origin.amount - claimed
		if left == 0 {
			return transaction{}, refuse(codeRejected, "nothing is left")
		}
		refund := s.newRefund(origin, "", left, &plan{})
		refund.status, refund.reason = statusSuccess, success()
		return refund, nil
	})
}

// reverse takes a successful sale or a standing authorization back by hand, as the provider's staff can: the row is closed,
// CANCEL tells of it.
func (s *Server) reverse(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("transactionId")
	if _, found := s.ledger.get(id); !found {
		s.complain(w, http.StatusNotFound, "no such transaction")
		return
	}
	t, reversed := s.ledger.change(id, func(t *transaction, _ bool) bool {
		if t.refund != nil || t.ending != nil || t.status != statusSuccess || s.ledger.leftOf(t.id) != t.amount {
			return false
		}
		if t.authorized() && s.ledger.holdOf(t) != holdStands {
			return false
		}
		t.status, t.reason = statusClosed, reason{codeRejected, "Reversed by the provider"}
		t.canceled, t.changedAt = statusSuccess, s.laterThan(t.createdAt)
		return true
	})
	if !reversed {
		s.complain(w, http.StatusConflict, "only a successful payment can be reversed, without refunds, captures and voids")
		return
	}
	s.notify(t)
	s.done(w, r, "/sandbox#latest", t.booked())
}
