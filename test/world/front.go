package world

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const dialTimeout = time.Second

// front is the load balancer: one address for callers and the provider, behind which processes come and go. A connection
// goes to a process that takes it; when that dies, so does the connection.
type front struct {
	listener net.Listener
	backends []string
	serving  sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]struct{}
	closed   bool
}

func newFront(backends []string) (*front, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		return nil, err
	}
	f := &front{listener: listener, backends: backends, open: map[net.Conn]struct{}{}}
	f.serving.Go(f.accept)
	return f, nil
}

func (f *front) url() string { return "http://" + f.listener.Addr().String() }

func (f *front) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return // closed
		}
		f.serving.Go(func() { f.serve(conn) })
	}
}

// serve carries one connection to a backend, the first that answers from a random one on.
func (f *front) serve(caller net.Conn) {
	defer caller.Close()
	backend, err := f.dial()
	if err != nil {
		return
	}
	defer backend.Close()
	if !f.remember(caller, backend) {
		return
	}
	defer f.forget(caller, backend)
	var copying sync.WaitGroup
	copying.Go(func() { pipe(backend, caller) })
	copying.Go(func() { pipe(caller, backend) })
	copying.Wait()
}

// pipe copies one direction to its end; an end in the middle ends both directions, as the death of a process does.
func pipe(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		_ = from.Close()
		return
	}
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

func (f *front) dial() (net.Conn, error) {
	first := rand.IntN(len(f.backends)) //nolint:gosec // spreads load
	dialer := net.Dialer{Timeout: dialTimeout}
	err := errors.New("no backend")
	for i := range f.backends {
		var conn net.Conn
		conn, err = dialer.Dial("tcp", f.backends[(first+i)%len(f.backends)])
		if err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (f *front) remember(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range conns {
		f.open[conn] = struct{}{}
	}
	return !f.closed
}

func (f *front) forget(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range conns {
		delete(f.open, conn)
	}
}

// close ends every connection and waits for the goroutines that carried them.
func (f *front) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	f.closed = true
	for conn := range f.open {
		_ = conn.Close()
	}
	f.mu.Unlock()
	f.serving.Wait()
}
