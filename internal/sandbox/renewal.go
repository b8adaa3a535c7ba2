package sandbox

import (
	"context"
	"strconv"
	"time"
)

// admitRenewal holds a renewal that the merchant sends to its contract. It may come once in every agreed interval, counted
// from the day of the purchase, so that a late one does not put off the next [sim]; before that it is 12006 (Onerway contract
// §8.1). A failed one may be repeated.
func (s *Server) admitRenewal(t *transaction, c *contract) error {
	no := s.cfg.Sim.SubscriptionCode
	switch {
	case c == nil || c.tokenID != t.charge.tokenID || c.purchase.custID != t.custID:
		return s.noContract()
	case c.startedAt.IsZero():
		return refuse(no, "the subscription's first payment has not succeeded")
	case c.state(t.createdAt).data == "3":
		return refuse(no, "the subscription is canceled or has ended")
	case c.terms.managed:
		return refuse(no, "the subscription is charged by the provider (selfExecute 1)")
	}
	t.charge.period = c.periodAt(later(t.createdAt, t.charge.sentAt))
	if c.claimed(t.charge.period) {
		return refuse(codeNotDue, "recurring verification failed: the charge does not fit the agreed frequency")
	}
	return nil
}

// decideRenewal settles where a renewal stands. It runs under the ledger's lock.
func (s *Server) decideRenewal(t *transaction, c *contract, originalPaid bool, ordered *outcome) {
	if ordered == nil && !originalPaid {
		if why := c.declined(c.agreed(t.createdAt)); why != (reason{}) {
			ordered = &outcome{status: statusFailed, reason: why}
		}
	}
	s.decide(t, originalPaid, "", ordered)
	c.renewals = append(c.renewals, t)
	t.state = c.state(t.createdAt)
}

// follow makes of a contract what its purchase has become, and notes how it stands on the charge. The caller holds the
// ledger's lock.
func (s *Server) follow(t *transaction) {
	if t.charge == nil {
		return
	}
	c := s.ledger.contracts.byID[t.charge.contractID]
	if c == nil {
		return
	}
	if c.purchase == t {
		c.failed = t.status == statusFailed || t.status == statusClosed
		if t.status == statusSuccess && c.startedAt.IsZero() {
			c.startedAt = t.changedAt
			if c.terms.managed {
				s.planBilling(c, 1, 0)
			} else {
				c.startedAt = later(t.changedAt, t.charge.sentAt)
			}
		}
	}
	t.state = c.state(t.changedAt)
}

// billingRetries are the days after its beginning on which a managed period is tried again that was declined. No source says
// when the provider does [sim].
func billingRetries() []int { return []int{1, 3, 5} }

// billingAt is when a managed period is tried, in the contract's own time; false when not at all. It is not tried again once
// the next period has begun.
func (c *contract) billingAt(period, try int) (time.Time, bool) {
	due := c.dueAt(period)
	if try == 0 {
		return due, true
	}
	retries := billingRetries()
	if try > len(retries) {
		return time.Time{}, false
	}
	at := due.AddDate(0, 0, retries[try-1])
	return at, at.Before(c.dueAt(period + 1))
}

// planBilling puts a managed charge on the agenda. The caller holds the ledger's lock.
func (s *Server) planBilling(c *contract, period, try int) {
	at, possible := c.billingAt(period, try)
	switch {
	case !possible:
		c.abandoned = true
	case !c.ended(at):
		id := c.id
		s.agenda.addInTurn(c.onClock(at), func(context.Context) { s.bill(id, period, try) })
	}
}

// bill charges one period of a managed subscription. It happened when it was due, also where the clock has jumped over that.
func (s *Server) bill(contractID string, period, try int) {
	purchase, found := s.ledger.purchaseOf(contractID)
	if !found {
		return
	}
	req := purchase.saleRequest
	req.renews(purchase.saleRequest)
	req.merchantTxnID, req.originalID, req.strategy, req.mpiECI = billingID(purchase.id, period, try), "", "DEFAULT", ""
	req.insists = false
	req.charge = &chargeFacts{
		contractID: contractID, tokenID: purchase.charge.tokenID, products: purchase.charge.products, period: period,
	}
	p := s.faults.plan(call{
		path: pathBilling, merchantTxnID: req.merchantTxnID, amount: formatAmount(req.amount, req.currency), currency: req.currency, cardLast4: req.card.last4,
	}, faultsOf(req.behavior.fault))
	made, isNew, _ := s.ledger.addRenewal(s.newSale(req, &p), func(t *transaction, c *contract) error {
		if c == nil {
			return s.noContract()
		}
		at, _ := c.billingAt(period, try)
		if c.over(at) || c.claimed(period) {
			return s.noContract()
		}
		t.createdAt = c.onClock(at)
		t.changedAt = t.createdAt
		return nil
	}, func(t *transaction, c *contract, originalPaid bool) {
		t.changedAt = later(t.changedAt, t.createdAt)
		s.decideRenewal(t, c, originalPaid, p.outcome)
		if t.status == statusFailed {
			s.planBilling(c, period, try+1)
		} else {
			s.planBilling(c, period+1, 0)
		}
		t.state = c.state(t.createdAt)
	})
	if !isNew {
		return
	}
	s.schedule(made, p.settle)
	if made.status.final() {
		s.notify(made)
	}
}

// billingID is the merchantTxnId of a charge that no merchant has sent [sim].
func billingID(purchaseID string, period, try int) string {
	id := purchaseID + "-" + strconv.Itoa(period)
	if try > 0 {
		id += "-" + strconv.Itoa(try+1)
	}
	return id
}
