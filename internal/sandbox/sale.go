package sandbox

import (
	"context"
	"log/slog"
	"time"
)

// doTransaction charges or authorizes a card sent by the merchant, or asks for money by a local method.
func (s *Server) doTransaction(params map[string]any, baseURL string, p *plan) reply {
	req, err := s.readSale(params)
	if err != nil {
		return refused(err)
	}
	p.planLocal(req.local)
	made, isNew, err := s.bookSale(s.newSale(req, p), baseURL, p.outcome)
	if err != nil {
		return refused(err)
	}
	if !isNew {
		return s.duplicate(made)
	}
	s.schedule(made, p.settle)
	rep := reply{reason: success(), data: made.answer(s.cfg.Sim), made: &made}
	if made.status == statusFailed && orElse(p.declineForm, s.cfg.Sim.Decline) == DeclineByCode {
		rep.reason = made.reason
	}
	if s.cfg.Sim.Duplicate == DuplicateReplayed {
		s.keepAnswer(made.id, rep)
	}
	return rep
}

// newSale is a transaction that is not booked yet.
func (s *Server) newSale(req saleRequest, p *plan) transaction {
	now := s.now()
	return transaction{
		saleRequest: req,
		merchantNo:  s.cfg.MerchantNo,
		createdAt:   now,
		changedAt:   now,
		listedFrom:  now.Add(p.hidden),
		downUntil:   now.Add(p.queriesDown),
		notify:      p.notify,
		destiny:     destinyOf(p.settle),
		holdsFor:    s.scaled(s.cfg.AuthLifetime),
	}
}

// bookSale enters a payment, the purchase that begins a subscription, or a renewal, which its contract may refuse.
func (s *Server) bookSale(t transaction, baseURL string, ordered *outcome) (booked transaction, isNew bool, err error) {
	if t.charge != nil && t.charge.terms == nil {
		return s.ledger.addRenewal(t, s.admitRenewal, func(t *transaction, c *contract, originalPaid bool) {
			s.decideRenewal(t, c, originalPaid, ordered)
		})
	}
	booked, isNew = s.ledger.add(t, func(t *transaction, originalPaid bool) {
		if t.charge != nil {
			s.ledger.openContract(t, pace(s.cfg.ClockScale))
		}
		s.decide(t, originalPaid, baseURL, ordered)
		s.follow(t)
	})
	return booked, isNew, nil
}

// decide settles where a new transaction stands. It runs under the ledger's lock.
func (s *Server) decide(t *transaction, originalPaid bool, baseURL string, ordered *outcome) {
	switch {
	case originalPaid && !s.cfg.Sim.AllowRepeatedSuccess:
		t.status, t.reason = statusFailed, s.originalPaidReason()
	case ordered != nil:
		t.status, t.reason, t.eci = ordered.status, ordered.reason, ordered.eci
	case t.local != nil:
		t.decideLocal()
	case t.behavior.decline != reason{}:
		t.status, t.reason = statusFailed, t.behavior.decline
	case t.needsChallenge():
		t.status = statusAction
	case t.strategy == "NONE" && (t.behavior.challenge == challengeAlways || t.insists):
		// The issuer insists on 3DS and the merchant forbade it. [sim]
		t.status, t.reason = statusFailed, reason{codeAuthRefused, "Bank requires 3DS authentication"}
	default:
		t.status, t.reason, t.eci = statusSuccess, success(), orElse(t.mpiECI, t.behavior.eci)
	}
	switch {
	case t.status != statusAction:
	case t.local != nil:
		t.redirectURL = baseURL + localPath + t.merchantNo + t.id
	default:
		t.redirectURL = baseURL + challengePath + challengePrefix + t.merchantNo + t.id
	}
}

// needsChallenge is the rule of Onerway contract §12, with EXTERNAL standing for a challenge that the merchant has
// behind it and NONE for one that it does not want.
func (t transaction) needsChallenge() bool {
	switch t.strategy {
	case "INNER":
		return true
	case "NONE", "EXTERNAL":
		return false
	}
	switch t.behavior.challenge {
	case challengeAlways:
		return true
	case challengeNever:
		return t.insists && t.behavior.eci == ""
	case challengeByAmount:
	}
	return t.insists || t.amount >= challengeFrom(t.currency)
}

func (s *Server) originalPaidReason() reason {
	return reason{s.cfg.Sim.OriginalIDCode, "merchantTxnOriginalId has been paid"}
}

// schedule puts on the agenda what a transaction becomes by itself.
func (s *Server) schedule(t transaction, later *settlement) {
	if later != nil && t.reason != s.originalPaidReason() {
		s.agenda.add(s.now().Add(later.after), func(context.Context) {
			s.settle(t.id, later.outcome, later.force)
		})
	}
	if t.status == statusAction {
		id, end := t.id, t.abandoned() // half an hour is long to hold on to the whole transaction
		s.agenda.add(s.now().Add(s.scaled(challengeLifetime)), func(context.Context) {
			s.settle(id, end, false)
		})
	}
}

// abandoned is what becomes of a challenge that nobody answers: closed, or timed out with the card made for that. So is a
// local payment that nobody makes.
func (t transaction) abandoned() outcome {
	if t.local != nil {
		return outcome{status: statusClosed, reason: reason{codeSuccess, "Order closed: not paid in time"}}
	}
	if t.behavior.afterChallenge.code == codeAuthTimeout {
		return outcome{status: statusFailed, reason: t.behavior.afterChallenge}
	}
	return outcome{status: statusClosed, reason: reason{codeAuthTimeout, "Order closed: not completed in time"}}
}

// settle moves a transaction on and notifies of a final status. A final status stays unless force is meant; a success
// that would be the second of its order becomes a failure.
func (s *Server) settle(id string, o outcome, force bool) transaction {
	t, changed := s.ledger.change(id, func(t *transaction, originalPaid bool) bool {
		if t.status.final() && (!force || t.status == o.status) {
			return false
		}
		if o.status == statusSuccess && originalPaid && !s.cfg.Sim.AllowRepeatedSuccess {
			o = outcome{status: statusFailed, reason: s.originalPaidReason()}
		}
		if t.status == o.status {
			return false
		}
		t.status, t.reason, t.eci, t.changedAt = o.status, o.reason, orElse(o.eci, t.eci), s.laterThan(t.createdAt)
		s.follow(t)
		return true
	})
	if changed && t.status.final() {
		s.notify(t)
	}
	return t
}

// laterThan is now, or the other time if the clock is behind it.
func (s *Server) laterThan(at time.Time) time.Time {
	if now := s.now(); now.After(at) {
		return now
	}
	return at
}

// duplicate answers a merchantTxnId that was used before. Nothing changes [sim].
func (s *Server) duplicate(first transaction) reply {
	if s.cfg.Sim.Duplicate == DuplicateReplayed && first.firstAnswer != nil {
		return reply{again: first.firstAnswer}
	}
	return refused(refuse(s.cfg.Sim.DuplicateCode, "Duplicate merchantTxnId"))
}

// keepAnswer stores the answer as a good day would have sent it.
func (s *Server) keepAnswer(id string, rep reply) {
	body, err := s.render(plan{}, rep)
	if err != nil {
		s.log.Error("sandbox answer not kept", slog.Any("error", err))
		return
	}
	s.ledger.change(id, func(t *transaction, _ bool) bool {
		t.firstAnswer = body
		return true
	})
}
