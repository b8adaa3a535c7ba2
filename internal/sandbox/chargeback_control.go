package sandbox

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// appealTime is how long a merchant has to appeal against a chargeback, or to answer a pre-dispute [sim].
const appealTime = 14 * 24 * time.Hour

// routeChargebacks adds the controls of chargebacks, pre-disputes and refunds made in the provider's portal.
func (s *Server) routeChargebacks(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox/chargebacks", s.showChargebacks)
	mux.HandleFunc("POST /sandbox/chargebacks/{id}/move", s.moveChargeback)
	mux.HandleFunc("POST /sandbox/chargebacks/{id}/redeliver", s.redeliverChargeback)
	mux.HandleFunc("POST /sandbox/transactions/{transactionId}/chargeback", s.raise(false))
	mux.HandleFunc("POST /sandbox/transactions/{transactionId}/pre_dispute", s.raise(true))
	mux.HandleFunc("POST /sandbox/transactions/{transactionId}/refund", s.refundInPortal)
}

// Case orders a chargeback or a pre-dispute. The zero value takes all of the transaction and notifies of it.
type Case struct {
	// Amount is a decimal; "" is all of the transaction's. Currency is the transaction's where it is "".
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
	Code     string `json:"code"`
	Reason   string `json:"reason"`
	// Silent sends no notification: the query alone knows.
	Silent bool `json:"silent"`
	// HintTransactionID is what the unsigned members of its notifications name in place of the transaction: a forgery.
	HintTransactionID string `json:"hint_transaction_id"`
}

// BookedChargeback is a chargeback or pre-dispute as the books show it.
type BookedChargeback struct {
	ChargebackID        string `json:"chargebackId"`
	OriginTransactionID string `json:"originTransactionId"`
	PreDispute          bool   `json:"preDispute"`
	Status              string `json:"status"`
	Amount              string `json:"amount"`
	Currency            string `json:"currency"`
	// Holds: the issuer has the money now.
	Holds bool `json:"holds"`
	// Next are the statuses that it can be moved to.
	Next      []string  `json:"next"`
	Code      string    `json:"code"`
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"createdAt"`
	ChangedAt time.Time `json:"changedAt"`
}

func (c chargeback) booked() BookedChargeback {
	return BookedChargeback{
		ChargebackID: c.id, OriginTransactionID: c.origin.id, PreDispute: c.early, Status: orElse(c.status, "PRE_DISPUTE"),
		Amount: formatAmount(c.amount, c.currency), Currency: c.currency, Holds: c.holds(), Next: chargebackMoves(c.status),
		Code: c.code, Reason: c.reason, CreatedAt: c.importedAt.UTC(), ChangedAt: c.changed.UTC(),
	}
}

// Raise has the issuer take a transaction's money back, or warn that it may.
func (s *Server) Raise(transactionID string, early bool, order Case) (BookedChargeback, error) {
	origin, found := s.ledger.get(transactionID)
	switch {
	case !found:
		return BookedChargeback{}, refuse(codeBadID, "no such transaction")
	case !origin.charges():
		return BookedChargeback{}, refuse(codeRejected, "only a successful sale or capture can be charged back")
	}
	now := s.now()
	c := chargeback{
		id: s.ledger.drawID(now), origin: origin, early: early, amount: origin.amount, currency: orElse(order.Currency, origin.currency),
		code: orElse(order.Code, "10.4"), reason: orElse(order.Reason, "Fraud - Card Absent"),
		importedAt: now, changed: now, dueAt: now.Add(appealTime), hintID: origin.id, hintMerchant: origin.merchantTxnID,
	}
	c.arn = "24011346" + c.id[len(c.id)-15:]
	if !early {
		c.status = chargebackNew
	}
	if order.Amount != "" {
		amount, ok := minorUnits(order.Amount, c.currency)
		if !ok || amount == 0 {
			return BookedChargeback{}, refuse(codeRejected, "amount must be a positive amount in %s", c.currency)
		}
		c.amount = amount
	}
	if order.HintTransactionID != "" {
		c.hintID, c.hintMerchant = order.HintTransactionID, ""
		if hinted, known := s.ledger.get(order.HintTransactionID); known {
			c.hintMerchant = hinted.merchantTxnID
		}
	}
	s.chargebacks.add(c)
	if !order.Silent {
		s.notifyChargeback(c)
	}
	return c.booked(), nil
}

// charges tells whether the transaction took a shopper's money.
func (t transaction) charges() bool {
	return t.status == statusSuccess && (t.txnType == "SALE" || t.txnType == txnCapture)
}

// isForm tells whether a control was pressed on the page.
func isForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

func (s *Server) raise(early bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var order Case
		if !isForm(r) && r.ContentLength != 0 && !s.readControl(w, r, &order) {
			return
		}
		id := r.PathValue("transactionId")
		if _, found := s.ledger.get(id); !found {
			s.complain(w, http.StatusNotFound, "no such transaction")
			return
		}
		raised, err := s.Raise(id, early, order)
		if err != nil {
			s.complain(w, http.StatusConflict, err.Error())
			return
		}
		s.done(w, r, "/sandbox#chargebacks", raised)
	}
}

// moveChargeback takes {"status":"FA","silent":false}, or a form of the page.
func (s *Server) moveChargeback(w http.ResponseWriter, r *http.Request) {
	var order struct {
		Status string `json:"status"`
		Silent bool   `json:"silent"`
	}
	if isForm(r) {
		r.Body = http.MaxBytesReader(w, r.Body, 4096)
		order.Status = r.PostFormValue("status")
	} else if !s.readControl(w, r, &order) {
		return
	}
	c, found, moved := s.chargebacks.move(r.PathValue("id"), order.Status, s.now())
	switch {
	case !found:
		s.complain(w, http.StatusNotFound, "no such chargeback")
		return
	case !moved:
		s.complain(w, http.StatusConflict, "from "+orElse(c.status, "PRE_DISPUTE")+" it can go to "+
			orElse(strings.Join(chargebackMoves(c.status), ", "), "nothing"))
		return
	}
	if !order.Silent {
		s.notifyChargeback(c)
	}
	s.done(w, r, "/sandbox#chargebacks", c.booked())
}

// redeliverChargeback sends the notification of a chargeback's present status once more, now, and shows how it went.
func (s *Server) redeliverChargeback(w http.ResponseWriter, r *http.Request) {
	c, found := s.chargebacks.get(r.PathValue("id"))
	switch {
	case !found:
		s.complain(w, http.StatusNotFound, "no such chargeback")
		return
	case c.origin.notifyURL == "":
		s.complain(w, http.StatusConflict, "its transaction has no notifyUrl")
		return
	}
	d := s.attempt(context.WithoutCancel(r.Context()), s.composeChargeback(c, "redelivered"), 1)
	s.done(w, r, "/sandbox#chargebacks", d)
}

// showChargebacks lists chargebacks and pre-disputes, the latest first, of one transaction where it is asked for.
func (s *Server) showChargebacks(w http.ResponseWriter, r *http.Request) {
	only := r.URL.Query().Get("transactionId")
	s.writeJSON(w, http.StatusOK, map[string]any{
		"chargebacks": s.bookedChargebacks(func(c chargeback) bool { return only == "" || only == c.origin.id }),
	})
}

// bookedChargebacks are those that are wanted, the latest first.
func (s *Server) bookedChargebacks(want func(chargeback) bool) []BookedChargeback {
	shown := []BookedChargeback{}
	for _, c := range slices.Backward(s.chargebacks.chosen(want)) {
		shown = append(shown, c.booked())
	}
	return shown
}
