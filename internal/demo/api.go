package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	callTimeout   = 30 * time.Second
	maxAnswer     = 1 << 20
	pollInterval  = 50 * time.Millisecond
	shopperAnswer = "approve"
)

// request is one call of the API, to be made and to be shown.
type request struct {
	method, path, body string
}

// answer is what came back.
type answer struct {
	status string
	code   int
	body   []byte
	took   time.Duration
}

// client calls the API as a storefront does.
type client struct {
	base, key string
	http      *http.Client
	newKey    func() string // of the next Idempotency-Key
}

// call makes the request and reads an object from its answer. An answer that is no success is an error that shows it.
func (c *client) call(ctx context.Context, r request, into any) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, strings.NewReader(r.body))
	if err != nil {
		return answer{}, fmt.Errorf("call %s: %w", r.path, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if r.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", c.newKey())
	}
	begun := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("call %s: %w", r.path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer of %s: %w", r.path, err)
	}
	a := answer{status: resp.Status, code: resp.StatusCode, body: bytes.TrimSpace(body), took: time.Since(begun)}
	if a.code >= http.StatusMultipleChoices {
		return a, fmt.Errorf("%s %s answered %s: %s", r.method, r.path, a.status, a.body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return a, fmt.Errorf("read the answer of %s: %w", r.path, err)
	}
	return a, nil
}

// order and payment are the members that the demo looks at.
type order struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

type payment struct {
	ID         string `json:"id"`
	Order      string `json:"order"`
	Status     string `json:"status"`
	NextAction *struct {
		RedirectToURL struct {
			URL string `json:"url"`
		} `json:"redirect_to_url"`
	} `json:"next_action"`
}

// paid waits until the order is paid; what is not settled at once is so when the notification has come.
func (c *client) paid(ctx context.Context, id string) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errors.New("it was not paid in time"))
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		var o order
		a, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/orders/" + id}, &o)
		if err != nil {
			return a, err
		}
		if o.Status == "paid" {
			return a, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return a, fmt.Errorf("order %s is %s: %w", id, o.Status, context.Cause(ctx))
		}
	}
}

// approve does what a shopper's browser does on a 3DS page: it answers and follows where it is sent. It returns the
// addresses that it came through.
func (c *client) approve(ctx context.Context, page string) ([]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errors.New("the shopper was not sent back in time"))
	defer cancel()
	form := url.Values{"action": {shopperAnswer}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("open the 3DS page: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var hops []string
	browser := &http.Client{Transport: c.http.Transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		const most = 5
		hops = append(hops, next.URL.String())
		if len(via) > most {
			return errors.New("sent around in circles")
		}
		return nil
	}}
	resp, err := browser.Do(req)
	if err != nil {
		return hops, fmt.Errorf("approve on the 3DS page: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return hops, fmt.Errorf("approve on the 3DS page: %s answered %s", resp.Request.URL.Path, resp.Status)
	}
	return hops, nil
}
