package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Address is where a part listens.
type Address struct {
	// Value is host:port.
	Value string
	// Fixed: a person chose it. Then it is an error that somebody else listens there; else a free port is taken.
	Fixed bool
}

// The usual addresses.
const (
	DefaultAPI     = "127.0.0.1:8080"
	DefaultAdmin   = "127.0.0.1:9090"
	DefaultSandbox = "127.0.0.1:8090"
	DefaultShop    = "127.0.0.1:8091"
)

// place is an address that is ours.
type place struct {
	what     string
	listener net.Listener
	wanted   string
	address  string // host:port that is listened on
	url      string // how a browser on this machine reaches it
}

// network is every address of a run.
type network struct {
	api, admin, sandbox, shop place
	databaseURL, redisURL     string
}

// openNetwork takes all addresses before anything starts, since each part is told those of the others.
func openNetwork(ctx context.Context, opts Options) (*network, error) {
	n := &network{}
	for _, want := range []struct {
		place   *place
		what    string
		address Address
		usual   string
	}{
		{&n.api, "API", opts.API, DefaultAPI},
		{&n.admin, "admin page", opts.Admin, DefaultAdmin},
		{&n.sandbox, "simulator", opts.Sandbox, DefaultSandbox},
		{&n.shop, "shop", opts.Shop, DefaultShop},
	} {
		if want.address.Value == "" {
			want.address.Value = want.usual
		}
		taken, err := claim(ctx, want.address)
		if err != nil {
			n.close()
			return nil, fmt.Errorf("listen for the %s: %w", want.what, err)
		}
		taken.what = want.what
		*want.place = taken
	}
	return n, nil
}

// claim listens on the address, or on another port of the same host when it is taken and nobody insists on it.
func claim(ctx context.Context, want Address) (place, error) {
	host, _, err := net.SplitHostPort(want.Value)
	if err != nil {
		return place{}, fmt.Errorf("%q is not host:port", want.Value)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", want.Value)
	if errors.Is(err, syscall.EADDRINUSE) && !want.Fixed {
		listener, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return place{}, err
	}
	address := listener.Addr().String()
	return place{listener: listener, wanted: want.Value, address: address, url: urlOf(address)}, nil
}

// urlOf is how this machine reaches an address; one that means all interfaces is reached on loopback.
func urlOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "http://" + address
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// moved says which parts are not where they usually are.
func (n *network) moved() []string {
	var said []string
	for _, p := range []place{n.api, n.admin, n.sandbox, n.shop} {
		_, wanted, _ := net.SplitHostPort(p.wanted)
		_, port, _ := net.SplitHostPort(p.address)
		if wanted != port && wanted != "0" {
			said = append(said, fmt.Sprintf("port %s is taken, so the %s moved to %s", wanted, p.what, port))
		}
	}
	return said
}

// release frees the addresses that the service listens on by itself.
func (n *network) release() {
	for _, p := range []*place{&n.api, &n.admin} {
		if p.listener != nil {
			_ = p.listener.Close()
			p.listener = nil
		}
	}
}

// close frees what no part has taken over; closing a listener twice does no harm.
func (n *network) close() {
	n.release()
	for _, p := range []*place{&n.sandbox, &n.shop} {
		if p.listener != nil {
			_ = p.listener.Close()
		}
	}
}
