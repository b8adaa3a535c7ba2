package onerway

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// idleTimeout is shorter than servers usually keep connections, so that a sale seldom meets one being closed: a
	// request lost that way has an unknown outcome.
	idleTimeout  = 20 * time.Second
	maxIdleConns = 64
)

// newTransport makes the transport that the error classes rely on. HTTP/1.1 only: there the transport resends a POST
// on its own only if it wrote nothing of it, which tracker observes, while HTTP/2 also resends refused streams. No
// compression, so that the size limit counts what was sent. No proxy from the environment, as configuration has one
// door.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &countingConn{Conn: conn}, nil
		},
		Protocols:              protocols,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    maxIdleConns,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}
}

// countingConn counts bytes before they are written, and can be sealed so that no further one is.
type countingConn struct {
	net.Conn

	mu      sync.Mutex
	written int64
	sealed  bool
}

// Write counts first: bytes whose write is under way when the count is read must not look unwritten.
func (c *countingConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.sealed {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	c.written += int64(len(p))
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *countingConn) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written
}

// sealAt closes the connection for writing if nothing was written since count was read, and tells whether that is so.
// The transport's own goroutine may still be about to write when a call returns on its deadline; after a true answer
// it no longer can.
func (c *countingConn) sealAt(count int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written != count {
		return false
	}
	c.sealed = true
	return true
}

// tracker establishes whether any byte of one request may have left.
type tracker struct {
	mu       sync.Mutex
	attempts []attempt
	bodyRead bool
	foreign  bool
}

// attempt is one connection that the transport chose for the request, with what had been written on it before: the
// TLS handshake and earlier requests.
type attempt struct {
	conn  *countingConn
	count int64
}

func (t *tracker) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		conn := info.Conn
		if secured, ok := conn.(*tls.Conn); ok {
			conn = secured.NetConn()
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if counting, ok := conn.(*countingConn); ok {
			t.attempts = append(t.attempts, attempt{conn: counting, count: counting.count()})
		} else {
			t.foreign = true
		}
	}})
}

// body is the request's body; the transport reads it only in order to write it.
func (t *tracker) body(payload []byte) io.ReadCloser {
	return &trackedBody{Reader: bytes.NewReader(payload), tracker: t}
}

// neverSent tells whether it is certain that nothing was written, now and later. Without any connection that we know,
// which is so when a wrapped transport brings its own, an unread body is the proof.
func (t *tracker) neverSent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.foreign || len(t.attempts) == 0 {
		return !t.foreign && !t.bodyRead
	}
	for _, attempt := range t.attempts {
		if !attempt.conn.sealAt(attempt.count) {
			return false
		}
	}
	return true
}

type trackedBody struct {
	*bytes.Reader

	tracker *tracker
}

func (b *trackedBody) Read(p []byte) (int, error) {
	b.tracker.mu.Lock()
	b.tracker.bodyRead = true
	b.tracker.mu.Unlock()
	return b.Reader.Read(p)
}

// WriteTo hides the reader's own, which would copy past Read.
func (b *trackedBody) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{b})
}

func (b *trackedBody) Close() error { return nil }
