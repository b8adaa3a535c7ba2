package sandbox

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"
)

// cardForm is the card as the shopper typed it, and what is wrong with it. It lives for one request.
type cardForm struct {
	Number, Expiry, CVV, Name string
	Wrong                     map[string]string // by field
}

// sampleCard is a test card that the page fills in by a click. Its name travels in the address, never its number.
type sampleCard struct{ Name, Label, Number string }

func sampleCards() []sampleCard {
	return []sampleCard{
		{"pays", "Pays", "4761344136141390"},
		{"challenge", "3-D Secure", "4000020951595032"},
		{"funds", "No funds", "4021937195658141"},
		{"declined", "Declined", "4000128449498204"},
		{"slow", "Takes a moment", "4000009900000236"},
	}
}

// showCheckout is the page on which the shopper pays.
func (s *Server) showCheckout(w http.ResponseWriter, r *http.Request) {
	form := cardForm{}
	for _, sample := range sampleCards() {
		if sample.Name == r.URL.Query().Get("card") {
			form = cardForm{Number: sample.Number, Expiry: "12/30", CVV: "123", Name: "Test Buyer"}
		}
	}
	s.checkoutPage(w, http.StatusOK, r.URL.Query().Get("key"), form)
}

// checkoutPage shows a session as it stands: to be paid, under way, or over.
func (s *Server) checkoutPage(w http.ResponseWriter, code int, key string, form cardForm) {
	attempts := s.ledger.session(key)
	if len(attempts) == 0 {
		s.showPage(w, http.StatusNotFound, "missing.html", nil)
		return
	}
	t := attempts[len(attempts)-1]
	now := s.now()
	s.showPage(w, code, "checkout.html", map[string]any{
		"Shop":      originOf(t.returnURL),
		"Amount":    t.amountText(),
		"Currency":  t.currency,
		"Hold":      t.txnType == txnAuth,
		"Lines":     t.checkout.lines,
		"Key":       key,
		"ID":        t.id,
		"State":     t.checkoutState(now),
		"Declined":  t.status == statusFailed,
		"Reason":    t.reason.message,
		"Until":     wireTimeOf(t.checkout.expiresAt) + " " + wireZone,
		"Minutes":   s.minutesUntil(t.checkout.expiresAt, now),
		"Challenge": t.redirectURL,
		"ReturnURL": returnAddress(t),
		"Form":      form,
		"Samples":   sampleCards(),
	})
}

// minutesUntil is how long the page can be paid on, in minutes of this sandbox's clock, rounded up.
func (s *Server) minutesUntil(end, now time.Time) int64 {
	minute := s.scaled(time.Minute)
	return int64((end.Sub(now) + minute - 1) / minute)
}

// checkoutState is what the page is about: open, challenge, processing, paid or closed.
func (t transaction) checkoutState(now time.Time) string {
	switch t.status {
	case statusSuccess:
		return "paid"
	case statusProcessing:
		return "processing"
	case statusAction:
		return "challenge"
	case statusAwaiting, statusFailed, statusClosed, statusReview:
	}
	if t.payable(now) {
		return "open"
	}
	return "closed"
}

// answerCheckout takes what the shopper decides: to pay by a card, or to go back to the shop. Going back leaves the session
// open until its time is over [sim]: no source tells of a page that gives it up.
func (s *Server) answerCheckout(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	attempts := s.ledger.session(key)
	if len(attempts) == 0 {
		s.showPage(w, http.StatusNotFound, "missing.html", nil)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	switch r.PostFormValue("action") {
	case "pay":
		s.payCheckout(w, r, key)
	case "leave":
		sendOn(w, returnAddress(attempts[len(attempts)-1]))
	default:
		s.showPage(w, http.StatusBadRequest, "missing.html", nil)
	}
}

// payCheckout charges the card of the form. What is wrong with the form is told beside its fields and reaches no bank; a page
// that is sent twice, or too late, changes nothing the second time.
func (s *Server) payCheckout(w http.ResponseWriter, r *http.Request, key string) {
	form := cardForm{
		Number: strings.NewReplacer(" ", "", "-", "").Replace(r.PostFormValue("number")), Expiry: strings.TrimSpace(r.PostFormValue("expiry")),
		CVV: strings.TrimSpace(r.PostFormValue("cvv")), Name: strings.TrimSpace(r.PostFormValue("name")),
	}
	if form.Wrong = s.wrongInCard(form); len(form.Wrong) > 0 {
		form.CVV = ""
		s.checkoutPage(w, http.StatusUnprocessableEntity, key, form)
		return
	}
	card := cardFacts{form.Number[:6], form.Number[len(form.Number)-4:], brandOf(form.Number), form.Name}
	stands := s.cards[form.Number]
	p := s.faults.plan(call{path: checkoutPath, cardLast4: card.last4}, faultsOf(stands.fault))
	var follows *settlement
	t, paid := s.ledger.attempt(key, s.now(), func(t *transaction, originalPaid bool) {
		t.card, t.behavior = card, stands
		t.notify = t.notify.or(p.notify)
		ordered := cmp.Or(t.checkout.outcome, p.outcome)
		follows = cmp.Or(t.checkout.settle, p.settle)
		t.destiny = destinyOf(follows)
		s.decide(t, originalPaid, originOf(t.checkout.page), ordered)
	})
	if paid {
		s.schedule(t, follows)
		if t.status.final() {
			s.notify(t)
		}
	}
	switch t.status {
	case statusSuccess, statusProcessing:
		sendOn(w, returnAddress(t))
	case statusAction:
		sendOn(w, t.redirectURL)
	case statusAwaiting, statusFailed, statusClosed, statusReview:
		sendOn(w, t.checkout.page)
	}
}

// wrongInCard checks a form as the bank's own rules would, field by field.
func (s *Server) wrongInCard(form cardForm) map[string]string {
	wrong := map[string]string{}
	if !luhnValid(form.Number) {
		wrong["number"] = "This is no card number. Please check its digits."
	}
	month, year, _ := strings.Cut(form.Expiry, "/")
	switch err := s.checkExpiry(strings.TrimSpace(month), strings.TrimSpace(year)); {
	case err == nil:
	case errors.Is(err, refuse(codeCardExpired, "card expired")):
		wrong["expiry"] = "This card has expired."
	default:
		wrong["expiry"] = "Please write month and year, such as 12/30."
	}
	if !cvvShape.MatchString(form.CVV) {
		wrong["cvv"] = "The security code has 3 or 4 digits."
	}
	if form.Name == "" || len(form.Name) > 48 {
		wrong["name"] = "Please write the name on the card."
	}
	return wrong
}

// faultsOf is what strikes a payment because its card stands for it.
func faultsOf(name string) []Fault {
	if name == "" {
		return nil
	}
	return []Fault{{Name: name}}
}
