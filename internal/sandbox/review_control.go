package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// Modes of the review of refunds.
const (
	reviewAuto = "auto"
	reviewHold = "hold"
)

// routeReview adds the controls of refunds and cancellations.
func (s *Server) routeReview(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox/refunds", s.showRefunds)
	mux.HandleFunc("POST /sandbox/refunds/{transactionId}/approve", s.decideRefund(s.approveRefund))
	mux.HandleFunc("POST /sandbox/refunds/{transactionId}/reject", s.decideRefund(s.rejectRefund))
	mux.HandleFunc("POST /sandbox/refunds/{transactionId}/fail", s.decideRefund(s.failRefund))
	mux.HandleFunc("GET /sandbox/refund_review", s.showReview)
	mux.HandleFunc("POST /sandbox/refund_review", s.setReview)
	mux.HandleFunc("POST /sandbox/transactions/{transactionId}/reverse", s.reverse)
}

// decideRefund is a person's decision on one refund: 404 without such a refund, 409 where it is too late.
func (s *Server) decideRefund(decide func(id string) (transaction, bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("transactionId")
		if t, found := s.ledger.get(id); !found || t.refund == nil {
			s.complain(w, http.StatusNotFound, "no such refund")
			return
		}
		t, decided := decide(id)
		if !decided {
			s.complain(w, http.StatusConflict, "this refund is "+string(t.status)+": too late for that")
			return
		}
		s.done(w, r, "/sandbox/review", t.booked())
	}
}

// failRefund has the bank turn a refund down, after its review.
func (s *Server) failRefund(id string) (transaction, bool) {
	end := outcome{status: statusFailed, reason: reason{"70002", "Refund declined by the bank"}}
	return s.endRefund(id, end, []status{statusReview, statusProcessing})
}

// showRefunds lists refunds, the latest first, of one status where it is asked for.
func (s *Server) showRefunds(w http.ResponseWriter, r *http.Request) {
	only := status(r.URL.Query().Get("status"))
	refunds := []BookedTransaction{}
	for _, t := range slices.Backward(s.ledger.refunds()) {
		if only == "" || only == t.status {
			refunds = append(refunds, t.booked())
		}
	}
	s.writeJSON(w, http.StatusOK, map[string]any{"mode": s.reviewMode(), "refunds": refunds})
}

func (s *Server) reviewMode() string {
	if s.holding.Load() {
		return reviewHold
	}
	return reviewAuto
}

func (s *Server) showReview(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, http.StatusOK, map[string]string{"mode": s.reviewMode()})
}

// setReview takes {"mode":"auto"|"hold"}, or the same as a form of the page.
func (s *Server) setReview(w http.ResponseWriter, r *http.Request) {
	var set struct {
		Mode string `json:"mode"`
	}
	if isForm(r) {
		r.Body = http.MaxBytesReader(w, r.Body, 4096)
		set.Mode = r.PostFormValue("mode")
	} else if !s.readControl(w, r, &set) {
		return
	}
	if set.Mode != reviewAuto && set.Mode != reviewHold {
		s.complain(w, http.StatusBadRequest, "mode must be auto or hold")
		return
	}
	s.HoldRefunds(set.Mode == reviewHold)
	s.done(w, r, "/sandbox/review", map[string]string{"mode": set.Mode})
}

// done answers a control that changed something: a browser goes to the page where it shows, a program gets what is
// there now.
func (s *Server) done(w http.ResponseWriter, r *http.Request, page string, now any) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, page, http.StatusSeeOther)
		return
	}
	s.writeJSON(w, http.StatusOK, now)
}
