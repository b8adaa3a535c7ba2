package onerway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxAnswer = 1 << 20
	// maxRespCode leaves room for longer codes than today's five digits, and none for a card number.
	maxRespCode    = 8
	defaultTimeout = 30 * time.Second
)

// Config is what a Client needs. BaseURL, MerchantNo, AppID and SecretKey are required.
type Config struct {
	BaseURL    string
	MerchantNo string
	AppID      string
	// SecretKey signs; it and PreviousSecretKey, which may be empty, verify answers.
	SecretKey         Sensitive
	PreviousSecretKey Sensitive
	// Timezone is the offset in which times are sent and unzoned times are read (default "+08:00").
	Timezone string
	// Timeout bounds each call from dialing to the last byte of the answer (default 30 s). A caller's own deadline
	// holds as well.
	Timeout time.Duration
	// WrapTransport, if set, adds to the transport, otelhttp for instance. It must send through what it is given, with
	// the request's context, and must not retry.
	WrapTransport func(http.RoundTripper) http.RoundTripper
	// Now is the clock for merchantTxnTime (default time.Now).
	Now     func() time.Time
	Breaker BreakerConfig
	// RemoveTokenPath is where tokens are removed (§8.7); no source names it (default "/v1/txn/removeToken").
	RemoveTokenPath string
}

// Client calls the provider for one merchant. It is safe for concurrent use.
type Client struct {
	baseURL    string
	merchantNo string
	appID      string
	secrets    Secrets
	zone       *time.Location
	zoneText   string
	timeout    time.Duration
	now        func() time.Time
	http       *http.Client
	transport  *http.Transport
	breaker    *breaker

	removeTokenPath string
}

// New makes a client, reporting every fault of its configuration at once.
func New(config Config) (*Client, error) {
	if config.Timezone == "" {
		config.Timezone = "+08:00"
	}
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.RemoveTokenPath == "" {
		config.RemoveTokenPath = defaultRemoveTokenPath
	}
	zone, zoneErr := ParseZone(config.Timezone)
	if err := errors.Join(checkBaseURL(config.BaseURL), zoneErr,
		required("merchant number", config.MerchantNo), required("app id", config.AppID),
		required("secret key", config.SecretKey.Reveal())); err != nil {
		return nil, fmt.Errorf("onerway configuration: %w", err)
	}
	transport := newTransport()
	var roundTripper http.RoundTripper = transport
	if config.WrapTransport != nil {
		roundTripper = config.WrapTransport(transport)
	}
	return &Client{
		baseURL:    strings.TrimSuffix(config.BaseURL, "/"),
		merchantNo: config.MerchantNo,
		appID:      config.AppID,
		secrets:    Secrets{Current: config.SecretKey, Previous: config.PreviousSecretKey},
		zone:       zone,
		zoneText:   config.Timezone,
		timeout:    config.Timeout,
		now:        config.Now,
		transport:  transport,
		breaker:    newBreaker(config.Breaker),

		removeTokenPath: config.RemoveTokenPath,
		http: &http.Client{
			Transport: roundTripper,
			// A redirect would send the card again, to an address that is not in our configuration.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Available tells, without sending anything, whether a call would be tried now; the error matches ErrCircuitOpen.
// Asking it before a payment is recorded spares the shopper a failed attempt.
func (c *Client) Available() error { return c.breaker.available() }

// Location is the zone of times that come without one.
func (c *Client) Location() *time.Location { return c.zone }

// Secrets are the keys that verify the merchant's messages.
func (c *Client) Secrets() Secrets { return c.secrets }

// Close drops idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Format keeps the keys out of print: fmt does not ask unexported fields how they want to be shown.
func (c *Client) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "onerway client of merchant %s at %s", c.merchantNo, c.baseURL)
}

// answer is the response envelope (§2.3).
type answer struct {
	respCode string
	respMsg  string
	data     string // as written, "" when null or absent
	digest   string
}

// call signs and sends one request that moves something and reads the envelope. Every failure is an *Error.
func (c *Client) call(ctx context.Context, op, path string, fields Fields, scrub scrubber) (answer, error) {
	payload, err := c.sign(op, fields)
	if err != nil {
		return answer{}, err
	}
	permit, err := c.breaker.acquire()
	if err != nil {
		return answer{}, &Error{Class: NeverSent, Reason: ReasonCircuitOpen, Op: op, cause: err}
	}
	return c.send(ctx, permit, op, path, payload, scrub)
}

// ask is call for a request that moves nothing.
func (c *Client) ask(ctx context.Context, op, path string, fields Fields) (answer, error) {
	payload, err := c.sign(op, fields)
	if err != nil {
		return answer{}, err
	}
	return c.send(ctx, c.breaker.acquireQuestion(), op, path, payload, scrubber{})
}

func (c *Client) sign(op string, fields Fields) ([]byte, error) {
	fields.set("merchantNo", c.merchantNo)
	fields["sign"] = Sign(fields, ExcludedFromRequest, c.secrets.Current)
	payload, err := fields.encode()
	if err != nil {
		return nil, invalidRequest(op, err)
	}
	return payload, nil
}

func (c *Client) send(ctx context.Context, permit *permit, op, path string, payload []byte, scrub scrubber) (answer, error) {
	// Settled in a defer, so that a panic in a wrapped transport cannot leave the circuit waiting for its probe.
	failed := &Error{Class: Unknown, Reason: ReasonConnection, Op: op}
	defer func() { permit.settle(failed) }()

	var got answer
	if got, failed = c.exchange(ctx, op, path, payload, scrub); failed != nil {
		return answer{}, failed
	}
	return got, nil
}

// exchange is one HTTP round trip.
func (c *Client) exchange(ctx context.Context, op, path string, payload []byte, scrub scrubber) (answer, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout,
		fmt.Errorf("onerway %s took more than %s: %w", op, c.timeout, context.DeadlineExceeded))
	defer cancel()
	var sent tracker
	request, err := http.NewRequestWithContext(sent.trace(ctx), http.MethodPost, c.baseURL+path, sent.body(payload))
	if err != nil {
		return answer{}, invalidRequest(op, err)
	}
	request.ContentLength = int64(len(payload))
	// With GetBody the transport may move to a fresh connection when a stale one took nothing. It resends no POST of
	// which a byte was written, as long as there is no Idempotency-Key header: never add one here.
	request.GetBody = func() (io.ReadCloser, error) { return sent.body(payload), nil }
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "tillway")
	askForFault(ctx, request.Header)

	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, sendError(ctx, op, err, sent.neverSent())
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return answer{}, &Error{Class: Unknown, Reason: ReasonHTTPStatus, Op: op, HTTPStatus: response.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		failed := sendError(ctx, op, err, false)
		failed.HTTPStatus = response.StatusCode
		return answer{}, failed
	}
	if len(body) > maxAnswer {
		return answer{}, &Error{Class: Unknown, Reason: ReasonOversize, Op: op, HTTPStatus: response.StatusCode}
	}
	got, err := parseAnswer(body)
	if err != nil {
		return answer{}, &Error{Class: Unknown, Reason: ReasonUnreadable, Op: op, HTTPStatus: response.StatusCode, cause: err}
	}
	got.respMsg = scrub.message(got.respMsg)
	return got, nil
}

// sendError classifies a call that got no answer. Local text is shown only where nothing was sent: from then on an
// error may quote the server.
func sendError(ctx context.Context, op string, err error, neverSent bool) *Error {
	failed := &Error{Class: Unknown, Reason: ReasonConnection, Op: op, cause: err}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		failed.Reason, failed.cause = ReasonCanceled, errors.Join(context.Canceled, err)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		failed.Reason, failed.cause = ReasonTimeout, errors.Join(context.DeadlineExceeded, err)
	case errors.As(err, &timeout) && timeout.Timeout():
		failed.Reason = ReasonTimeout
	}
	if neverSent {
		failed.Class, failed.detail = NeverSent, err.Error()
	}
	return failed
}

func invalidRequest(op string, err error) *Error {
	return &Error{Class: NeverSent, Reason: ReasonInvalidRequest, Op: op, detail: err.Error(), cause: err}
}

// parseAnswer reads the envelope. Only respCode is required; the rest is absent in some error answers.
func parseAnswer(body []byte) (answer, error) {
	members, err := parseObject(string(body))
	if err != nil {
		return answer{}, err
	}
	respCode, err := signedText(members["respCode"])
	if err != nil || respCode == "" || len(respCode) > maxRespCode {
		return answer{}, fmt.Errorf("%w: no response code", ErrMalformed)
	}
	respMsg, err := signedText(members["respMsg"])
	if err != nil {
		return answer{}, err
	}
	data := members["data"]
	if isNull(data) {
		data = ""
	}
	digest := sha256.Sum256(body)
	return answer{respCode: respCode, respMsg: respMsg, data: data, digest: hex.EncodeToString(digest[:])}, nil
}

// withoutData explains an answer that carries no data. Such answers are unsigned, so only the codes that are documented
// to reject a request count as a refusal. One that speaks of a duplicate does not: the first of the two may have been
// charged.
func (a answer) withoutData(op string) *Error {
	failed := &Error{
		Class: Unknown, Reason: ReasonCode, Op: op, HTTPStatus: http.StatusOK,
		RespCode: a.respCode, RespMsg: a.respMsg,
	}
	duplicate := strings.Contains(strings.ToLower(a.respMsg), "duplicate")
	if info, known := LookupCode(a.respCode); known && info.Refuses && !duplicate {
		failed.Class = Refused
	}
	return failed
}

func checkBaseURL(text string) error {
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") ||
		base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return errors.New("base URL must be a plain http or https address")
	}
	return nil
}

func required(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", name)
	}
	return nil
}
