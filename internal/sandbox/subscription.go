package sandbox

import (
	"net/http"
	"strconv"
	"time"
)

// subCancel ends a subscription now, with its period, or on a day (Onerway contract §8.13). The answer is the state of the
// contract, unsigned; nothing is notified [sim].
func (s *Server) subCancel(params map[string]any, _ string, _ *plan) reply {
	mode, date := orElse(param(params, "expireMode"), "1"), param(params, "expireDate")
	switch {
	case mode != "1" && mode != "2" && mode != "3":
		return refused(refuse(codeRejected, "expireMode must be 1, 2 or 3"))
	case mode == "3" && !s.future(date):
		return refused(refuse(codeRejected, "expireDate must be yyyy-MM-dd, after today"))
	case mode != "3" && date != "" && s.cfg.Strict:
		return refused(refuse(codeRejected, "expireDate goes with expireMode 3 only"))
	}
	var state contractState
	var err error
	if refusal := s.readContract(params, func(c *contract) {
		if data := c.state(s.now()).data; data == "3" || data == "2" {
			err = refuse(s.cfg.Sim.SubscriptionCode, "the subscription is canceled or has ended")
			return
		}
		c.cancel(mode, date, s.now())
		state = c.state(s.now())
	}); refusal != nil {
		err = refusal
	}
	if err != nil {
		return refused(err)
	}
	return reply{reason: success(), plain: state.data}
}

// cancel notes the merchant's wish. A subscription that has not begun has no period to end with.
func (c *contract) cancel(mode, date string, now time.Time) {
	switch {
	case mode == "3":
		c.cancelDate, c.cancelOn = date, dayOf(date)
	case mode == "2" && !c.startedAt.IsZero():
		period := 1
		for !c.dueAt(period).After(c.agreed(now)) {
			period++
		}
		c.cancelOn = c.dueAt(period)
	default:
		c.canceled = true
	}
}

// readContract hands the contract that a request is about to do.
func (s *Server) readContract(params map[string]any, do func(c *contract)) error {
	id := param(params, "contractId")
	if id == "" {
		return refuse(codeRejected, "contractId is required")
	}
	if s.cfg.Strict {
		if err := checkTexts(params, []textLimit{{"merchantNo", 20}, {"contractId", 20}, {"expireDate", 10}}); err != nil {
			return err
		}
	}
	known := false
	s.ledger.onContract(id, func(c *contract) {
		if known = c.id == id; known {
			do(c)
		}
	})
	if !known {
		return refuse(s.cfg.Sim.SubscriptionCode, "contractId is not that of a subscription")
	}
	return nil
}

// subDetail shows a subscription, unsigned and in strings only.
func (s *Server) subDetail(params map[string]any, _ string, _ *plan) reply {
	var data object
	if err := s.readContract(params, func(c *contract) { data = c.detail(s.cfg.MerchantNo, s) }); err != nil {
		return refused(err)
	}
	return reply{reason: success(), data: data}
}

func (c *contract) detail(merchantNo string, s *Server) object {
	state, cycles := c.state(s.now()), ""
	if c.terms.cycles > 0 {
		cycles = strconv.Itoa(c.terms.cycles)
	}
	return object{
		{"contractId", c.id},
		{"merchantNo", merchantNo},
		{"merchantCustomerId", c.purchase.custID},
		{"products", c.purchase.charge.products},
		{"orderAmount", c.purchase.amountText()},
		{"orderCurrency", c.purchase.currency},
		{"expireDate", text(orElse(c.cancelDate, c.terms.expireDate))},
		{"frequencyType", c.terms.unit},
		{"frequencyPoint", strconv.Itoa(c.terms.every)},
		{"cycleCount", text(cycles)},
		{"notificationEmail", text(c.terms.notificationEmail)},
		{"billingCycleAnchor", c.anchor(s.now())},
		{"dataStatus", state.data},
		{"subscriptionStatus", state.subscription},
		{"createTime", wireTimeOf(c.purchase.createdAt)},
		{"tokenId", text(c.shownToken())},
	}
}

// shownToken is the token of a subscription whose first payment has succeeded; before, nothing can be charged with it.
func (c *contract) shownToken() string {
	if c.startedAt.IsZero() {
		return ""
	}
	return c.tokenID
}

func (t terms) frequency() string { return strconv.Itoa(t.every) + t.unit }

// contractMembers are the two ids that answers to charges of subscriptions carry; null for all others.
func (t transaction) contractMembers() (contractID, tokenID any) {
	switch {
	case t.charge == nil:
		return nil, nil
	case t.charge.terms != nil && t.status != statusSuccess:
		return t.charge.contractID, nil
	default:
		return t.charge.contractID, t.charge.tokenID
	}
}

// subscriptionMembers are what a notification of a subscription's charge has besides (Onerway contract §10.5).
func (t transaction) subscriptionMembers() object {
	contractID, tokenID := t.contractMembers()
	members := object{{"contractId", contractID}}
	if tokenID != nil {
		members = append(members, field{"tokenId", tokenID})
	}
	return append(members, object{
		{"dataStatus", t.state.data},
		{"subscriptionStatus", t.state.subscription},
		{"scenarios", t.charge.scenario()},
		{"products", t.charge.products},
	}...)
}

// tellBinding notifies that the card of a managed subscription is kept, by an id of its own [sim].
func (s *Server) tellBinding(t transaction) {
	if t.charge == nil || t.charge.terms == nil || !t.charge.terms.managed || t.status != statusSuccess || t.notifyURL == "" {
		return
	}
	id := s.ledger.drawID(s.now())
	body := signable(s.cfg.Sim, object{
		{"notifyType", "TXN"},
		{"transactionId", id},
		{"txnType", "BIND_CARD"},
		{"merchantNo", t.merchantNo},
		{"merchantTxnId", t.merchantTxnID},
		{"responseTime", wireTimeOf(t.changedAt)},
		{"txnTime", wireTimeOf(t.createdAt)},
		{"txnTimeZone", wireZone},
		{"status", string(statusSuccess)},
		{"contractId", t.charge.contractID},
		{"tokenId", t.charge.tokenID},
		{"reason", success().json()},
	})
	s.mail(s.sealed(notification{
		transactionID: id, merchantTxnID: t.merchantTxnID, url: t.notifyURL, status: statusSuccess, kind: "final",
	}, body, s.cfg.secretKeys()), s.now())
}

// orderDecline takes {"code":"20051","message":"…","times":2}: what becomes of the next renewals of a subscription, named by
// its contract or its token. times is 1 when absent, negative for all.
func (s *Server) orderDecline(w http.ResponseWriter, r *http.Request) {
	order := struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Times   int    `json:"times"`
	}{Times: 1}
	if !s.readControl(w, r, &order) {
		return
	}
	if order.Code == "" || order.Code == codeSuccess || order.Times == 0 {
		s.complain(w, http.StatusBadRequest, "code is that of a decline, times is not 0")
		return
	}
	why := reason{order.Code, orElse(order.Message, "Declined by the sandbox")}
	s.onContractControl(w, r, func(c *contract) { c.declines = append(c.declines, orderedDecline{why, order.Times}) })
}

// clearDeclines takes back what was ordered.
func (s *Server) clearDeclines(w http.ResponseWriter, r *http.Request) {
	s.onContractControl(w, r, func(c *contract) { c.declines = nil })
}

func (s *Server) onContractControl(w http.ResponseWriter, r *http.Request, do func(c *contract)) {
	var now BookedContract
	if !s.ledger.onContract(r.PathValue("id"), func(c *contract) {
		do(c)
		now = c.booked(s.now())
	}) {
		s.complain(w, http.StatusNotFound, "no such contract")
		return
	}
	s.writeJSON(w, http.StatusOK, now)
}
