package sandbox

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// notification is one message to the merchant; its deliveries all carry the same bytes.
type notification struct {
	transactionID, merchantTxnID string
	url                          string
	status                       status
	kind                         string // final, duplicate, stale, forged or redelivered
	body                         []byte
	header                       string
}

// Delivery is one attempt at delivering a notification, as GET /sandbox/notifications shows it.
type Delivery struct {
	TransactionID string `json:"transactionId"`
	MerchantTxnID string `json:"merchantTxnId"`
	Status        string `json:"status"`
	Kind          string `json:"kind"`
	URL           string `json:"url"`
	Attempt       int    `json:"attempt"`
	At            string `json:"at"`
	TookMS        int64  `json:"took_ms"`
	HTTPStatus    int    `json:"http_status"`
	// Answer is the beginning of what the receiver answered.
	Answer       string `json:"answer"`
	Acknowledged bool   `json:"acknowledged"`
	Error        string `json:"error,omitempty"`
}

// sending is how many notifications are on their way at once: as many as connections are kept open for them, so that a
// merchant slower than its own sales finds a queue and not thousands of connections.
const sending = 256

// postOffice is the delivery log, and the limit of what is on its way.
type postOffice struct {
	mu    sync.Mutex
	log   recent[Delivery]
	slots chan struct{}
}

func newPostOffice(keep int) *postOffice {
	return &postOffice{log: recent[Delivery]{limit: keep}, slots: make(chan struct{}, sending)}
}

func (o *postOffice) record(d Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.log.add(d)
}

func (o *postOffice) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.log.clear()
}

// newest returns up to limit deliveries, of one transaction where an id is given, the latest first.
func (o *postOffice) newest(transactionID string, limit int) []Delivery {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := []Delivery{}
	for _, d := range slices.Backward(o.log.entries) {
		if len(found) == limit {
			break
		}
		if transactionID == "" || d.TransactionID == transactionID {
			found = append(found, d)
		}
	}
	return found
}

// notify tells the merchant of a transaction's status as its plan says. Every notification is retried by itself.
func (s *Server) notify(t transaction) {
	if t.notify.when == notifyNever || t.notifyURL == "" {
		return
	}
	s.tellBinding(t)
	due := s.now().Add(t.notify.delay)
	if !t.notify.forged {
		s.mailAll(t, due)
		return
	}
	s.agenda.add(due, func(ctx context.Context) {
		s.attempt(ctx, s.forgery(t), 1)
		s.mailAll(t, due.Add(time.Millisecond))
	})
}

// mailAll puts everything on the agenda that is truly the provider's; what has an order follows what it comes after.
func (s *Server) mailAll(t transaction, due time.Time) {
	final := s.compose(t, "final", s.cfg.secretKeys())
	s.agenda.add(due, func(ctx context.Context) {
		s.deliverNotification(ctx, final, 1)
		if t.notify.stale {
			before := t
			before.status, before.canceled = statusProcessing, ""
			s.mail(s.compose(before, "stale", s.cfg.secretKeys()), due.Add(100*time.Millisecond))
		}
	})
	for range t.notify.copies {
		s.mail(s.compose(t, "duplicate", s.cfg.secretKeys()), due)
	}
}

// mail puts one notification's first delivery on the agenda.
func (s *Server) mail(n notification, at time.Time) {
	s.agenda.add(at, func(ctx context.Context) { s.deliverNotification(ctx, n, 1) })
}

// notifyNow delivers the first time while the caller waits; retries follow as usual.
func (s *Server) notifyNow(ctx context.Context, t transaction) {
	if t.notifyURL == "" {
		return
	}
	s.tellBinding(t)
	n := s.compose(t, "final", s.cfg.secretKeys())
	s.deliverNotification(ctx, n, 1)
}

// deliverNotification tries once, and plans the next try where the merchant did not acknowledge.
func (s *Server) deliverNotification(ctx context.Context, n notification, number int) {
	if s.attempt(ctx, n, number).Acknowledged || number == deliveries {
		return
	}
	if s.agenda.size() >= s.cfg.Keep {
		s.log.WarnContext(ctx, "sandbox notification given up: too many wait", slog.String("transaction_id", n.transactionID))
		return
	}
	s.agenda.add(s.now().Add(s.scaled(retryInterval)), func(ctx context.Context) {
		s.deliverNotification(ctx, n, number+1)
	})
}

// compose writes and signs a notification, once per key in force: X-RH-Signature has an item for each of them, the body
// the digest of the current one, which is the last.
func (s *Server) compose(t transaction, kind string, keys []string) notification {
	n := notification{
		transactionID: t.id, merchantTxnID: t.merchantTxnID, url: t.notifyURL, status: t.told(), kind: kind,
	}
	return s.sealed(n, t.notification(s.cfg.Sim), keys)
}

// sealed is the notification with its body, signed.
func (s *Server) sealed(n notification, body object, keys []string) notification {
	var items []string
	for _, key := range keys {
		sign := body.digest(unsignedInNotification(), key)
		items = append(items, "v1="+sign)
		body = body.with("sign", sign)
	}
	if !s.cfg.Sim.OmitHeaderSign {
		n.header = strings.Join(items, ", ")
	}
	var err error
	if n.body, err = body.json(); err != nil {
		s.log.Error("sandbox notification not composed", slog.String("transaction_id", n.transactionID), slog.Any("error", err))
	}
	return n
}

// forgery says the opposite of the truth and is signed by somebody who does not know the key.
func (s *Server) forgery(t transaction) notification {
	if t.canceled != "" {
		t.canceled = opposite(t.canceled)
		return s.compose(t, "forged", []string{forger})
	}
	if t.status == statusSuccess {
		t.status, t.reason = statusFailed, reason{"70002", "Unknown decline"}
	} else {
		t.status, t.reason = statusSuccess, success()
	}
	return s.compose(t, "forged", []string{forger})
}

const forger = "a key that nobody gave out"

func opposite(st status) status {
	if st == statusSuccess {
		return statusFailed
	}
	return statusSuccess
}

// attempt delivers once: acknowledged is HTTP 200 with the bare transactionId within five seconds.
func (s *Server) attempt(ctx context.Context, n notification, number int) Delivery {
	select {
	case s.post.slots <- struct{}{}:
		defer func() { <-s.post.slots }()
	case <-ctx.Done(): // the attempt will say so
	}
	d := Delivery{
		TransactionID: n.transactionID, MerchantTxnID: n.merchantTxnID, Status: string(n.status), Kind: n.kind,
		URL: n.url, Attempt: number, At: wireTimeOf(s.now()),
	}
	started := time.Now()
	code, answer, err := s.postNotification(ctx, n)
	d.TookMS = time.Since(started).Milliseconds()
	d.HTTPStatus, d.Answer = code, answer[:min(len(answer), 200)]
	d.Acknowledged = err == nil && code == http.StatusOK && answer == n.transactionID
	if err != nil {
		d.Error = err.Error()
	}
	s.post.record(d)
	s.log.DebugContext(ctx, "sandbox notification",
		slog.String("transaction_id", n.transactionID), slog.String("kind", n.kind), slog.Int("attempt", number),
		slog.Int("http_status", code), slog.Bool("acknowledged", d.Acknowledged))
	return d
}

func (s *Server) postNotification(ctx context.Context, n notification) (code int, answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(n.body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if n.header != "" {
		req.Header.Set("X-RH-Signature", n.header)
	}
	resp, err := s.cfg.HTTPClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	return resp.StatusCode, string(body), err
}
