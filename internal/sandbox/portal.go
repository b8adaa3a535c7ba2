package sandbox

import "net/http"

// refundInPortal makes a refund as the merchant's people can in the provider's portal: it has no merchantTxnId, and nobody
// reviews it [sim]. It takes {"amount":"5.00","status":"S","silent":true}; a form of the page refunds all that is left.
func (s *Server) refundInPortal(w http.ResponseWriter, r *http.Request) {
	var order struct {
		Amount string `json:"amount"`
		// Status is S, or I for one that waits for its review.
		Status string `json:"status"`
		Silent bool   `json:"silent"`
	}
	if !isForm(r) && r.ContentLength != 0 && !s.readControl(w, r, &order) {
		return
	}
	id := r.PathValue("transactionId")
	if _, found := s.ledger.get(id); !found {
		s.complain(w, http.StatusNotFound, "no such transaction")
		return
	}
	if order.Status != "" && order.Status != string(statusSuccess) && order.Status != string(statusReview) {
		s.complain(w, http.StatusBadRequest, "status must be S or I")
		return
	}
	t, _, err := s.ledger.addRefund("", id, func(origin transaction, claimed int64) (transaction, error) {
		amount, err := s.refundable(origin, claimed, orElse(order.Amount, formatAmount(origin.amount-claimed, origin.currency)))
		if err != nil {
			return transaction{}, err
		}
		refund := s.newRefund(origin, "", amount, &plan{holdReview: order.Status == string(statusReview)})
		if order.Status != string(statusReview) {
			refund.status, refund.reason = statusSuccess, success()
		}
		return refund, nil
	})
	if err != nil {
		s.complain(w, http.StatusConflict, err.Error())
		return
	}
	if t.status.final() && !order.Silent {
		s.notify(t)
	}
	s.done(w, r, "/sandbox#latest", t.booked())
}
