package sandbox

import (
	"context"
	"time"
)

// The types of what ends an authorization; nobody may ask for them by doTransaction.
const (
	txnAuth    = "AUTH"
	txnCapture = "CAPTURE"
	txnVoid    = "VOID"
)

// authPaymentRequest is an authPayment that passed every check which needs no other transaction.
type authPaymentRequest struct {
	merchantTxnID, originID, txnType string
	amount                           string // "" for all that was authorized
}

// authPayment captures or voids an authorization, by a transaction of its own (Onerway contract §8.9).
func (s *Server) authPayment(params map[string]any, _ string, p *plan) reply {
	req, err := s.readAuthPayment(params)
	if err != nil {
		return refused(err)
	}
	made, isNew, err := s.ledger.addEnding(req.merchantTxnID, req.originID,
		func(auth transaction, state holdState) (transaction, error) {
			amount, err := s.endable(auth, state, req)
			if err != nil {
				return transaction{}, err
			}
			return s.newEnding(auth, req, amount, p), nil
		})
	if err != nil {
		return refused(err)
	}
	if !isNew {
		return s.duplicate(made)
	}
	if later := p.settlementOf(req.txnType); later != nil {
		s.agenda.add(s.now().Add(later.after), func(context.Context) { s.settleEnding(made.id, later.outcome, later.force) })
	}
	rep := reply{reason: success(), data: made.answer(s.cfg.Sim), made: &made}
	if made.status == statusFailed && orElse(p.declineForm, s.cfg.Sim.Decline) == DeclineByCode {
		rep.reason = made.reason
	}
	if s.cfg.Sim.Duplicate == DuplicateReplayed {
		s.keepAnswer(made.id, rep)
	}
	return rep
}

func (s *Server) readAuthPayment(params map[string]any) (authPaymentRequest, error) {
	for _, name := range []string{"merchantTxnId", "originTransactionId", "txnType"} {
		if param(params, name) == "" {
			return authPaymentRequest{}, refuse(codeRejected, "%s is required", name)
		}
	}
	req := authPaymentRequest{
		merchantTxnID: param(params, "merchantTxnId"), originID: param(params, "originTransactionId"),
		txnType: param(params, "txnType"), amount: param(params, "orderAmount"),
	}
	if req.txnType != txnCapture && req.txnType != txnVoid {
		return authPaymentRequest{}, refuse(codeUnsupported, "transaction type not supported: %s", req.txnType)
	}
	if req.amount != "" && req.txnType == txnVoid {
		return authPaymentRequest{}, refuse(codeRejected, "orderAmount: an authorization is voided whole")
	}
	if req.amount != "" && !s.cfg.Sim.PartialCapture {
		return authPaymentRequest{}, refuse(s.cfg.Sim.AuthPaymentCode, "orderAmount: an authorization is captured whole")
	}
	if s.cfg.Strict {
		if err := checkTexts(params, []textLimit{
			{"merchantNo", 20}, {"merchantTxnId", 64}, {"originTransactionId", 20}, {"txnType", 16}, {"orderAmount", 19},
		}); err != nil {
			return authPaymentRequest{}, err
		}
	}
	return req, nil
}

// endable holds a capture or void to the state of its authorization, and says how much it is about, in minor units.
func (s *Server) endable(auth transaction, state holdState, req authPaymentRequest) (int64, error) {
	no := s.cfg.Sim.AuthPaymentCode
	if auth.txnType != txnAuth || auth.status != statusSuccess {
		return 0, refuse(no, "originTransactionId is not a successful authorization")
	}
	switch state {
	case holdStands:
	case holdEnding:
		return 0, refuse(no, "a capture or void of the authorization is being processed")
	case holdCaptured:
		return 0, refuse(no, "the authorization has been captured")
	case holdVoided:
		return 0, refuse(no, "the authorization has been voided")
	case holdLapsed:
		return 0, refuse(no, "the authorization has expired")
	}
	if req.amount == "" {
		return auth.amount, nil
	}
	amount, err := parseAmount(req.amount, auth.currency)
	if err != nil {
		return 0, err
	}
	if amount > auth.amount {
		return 0, refuse(no, "orderAmount exceeds what was authorized: %s %s", auth.amountText(), auth.currency)
	}
	return amount, nil
}

// newEnding is a capture or void of the authorization, with its notification address, card and order.
func (s *Server) newEnding(auth transaction, req authPaymentRequest, amount int64, p *plan) transaction {
	now := s.now()
	t := transaction{
		saleRequest: auth.saleRequest,
		paymentID:   auth.paymentID, merchantNo: auth.merchantNo,
		status: statusSuccess, reason: success(), createdAt: now, changedAt: now,
		listedFrom: now.Add(p.hidden), downUntil: now.Add(p.queriesDown), notify: p.notify,
		ending: &endingFacts{originID: auth.id, originMerchantTxnID: auth.merchantTxnID},
	}
	t.merchantTxnID, t.txnType, t.amount, t.behavior, t.mpiECI = req.merchantTxnID, req.txnType, amount, behavior{}, ""
	if ordered := p.outcomeOf(req.txnType); ordered != nil {
		t.status, t.reason = ordered.status, ordered.reason
	}
	return t
}

// settleEnding moves a capture or void on and notifies of a final status. A final status stays unless force is meant, and
// none succeeds whose authorization something else has ended meanwhile.
func (s *Server) settleEnding(id string, o outcome, force bool) {
	t, changed := s.ledger.change(id, func(t *transaction, _ bool) bool {
		if t.ending == nil || t.status == o.status || (t.status.final() && !force) {
			return false
		}
		if o.status.claims() && !t.status.claims() && s.ledger.ended(t.ending.originID) != holdStands {
			return false
		}
		t.status, t.reason, t.changedAt = o.status, o.reason, s.laterThan(t.createdAt)
		return true
	})
	if changed && t.status.final() {
		s.notify(t)
	}
}

// voidCanceled gives up the hold of an authorization that was canceled, by a void that has no id of the merchant's. Nothing
// tells of it but the cancellation [sim].
func (s *Server) voidCanceled(t transaction) {
	req := authPaymentRequest{originID: t.id, txnType: txnVoid}
	// An error is an authorization that ended meanwhile, or was forgotten: nothing is left to do.
	_, _, _ = s.ledger.addEnding("", t.id, func(auth transaction, state holdState) (transaction, error) {
		amount, err := s.endable(auth, state, req)
		if err != nil {
			return transaction{}, err
		}
		return s.newEnding(auth, req, amount, &plan{}), nil
	})
}

// holdsUntil is when an authorization's hold lapses, counted from its success (Onerway contract §8.9: 3 days; §16 lists the
// other answers).
func (t *transaction) holdsUntil() time.Time { return t.changedAt.Add(t.holdsFor) }
