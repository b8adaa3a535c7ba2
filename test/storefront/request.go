package storefront

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	requestTimeout = 10 * time.Second
	repeatAfter    = 40 * time.Millisecond
)

// request is one POST under a key.
type request struct {
	path, key string
	body      []byte
	as        string // the API key, "" for the shop's own
}

// refusal is why a request is not answered yet.
func refusal(a answer, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", a.status, a.code)
}

func (r *request) id() string { return r.path + " " + r.key }

// answer is what the shop looks at.
type answer struct {
	status     int
	object, id string // of the resource, also when an error shows it
	said       string // its status
	code       string // of an error
	amount     int64
	redirect   string
	method     string // the saved card that paid, or was saved
	charge     string // the provider's transaction
	waits      bool   // for a second person
}

// again tells whether the same request is to be sent once more.
func (a answer) again() bool {
	return a.status >= http.StatusInternalServerError || a.status == http.StatusTooManyRequests || a.code == "idempotency_in_flight"
}

// resource is an order, a payment or an error, as far as the shop looks at it.
type resource struct {
	Object   string  `json:"object"`
	ID       string  `json:"id"`
	Status   string  `json:"status"`
	Amount   int64   `json:"amount"`
	Method   *string `json:"payment_method"`
	Charge   *string `json:"provider_transaction_id"`
	Approval *struct {
		Status string `json:"status"`
	} `json:"approval"`
	NextAction *struct {
		RedirectToURL struct {
			URL string `json:"url"`
		} `json:"redirect_to_url"`
	} `json:"next_action"`
	Error *struct {
		Code    string    `json:"code"`
		Payment *resource `json:"payment"`
	} `json:"error"`
}

// post sends a request until it is answered. It gives up, and remembers, when that takes longer than patience.
func (s *Shop) post(ctx context.Context, req *request) (answer, bool) {
	deadline := time.Now().Add(s.opts.Patience)
	for {
		a, err := s.once(ctx, req)
		if err == nil && !a.again() {
			s.record.note(req, a)
			return a, true
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			s.record.leave(req, refusal(a, err))
			return answer{}, false
		}
		wait(ctx, repeatAfter)
	}
}

func (s *Shop) once(ctx context.Context, req *request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, s.opts.URL+req.path, bytes.NewReader(req.body))
	if err != nil {
		return answer{}, fmt.Errorf("post %s: %w", req.path, err)
	}
	out.Header.Set("Authorization", "Bearer "+cmp.Or(req.as, s.opts.APIKey))
	out.Header.Set("Content-Type", "application/json")
	out.Header.Set("Idempotency-Key", req.key)
	in, err := s.http.Do(out)
	if err != nil {
		return answer{}, fmt.Errorf("post %s: %w", req.path, err)
	}
	defer in.Body.Close()
	raw, err := io.ReadAll(in.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the answer to %s: %w", req.path, err)
	}
	return read(in.StatusCode, raw)
}

func read(status int, raw []byte) (answer, error) {
	var r resource
	if err := json.Unmarshal(raw, &r); err != nil {
		return answer{}, fmt.Errorf("read an answer %d: %w", status, err)
	}
	a := answer{status: status}
	if r.Error != nil {
		a.code = r.Error.Code
		if r.Error.Payment == nil || status != http.StatusPaymentRequired {
			return a, nil // a conflict shows the payment of another request
		}
		r = *r.Error.Payment
	}
	a.object, a.id, a.said, a.amount = r.Object, r.ID, r.Status, r.Amount
	if r.Method != nil {
		a.method = *r.Method
	}
	if r.Charge != nil {
		a.charge = *r.Charge
	}
	a.waits = r.Approval != nil && r.Approval.Status == "required"
	if r.NextAction != nil {
		a.redirect = r.NextAction.RedirectToURL.URL
	}
	return a, nil
}

func wait(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
