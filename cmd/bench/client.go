package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	requestTimeout = 60 * time.Second
	bufferSize     = 16 << 10
)

// client is one keep-alive HTTP/1.1 connection, used by one goroutine. It shares two cores with what it measures, and
// net/http's Transport, with two goroutines and several hand-overs a request, costs several times as much.
type client struct {
	addr   string
	conn   net.Conn
	reader *bufio.Reader
	body   []byte
	out    []byte
}

// answer is what a request got; body is good until the next request.
type answer struct {
	status int
	timing string // Server-Timing
	body   []byte
}

func dial(ctx context.Context, addr string) (*client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the service: %w", err)
	}
	return &client{addr: addr, conn: conn, reader: bufio.NewReaderSize(conn, bufferSize), body: make([]byte, 0, bufferSize)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// post sends one request; headers are whole lines, each with its line end.
func (c *client) post(path, headers string, body []byte) (answer, error) {
	c.out = fmt.Appendf(c.out[:0], "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n",
		path, c.addr, len(body), headers)
	c.out = append(c.out, body...)
	if err := c.conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return answer{}, fmt.Errorf("post %s: %w", path, err)
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return answer{}, fmt.Errorf("post %s: %w", path, err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return answer{}, fmt.Errorf("read the answer to %s: %w", path, err)
	}
	defer response.Body.Close()
	c.body, err = readInto(c.body[:0], response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the answer to %s: %w", path, err)
	}
	return answer{status: response.StatusCode, timing: response.Header.Get("Server-Timing"), body: c.body}, nil
}

// readInto is io.ReadAll into a buffer that is kept.
func readInto(buffer []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, 0)[:len(buffer)]
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			return buffer, nil
		}
		if err != nil {
			return buffer, err
		}
	}
}
