package renewals

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// answerPatience is how long a request is repeated, with its key, until the service answers it.
	answerPatience = 2 * time.Minute
	repeatEvery    = 100 * time.Millisecond
	mostOfAnswer   = 1 << 20
)

// client asks the service as a shop does: what is not answered is asked again with the same key.
type client struct {
	url  string
	http *http.Client
}

func newClient(url string) *client {
	return &client{url: url, http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// errNotYet says that a request got no answer, or one that asks to come again.
var errNotYet = errors.New("not answered yet")

// post sends a request until it is answered, and reads the answer into into, unless that is nil.
func (c *client) post(ctx context.Context, path, apiKey, key string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	return c.ask(ctx, http.MethodPost, path, apiKey, key, raw, into)
}

// get reads until it is answered.
func (c *client) get(ctx context.Context, path, apiKey string, into any) error {
	return c.ask(ctx, http.MethodGet, path, apiKey, "", nil, into)
}

// ask repeats a request until it is answered.
func (c *client) ask(ctx context.Context, method, path, apiKey, key string, raw []byte, into any) error {
	for deadline := time.Now().Add(answerPatience); ; {
		err := c.try(ctx, method, path, apiKey, key, raw, into)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errNotYet) || time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		if err := pause(ctx, repeatEvery); err != nil {
			return err
		}
	}
}

func (c *client) try(ctx context.Context, method, path, apiKey, key string, raw []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+apiKey)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotYet, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostOfAnswer))
	switch {
	case err != nil || answer.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%w: %s", errNotYet, answer.Status)
	case answer.StatusCode == http.StatusConflict && bytes.Contains(text, []byte("idempotency_in_flight")):
		return fmt.Errorf("%w: it is in flight", errNotYet)
	case answer.StatusCode >= http.StatusBadRequest && answer.StatusCode != http.StatusPaymentRequired:
		return fmt.Errorf("%s: %s", answer.Status, text)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
