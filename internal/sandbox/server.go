// Package sandbox simulates the payment provider Onerway over real HTTP: the endpoints a merchant calls, the checkout
// and 3DS pages a shopper's browser is sent to, and the notifications that follow, with the faults of a real network on demand.
//
// It owns the provider's side of the truth. Its books (GET /sandbox/books) say what was really charged, so a test can
// hold a merchant's beliefs against them. It shares no code with any client, signing least of all: both sides answer
// to the same published vectors, so a mistake made twice does not cancel out.
//
// Held at all times: at most one success per merchantTxnOriginalId, one transaction or checkout session per merchantTxnId, one
// end of every authorization, no more refunded than was charged, and no card number or CVV kept beyond the request that brought it. State
// is in memory and ends with the process. It is a tool for development: nothing guards the pages and controls under /sandbox.
package sandbox

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server is the simulated provider for one merchant. Make it with New, serve its Handler, and keep Run running.
type Server struct {
	cfg         Config
	cards       map[string]behavior
	ledger      *ledger
	vault       *vault
	faults      *faultBook
	post        *postOffice
	agenda      *agenda
	chargebacks *chargebackBook
	pages       *template.Template
	log         *slog.Logger

	holding atomic.Bool  // whether refunds wait for a person
	ahead   atomic.Int64 // how far Advance moved the clock, in nanoseconds

	closing   chan struct{} // closed when Run ends, so that silent connections do not outlive it
	closeOnce sync.Once
}

// New makes a sandbox. Nothing runs in the background until Run does.
func New(cfg Config) *Server {
	pollInjected := cfg.Now != nil
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:         cfg,
		cards:       cardBehaviors(),
		ledger:      newLedger(cfg.Keep),
		vault:       newVault(cfg.Keep),
		faults:      newFaultBook(cfg.Seed),
		post:        newPostOffice(cfg.Keep),
		chargebacks: newChargebackBook(cfg.Keep),
		pages:       pageTemplates(),
		log:         cfg.Logger,
		closing:     make(chan struct{}),
	}
	s.ledger.now = s.now
	s.holding.Store(cfg.HoldRefunds)
	s.agenda = newAgenda(s.now, pollInjected)
	return s
}

// Run delivers notifications, settles what is processing and closes what nobody finished, until ctx ends; then it
// waits for what is in flight. Call it once.
func (s *Server) Run(ctx context.Context) error {
	defer s.closeOnce.Do(func() { close(s.closing) })
	s.agenda.run(ctx)
	return nil
}

// Handler serves the provider's API, the pages for shoppers and the controls under /sandbox.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathSale, s.provider(s.doTransaction))
	mux.HandleFunc("POST "+pathCheckout, s.provider(s.openCheckout))
	mux.HandleFunc("POST "+pathAuth, s.provider(s.authPayment))
	mux.HandleFunc("POST "+pathRefund, s.provider(s.onlineRefund))
	mux.HandleFunc("POST "+pathCancel, s.provider(s.cancelTransaction))
	mux.HandleFunc("POST "+pathList, s.provider(s.listTransactions))
	mux.HandleFunc("POST "+pathPayments, s.provider(s.queryPayments))
	mux.HandleFunc("POST "+pathDisputes, s.provider(s.listChargebacks))
	mux.HandleFunc("POST "+pathSubEnd, s.provider(s.subCancel))
	mux.HandleFunc("POST "+pathSubShow, s.provider(s.subDetail))
	mux.HandleFunc("POST "+pathBind, s.provider(s.bindCard))
	mux.HandleFunc("POST "+pathTokens, s.provider(s.queryTokenList))
	mux.HandleFunc("POST "+s.cfg.Sim.RemoveTokenPath, s.provider(s.removeToken))
	mux.HandleFunc("GET "+checkoutPath, s.showCheckout)
	mux.HandleFunc("POST "+checkoutPath, s.answerCheckout)
	mux.HandleFunc("GET "+challengePath+"{key}", s.showChallenge)
	mux.HandleFunc("POST "+challengePath+"{key}", s.answerChallenge)
	mux.HandleFunc("GET "+localPath+"{key}", s.showLocal)
	mux.HandleFunc("POST "+localPath+"{key}", s.answerLocal)
	mux.Handle("GET /{$}", http.RedirectHandler("/sandbox", http.StatusSeeOther))
	mux.Handle("GET /docs", http.RedirectHandler("/sandbox", http.StatusSeeOther))
	s.routeControls(mux)
	return mux
}

// now is the provider's clock.
func (s *Server) now() time.Time {
	now := time.Now
	if s.cfg.Now != nil {
		now = s.cfg.Now
	}
	return now().Add(time.Duration(s.ahead.Load()))
}

// Advance moves the provider's clock on; what falls due is done at once. It never goes back.
func (s *Server) Advance(by time.Duration) time.Time {
	s.ahead.Add(int64(max(by, 0)))
	s.agenda.wake()
	return s.now()
}

// scaled is one of the provider's long waits on this sandbox's clock.
func (s *Server) scaled(wait time.Duration) time.Duration {
	return time.Duration(float64(wait) / s.cfg.ClockScale)
}
