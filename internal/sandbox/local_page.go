package sandbox

import (
	"net/http"
	"strings"
)

// localPath leads to the page on which a person pays by a local method: the bank's page, the app that has scanned a code, or
// the till that takes a voucher.
const localPath = "/local/"

func (s *Server) localOf(r *http.Request) (transaction, bool) {
	id, found := strings.CutPrefix(r.PathValue("key"), s.cfg.MerchantNo)
	if !found {
		return transaction{}, false
	}
	t, found := s.ledger.get(id)
	return t, found && t.local != nil && t.redirectURL != ""
}

func (s *Server) showLocal(w http.ResponseWriter, r *http.Request) {
	t, found := s.localOf(r)
	if !found {
		s.showPage(w, http.StatusNotFound, "missing.html", nil)
		return
	}
	back := ""
	if t.local.way == byPage { // who scanned a code or stands at a till did not come from the shop's page
		back = returnAddress(t)
	}
	s.showPage(w, http.StatusOK, "local.html", map[string]any{
		"Shop":      originOf(t.returnURL),
		"Amount":    t.amountText(),
		"Currency":  t.currency,
		"Method":    t.local.lpmsType,
		"ID":        t.id,
		"Until":     wireTimeOf(t.local.until) + " " + wireZone,
		"Minutes":   s.minutesUntil(t.local.until, s.now()),
		"Open":      t.status == statusAction,
		"Status":    statusInWords(t.status),
		"ReturnURL": back,
	})
}

// answerLocal takes what the person decides. A page that is answered twice changes nothing the second time. Leaving it lets the
// payment wait until its time is over.
func (s *Server) answerLocal(w http.ResponseWriter, r *http.Request) {
	t, found := s.localOf(r)
	if !found {
		s.showPage(w, http.StatusNotFound, "missing.html", nil)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	switch r.PostFormValue("action") {
	case "pay":
		t = s.settle(t.id, outcome{status: statusSuccess, reason: success()}, false)
	case "decline":
		t = s.settle(t.id, outcome{status: statusFailed, reason: reason{"70002", "Declined by the payer"}}, false)
	case "leave":
	default:
		s.showPage(w, http.StatusBadRequest, "missing.html", nil)
		return
	}
	if t.local.way == byPage {
		sendOn(w, returnAddress(t))
		return
	}
	sendOn(w, t.redirectURL)
}
