package sandbox

import "time"

// txnRefund is the type of a refund's row and of its notification; nobody may ask for it by doTransaction.
const txnRefund = "REFUND"

// refundFacts is what a refund has beside what it takes over from the transaction that it gives back. It does not change
// after the refund was booked, so copies of a transaction may share it.
type refundFacts struct {
	originID, originMerchantTxnID string
	// held refunds wait for a person even where reviews are automatic; turnedDown ones are rejected by the review.
	held, turnedDown bool
	// ending is what becomes of a refund that passed its review, after processing.
	ending     outcome
	processing time.Duration
	// late is a change of mind after the ending; nil for none.
	late *settlement
	// rowWithoutID makes queries show no merchantTxnId, which the documents say can be.
	rowWithoutID bool
}

// refundRequest is an onlineRefund that passed every check which needs no other transaction.
type refundRequest struct {
	merchantTxnID, originID, amount string
}

// onlineRefund applies for a refund, or withdraws the application (Onerway contract §8.8).
func (s *Server) onlineRefund(params map[string]any, _ string, p *plan) reply {
	req, err := s.readRefund(params)
	if err != nil {
		return refused(err)
	}
	if param(params, "refundType") == "1" {
		return s.withdrawRefund(req)
	}
	return s.applyForRefund(req, p)
}

func (s *Server) readRefund(params map[string]any) (refundRequest, error) {
	for _, name := range []string{"refundType", "merchantTxnId", "originTransactionId", "refundAmount"} {
		if param(params, name) == "" {
			return refundRequest{}, refuse(codeRejected, "%s is required", name)
		}
	}
	if kind := param(params, "refundType"); kind != "0" && kind != "1" {
		return refundRequest{}, refuse(codeRejected, "refundType must be 0 (apply) or 1 (withdraw)")
	}
	if s.cfg.Strict {
		if err := checkTexts(params, []textLimit{
			{"merchantNo", 20}, {"merchantTxnId", 64}, {"originTransactionId", 20}, {"refundAmount", 19},
		}); err != nil {
			return refundRequest{}, err
		}
	}
	return refundRequest{
		merchantTxnID: param(params, "merchantTxnId"),
		originID:      param(params, "originTransactionId"),
		amount:        param(params, "refundAmount"),
	}, nil
}

// applyForRefund books a refund that waits for its review, and answers its id: accepted, nothing more.
func (s *Server) applyForRefund(req refundRequest, p *plan) reply {
	made, isNew, err := s.ledger.addRefund(req.merchantTxnID, req.originID,
		func(origin transaction, claimed int64) (transaction, error) {
			amount, err := s.refundable(origin, claimed, req.amount)
			if err != nil {
				return transaction{}, err
			}
			return s.newRefund(origin, req.merchantTxnID, amount, p), nil
		})
	if err != nil {
		return refused(err)
	}
	if !isNew {
		return s.duplicate(made)
	}
	if made.status.final() { // the fault notify_before_answer: over before it was answered
		s.scheduleLate(made)
	} else {
		s.startReview(made)
	}
	rep := reply{reason: success(), plain: made.id, made: &made}
	if s.cfg.Sim.Duplicate == DuplicateReplayed {
		s.keepAnswer(made.id, rep)
	}
	return rep
}

// refundable reads the amount and holds it to what is left of the original.
func (s *Server) refundable(origin transaction, claimed int64, text string) (int64, error) {
	no := s.cfg.Sim.RefundCode
	if origin.refund != nil || origin.status != statusSuccess || (origin.txnType != "SALE" && origin.txnType != "CAPTURE") {
		return 0, refuse(no, "originTransactionId is not a successful payment")
	}
	amount, ok := minorUnits(text, origin.currency)
	if !ok || amount == 0 {
		return 0, refuse(codeRejected, "refundAmount must be a positive amount in %s", origin.currency)
	}
	if left := origin.amount - claimed; amount > left {
		return 0, refuse(no, "refundAmount exceeds what is left of the original: %s %s", formatAmount(left, origin.currency), origin.currency)
	}
	return amount, nil
}

// newRefund is a refund of the original, with its notification address, card and order.
func (s *Server) newRefund(origin transaction, merchantTxnID string, amount int64, p *plan) transaction {
	now := s.now()
	t := transaction{
		saleRequest: origin.saleRequest,
		paymentID:   origin.paymentID, merchantNo: origin.merchantNo,
		status: statusReview, createdAt: now, changedAt: now,
		listedFrom: now.Add(p.hidden), downUntil: now.Add(p.queriesDown), notify: p.notify,
	}
	t.merchantTxnID, t.txnType, t.amount, t.behavior, t.mpiECI = merchantTxnID, txnRefund, amount, behavior{}, ""
	facts := refundFacts{
		originID: origin.id, originMerchantTxnID: origin.merchantTxnID,
		held: p.holdReview, turnedDown: p.rejectReview,
		ending: outcome{status: statusSuccess, reason: success()}, processing: s.scaled(s.cfg.RefundDelay),
		rowWithoutID: s.cfg.Sim.RefundRowsWithoutID || p.rowWithoutID,
	}
	switch later := p.settle; {
	case later != nil && later.force:
		facts.late = later
	case later != nil:
		facts.ending, facts.processing = later.outcome, later.after
	}
	if ordered := p.outcome; ordered != nil && ordered.status != statusProcessing {
		facts.ending = *ordered
	} else if ordered != nil && p.settle == nil {
		facts.ending = *ordered // forced to stay in processing
	}
	if facts.ending.status == statusReview {
		facts.held, facts.ending = true, outcome{status: statusSuccess, reason: success()}
	}
	t.refund = &facts
	if p.notify.when == notifyBeforeAnswer {
		t.status, t.reason = facts.ending.status, facts.ending.reason
	}
	return t
}

// withdrawRefund takes back an application that was not decided yet. Nothing is notified [sim].
func (s *Server) withdrawRefund(req refundRequest) reply {
	t, found := s.ledger.get(req.originID)
	if !found || t.refund == nil {
		return refused(refuse(s.cfg.Sim.RefundCode, "originTransactionId is not a refund"))
	}
	if _, ok := minorUnits(req.amount, t.currency); !ok {
		return refused(refuse(codeRejected, "refundAmount must be an amount in %s", t.currency))
	}
	if other, used := s.ledger.byMerchantID(req.merchantTxnID); used && other.id != t.id {
		return refused(refuse(s.cfg.Sim.DuplicateCode, "Duplicate merchantTxnId"))
	}
	_, withdrawn := s.moveRefund(t.id, []status{statusReview}, func(t *transaction) {
		t.status, t.reason = statusClosed, reason{codeRejected, "Withdrawn by the merchant"}
	})
	if !withdrawn {
		return refused(refuse(s.cfg.Sim.RefundCode, "the refund does not wait for review any more"))
	}
	return reply{reason: success()}
}
