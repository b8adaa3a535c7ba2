package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
)

//go:embed assets
var assets embed.FS

// pageTemplates parses what is compiled in: it works for every build or for none, and the tests would say so.
func pageTemplates() *template.Template {
	return template.Must(template.ParseFS(assets, "assets/*.html"))
}

// CardInfo is one test card as GET /sandbox/cards shows it.
type CardInfo struct {
	Number string `json:"number"`
	Result string `json:"result"`
	Source string `json:"source"`
}

// LocalInfo is one local payment method as the page shows it.
type LocalInfo struct{ Name, Does string }

func localList() []LocalInfo {
	var methods []LocalInfo
	for _, m := range localMethods() {
		methods = append(methods, LocalInfo{m.lpmsType, m.does})
	}
	return methods
}

// FaultInfo is one entry of the catalog of faults.
type FaultInfo struct {
	Name  string   `json:"fault"`
	Does  string   `json:"does"`
	Card  string   `json:"card"`
	Paths []string `json:"paths"`
}

func cardList() []CardInfo {
	var cards []CardInfo
	for _, c := range testCards() {
		cards = append(cards, CardInfo{c.number, c.result, c.source})
	}
	for _, f := range faultCatalog() {
		if f.card != "" {
			cards = append(cards, CardInfo{f.card, "fault " + f.name + ": " + f.does, "[sim]"})
		}
	}
	return cards
}

func faultList() []FaultInfo {
	var faults []FaultInfo
	for _, f := range faultCatalog() {
		faults = append(faults, FaultInfo{f.name, f.does, f.card, f.paths})
	}
	return faults
}

// showHome is the page for people: what there is, what can be done, what happened lately.
func (s *Server) showHome(w http.ResponseWriter, r *http.Request) {
	const shown = 50
	var cards []CardInfo
	for _, c := range testCards() {
		cards = append(cards, CardInfo{c.number, c.result, c.source})
	}
	latest, forgotten := s.ledger.latest(shown)
	waiting := s.ledger.waiting()
	s.showPage(w, http.StatusOK, "home.html", map[string]any{
		"MerchantNo":   s.cfg.MerchantNo,
		"Strict":       s.cfg.Strict,
		"Now":          wireTimeOf(s.now()) + " " + wireZone,
		"Base":         s.baseURL(r),
		"Cards":        cards,
		"Locals":       localList(),
		"Faults":       faultList(),
		"Armed":        s.faults.list(),
		"Latest":       latest,
		"Waiting":      waiting[:min(shown, len(waiting))],
		"Disputes":     s.bookedChargebacks(func(chargeback) bool { return true }),
		"WaitingCount": len(waiting),
		"InReview":     s.inReview(),
		"Forgotten":    forgotten,
		"Deliveries":   s.post.newest("", shown),
	})
}

// showReviewQueue is the page of the provider's staff: the refunds, those that wait first, to be decided by a click.
func (s *Server) showReviewQueue(w http.ResponseWriter, _ *http.Request) {
	const shown = 100
	s.showPage(w, http.StatusOK, "review.html", map[string]any{"Refunds": s.latestRefunds(shown), "Review": s.reviewMode()})
}

// inReview is how many refunds wait for the review.
func (s *Server) inReview() int {
	waiting := 0
	for _, t := range s.ledger.refunds() {
		if t.status == statusReview {
			waiting++
		}
	}
	return waiting
}

// waiting is what a shopper has to go on with, the newest first: checkout pages that nobody has paid on, 3DS pages, and local
// payments.
func (l *ledger) waiting() []BookedTransaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []BookedTransaction
	for _, t := range slices.Backward(l.all.entries) {
		if t.status == statusAwaiting || t.status == statusAction {
			found = append(found, t.booked())
		}
	}
	return found
}

// latestRefunds are the newest refunds, those that wait for review before the others.
func (s *Server) latestRefunds(limit int) []BookedTransaction {
	var waiting, others []BookedTransaction
	for _, t := range slices.Backward(s.ledger.refunds()) {
		if t.status == statusReview {
			waiting = append(waiting, t.booked())
		} else {
			others = append(others, t.booked())
		}
	}
	all := append(waiting, others...)
	return all[:min(limit, len(all))]
}

// latest is the newest transactions and the number of forgotten ones, for the page.
func (l *ledger) latest(limit int) (transactions []BookedTransaction, forgotten int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var newest []BookedTransaction
	for _, t := range slices.Backward(l.all.entries) {
		if len(newest) == limit {
			break
		}
		newest = append(newest, l.seen(t).booked())
	}
	return newest, l.forgotten.transactions
}

// showPage renders a page that loads nothing from elsewhere and runs no script. Forms may lead on to any shop: the
// browser follows the redirect to returnUrl under the same policy.
func (s *Server) showPage(w http.ResponseWriter, code int, name string, data any) {
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, name, data); err != nil {
		s.log.Error("sandbox page not rendered", slog.String("page", name), slog.Any("error", err))
		http.Error(w, "page not rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(code)
	if _, err := w.Write(out.Bytes()); err != nil {
		s.log.Debug("sandbox page not taken", slog.Any("error", err))
	}
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, assets, "assets/style.css")
}
