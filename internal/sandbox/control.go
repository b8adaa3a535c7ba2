package sandbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// routeControls adds what a tester needs: everything under /sandbox.
func (s *Server) routeControls(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox", s.showHome)
	mux.HandleFunc("GET /sandbox/review", s.showReviewQueue)
	mux.HandleFunc("GET /sandbox/style.css", serveStyle)
	mux.HandleFunc("GET /sandbox/cards", func(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, http.StatusOK, cardList()) })
	mux.HandleFunc("GET /sandbox/books", s.showBooks)
	mux.HandleFunc("DELETE /sandbox/books", s.resetBooks)
	mux.HandleFunc("GET /sandbox/notifications", s.showDeliveries)
	mux.HandleFunc("POST /sandbox/notifications/{transactionId}/redeliver", s.redeliver)
	mux.HandleFunc("GET /sandbox/faults", s.showFaults)
	mux.HandleFunc("POST /sandbox/faults", s.armFault)
	mux.HandleFunc("DELETE /sandbox/faults", s.disarmFaults)
	mux.HandleFunc("DELETE /sandbox/faults/{id}", s.disarmFaults)
	s.routeReview(mux)
	s.routeChargebacks(mux)
	mux.HandleFunc("POST /sandbox/contracts/{id}/decline", s.orderDecline)
	mux.HandleFunc("DELETE /sandbox/contracts/{id}/decline", s.clearDeclines)
	mux.HandleFunc("GET /sandbox/clock", s.showClock)
	mux.HandleFunc("POST /sandbox/clock", s.advanceClock)
}

// Arm orders a fault and returns it with its id.
func (s *Server) Arm(f Fault) (Fault, error) { return s.faults.arm(f) }

// DisarmAll removes every fault.
func (s *Server) DisarmAll() { s.faults.disarm("") }

// Deliveries returns the delivery log of one transaction, or of all when the id is empty, the latest first.
func (s *Server) Deliveries(transactionID string) []Delivery {
	return s.post.newest(transactionID, 1<<30)
}

// Reset forgets every transaction, chargeback, notification, fault and planned task. Ids do not repeat, and the clock stays.
func (s *Server) Reset() {
	s.agenda.clear()
	s.ledger.reset()
	s.chargebacks.reset()
	s.vault.reset()
	s.post.reset()
	s.faults.disarm("")
}

func (s *Server) showBooks(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	q := BookQuery{MerchantTxnID: query.Get("merchantTxnId"), MerchantTxnOriginalID: query.Get("merchantTxnOriginalId")}
	switch query.Get("view") {
	case "":
		s.writeJSON(w, http.StatusOK, s.Books(q))
	case "summary":
		s.writeJSON(w, http.StatusOK, s.Summary(q))
	default:
		s.complain(w, http.StatusBadRequest, "view must be summary, or absent")
	}
}

func (s *Server) resetBooks(w http.ResponseWriter, _ *http.Request) {
	s.Reset()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) showDeliveries(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(orElse(r.URL.Query().Get("limit"), "100"))
	if err != nil || limit < 1 {
		s.complain(w, http.StatusBadRequest, "limit must be a positive number")
		return
	}
	s.writeJSON(w, http.StatusOK, map[string]any{
		"deliveries": s.post.newest(r.URL.Query().Get("transactionId"), limit),
	})
}

// redeliver sends the notification of a transaction's present status once more, now, and shows how it went.
func (s *Server) redeliver(w http.ResponseWriter, r *http.Request) {
	t, found := s.ledger.get(r.PathValue("transactionId"))
	switch {
	case !found:
		s.complain(w, http.StatusNotFound, "no such transaction")
		return
	case !t.notifies() || t.notifyURL == "":
		s.complain(w, http.StatusConflict, "this transaction has nothing to notify of: not final, or without notifyUrl")
		return
	}
	d := s.attempt(context.WithoutCancel(r.Context()), s.compose(t, "redelivered", s.cfg.secretKeys()), 1)
	s.done(w, r, "/sandbox#latest", d)
}

func (s *Server) showFaults(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, http.StatusOK, map[string]any{"faults": s.faults.list(), "catalog": faultList()})
}

func (s *Server) armFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !s.readControl(w, r, &f) {
		return
	}
	armed, err := s.Arm(f)
	if err != nil {
		s.complain(w, http.StatusBadRequest, err.Error())
		return
	}
	s.writeJSON(w, http.StatusCreated, armed)
}

func (s *Server) disarmFaults(w http.ResponseWriter, r *http.Request) {
	s.faults.disarm(r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) showClock(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, http.StatusOK, map[string]any{"now": s.now().UTC(), "scale": s.cfg.ClockScale})
}

func (s *Server) advanceClock(w http.ResponseWriter, r *http.Request) {
	var step struct {
		AdvanceSeconds int64 `json:"advance_seconds"`
	}
	if !s.readControl(w, r, &step) {
		return
	}
	if step.AdvanceSeconds < 0 || step.AdvanceSeconds > 10*365*24*3600 {
		s.complain(w, http.StatusBadRequest, "advance_seconds must be 0 to ten years; the clock never goes back")
		return
	}
	s.Advance(time.Duration(step.AdvanceSeconds) * time.Second)
	s.showClock(w, r)
}

// readControl decodes a control's body; a misspelled member is told of, for it would otherwise match everything.
func (s *Server) readControl(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		s.complain(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}

func (s *Server) complain(w http.ResponseWriter, code int, why string) {
	s.writeJSON(w, code, map[string]string{"error": why})
}

func (s *Server) writeJSON(w http.ResponseWriter, code int, value any) {
	body, err := encode(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if _, err := w.Write(append(body, '\n')); err != nil {
		s.log.Debug("sandbox control answer not taken", slog.Any("error", err))
	}
}
