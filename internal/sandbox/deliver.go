package sandbox

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
)

// refuseCall ends a call before it had any effect.
func (s *Server) refuseCall(w http.ResponseWriter, r *http.Request, p plan) {
	s.linger(r.Context(), s.cfg.Latency+p.delay)
	if p.refuseBy != deliverWhole {
		s.hangUp(w, p.refuseBy, nil)
		return
	}
	if p.refuseWith == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	errorPage(w, p.refuseWith)
}

// deliver writes an answer, or does to the connection what the plan has in mind.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, p plan, body []byte) {
	switch p.answerBy {
	case deliverNever:
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
		s.hangUp(w, deliverNothing, nil)
		return
	case deliverNothing, deliverReset, deliverPart:
		s.hangUp(w, p.answerBy, body)
		return
	case deliverWhole:
	}
	if p.answerWith >= http.StatusMultipleChoices {
		errorPage(w, p.answerWith)
	} else {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(p.answerWith)
		if _, err := w.Write(body); err != nil {
			s.log.DebugContext(r.Context(), "sandbox answer not taken", slog.Any("error", err))
		}
	}
	// Out before the notification that follows, so that the order of the two is what the plan says.
	if err := http.NewResponseController(w).Flush(); err != nil {
		s.log.DebugContext(r.Context(), "sandbox answer not flushed", slog.Any("error", err))
	}
}

// hangUp ends the connection without a whole answer.
func (s *Server) hangUp(w http.ResponseWriter, how delivery, body []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// Not a connection of our own (HTTP/2, a recorder): an empty 502 is the nearest thing to no answer.
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if how == deliverPart {
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
		_, err = conn.Write(append([]byte(head), body[:len(body)/2]...))
	}
	if tcp, isTCP := conn.(*net.TCPConn); isTCP && how == deliverReset && err == nil {
		err = tcp.SetLinger(0) // what is closed with no time to linger is reset
	}
	if closeErr := conn.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		s.log.Debug("sandbox connection not ended as planned", slog.Any("error", err))
	}
}

// errorPage is what a proxy in front of a broken provider sends: not JSON.
func errorPage(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	// A client that has gone away is not this page's business.
	_, _ = fmt.Fprintf(w, "<html><body><h1>%d %s</h1></body></html>", code, http.StatusText(code))
}
