package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"
)

const maxBody = 1 << 20

// reply is what an endpoint has to say: the envelope's three members, and the transaction that the call made.
type reply struct {
	reason reason
	data   object // to be signed, a page, or nil
	plain  string // data that is nothing but an id
	made   *transaction
	// signed says that the data is to be signed although no transaction was made.
	signed bool
	// again is a stored answer, sent as it was.
	again []byte
}

// provider wraps an endpoint in what all of them share: reading, the signature, the faults, and the answer's way back.
func (s *Server) provider(endpoint func(params map[string]any, baseURL string, p *plan) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		params, err := s.readParams(w, r)
		card := cardNumberOf(params)
		c := describe(r.URL.Path, params, card)
		moves := c.path == pathSale || c.path == pathCheckout || c.path == pathAuth || (c.path == pathRefund && param(params, "refundType") != "1")
		if c.merchantTxnID != "" && moves {
			s.ledger.counted(c.merchantTxnID)
		}
		if err != nil {
			s.send(w, r, plan{answerWith: http.StatusOK}, refused(err))
			return
		}
		p := s.faults.plan(c, s.ordered(r, s.faultOf(c.path, card, params)))
		if p.refuses() {
			s.refuseCall(w, r, p)
			return
		}
		rep := endpoint(params, s.baseURL(r), &p)
		if p.refuses() { // a query about something of which queries fail
			s.refuseCall(w, r, p)
			return
		}
		s.send(w, r, p, rep)
	}
}

// readParams reads the top level of a request and makes sure that the merchant sent it.
func (s *Server) readParams(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, refuse(codeUnreadable, messageUnreadable)
	}
	if err := s.checkContentType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	params, err := decodeParams(body)
	if err != nil {
		return nil, refuse(codeUnreadable, messageUnreadable)
	}
	if param(params, "merchantNo") == "" || param(params, "sign") == "" {
		return params, refuse(codeUnreadable, messageUnreadable)
	}
	if param(params, "merchantNo") != s.cfg.MerchantNo {
		return params, refuse(codeNoMerchant, "merchant account disabled or missing")
	}
	if !s.cfg.requestSigned(params) {
		return params, refuse(s.cfg.Sim.SignatureCode, "sign is wrong")
	}
	return params, nil
}

// checkContentType: the documents call "application/json; charset=UTF-8" wrong in so many words.
func (s *Server) checkContentType(header string) error {
	kind, _, err := mime.ParseMediaType(header)
	if kind != "application/json" || err != nil || (s.cfg.Strict && header != "application/json") {
		return refuse(codeUnreadable, "Content-Type must be exactly application/json")
	}
	return nil
}

// describe is the call as faults see it.
func describe(path string, params map[string]any, cardNumber string) call {
	c := call{
		path:          path,
		merchantTxnID: orElse(param(params, "merchantTxnId"), param(params, "merchantTxnIds")),
		originalID:    param(params, "merchantTxnOriginalId"),
		originID:      param(params, "originTransactionId"),
		amount:        orElse(param(params, "orderAmount"), param(params, "refundAmount")),
		currency:      param(params, "orderCurrency"),
	}
	if len(cardNumber) >= 4 {
		c.cardLast4 = cardNumber[len(cardNumber)-4:]
	}
	return c
}

// faultOf is the fault of the card that a call pays with, also by its token. A card is bound without it.
func (s *Server) faultOf(path, cardNumber string, params map[string]any) string {
	switch {
	case path != pathSale:
		return ""
	case cardNumber != "":
		return s.cards[cardNumber].fault
	case param(params, "subProductType") == subProductSubscribe:
		purchase, _ := s.ledger.purchaseOf(contractOf(params))
		return purchase.behavior.fault
	default:
		return s.vault.faultOf(tokenOf(params))
	}
}

func cardNumberOf(params map[string]any) string {
	info := param(params, "cardInfo")
	if info == "" {
		return ""
	}
	var card struct {
		CardNumber string `json:"cardNumber"`
	}
	if err := json.Unmarshal([]byte(info), &card); err != nil {
		return "" // the endpoint refuses it by name
	}
	return card.CardNumber
}

func refused(err error) reply {
	var why refusalError
	if !errors.As(err, &why) {
		why = refusalError{codeUnreadable, messageUnreadable}
	}
	return reply{reason: reason(why)}
}

// baseURL is the address that browsers reach this sandbox under.
func (s *Server) baseURL(r *http.Request) string {
	return orElse(s.cfg.PublicURL, "http://"+r.Host)
}

// send takes an answer to the client the way the plan says, and starts the notification at its side of it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, p plan, rep reply) {
	body, err := s.render(p, rep)
	if err != nil {
		s.log.ErrorContext(r.Context(), "sandbox answer not rendered", slog.Any("error", err))
		http.Error(w, "answer not rendered", http.StatusInternalServerError)
		return
	}
	final := rep.made != nil && rep.made.status.final()
	switch {
	case final && rep.made.notify.when == notifyBeforeAnswer:
		s.notifyNow(context.WithoutCancel(r.Context()), *rep.made)
	case final && p.answerBy != deliverWhole: // nobody waits for an answer that does not come
		s.notify(*rep.made)
	}
	s.linger(r.Context(), s.cfg.Latency+p.delay)
	s.deliver(w, r, p, body)
	if final && rep.made.notify.when != notifyBeforeAnswer && p.answerBy == deliverWhole {
		s.notify(*rep.made)
	}
}

// linger waits as long as anybody is there to wait with.
func (s *Server) linger(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.closing:
	}
}

// render is the body of an answer: signed, in the order of the documents, and spoilt where the plan says so.
func (s *Server) render(p plan, rep reply) ([]byte, error) {
	if rep.again != nil {
		return rep.again, nil
	}
	data := rep.data
	if rep.signed || (rep.made != nil && rep.plain == "") {
		if p.showStatus != "" {
			data = data.with("status", p.showStatus)
		}
		key := s.cfg.SecretKey
		if p.spoil == spoilSignature {
			key += "-of-someone-else"
		}
		data = data.signed(unsignedInResponse(), key)
		if p.spoil == spoilSignatureAway {
			data = data.with("sign", nil)
		}
	}
	envelope := object{{"respCode", rep.reason.code}, {"respMsg", rep.reason.message}, {"data", data}}
	if rep.plain != "" {
		envelope = envelope.with("data", rep.plain)
	}
	body, err := envelope.json()
	if p.spoil == spoilJSON && err == nil {
		body = body[:len(body)/2]
	}
	return body, err
}
