package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"tillway/internal/sandbox"
	"tillway/internal/telemetry"
)

const (
	headerTimeout = 10 * time.Second
	drainTimeout  = 10 * time.Second // longer than a connection that has sent nothing counts as one that will (net/http: 5 s)
)

// openSandbox starts the simulator of Onerway. It forgets everything when the demo ends.
func (d *demo) openSandbox(ctx context.Context) error {
	simulator := sandbox.New(sandbox.Config{
		PublicURL: d.net.sandbox.url, Strict: true, Sim: sandbox.SimOptions{MerchantClock: true},
		Logger: d.logger("simulator"),
	})
	d.run(ctx, "the simulator", func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return simulator.Run(ctx) })
		group.Go(func() error { return serveHTTP(ctx, simulator.Handler(), d.net.sandbox.listener) })
		return group.Wait()
	})
	d.out.part("Simulator", "of Onerway, %s/sandbox", d.net.sandbox.url)
	return nil
}

// logger writes into the service's log, for the other parts.
func (d *demo) logger(part string) *slog.Logger {
	return telemetry.NewLogger(d.log, slog.LevelInfo).With(slog.String("part", part))
}

// openShop starts the storefront's own page, to which shoppers come back.
func (d *demo) openShop(ctx context.Context) error {
	shop := &shop{
		secret: []byte(d.secrets.ReturnSecret), api: d.client(), visited: d.visited,
	}
	d.run(ctx, "the shop", func(ctx context.Context) error {
		return serveHTTP(ctx, shop.handler(), d.net.shop.listener)
	})
	return nil
}

// visited tells the terminal about a shopper who came back.
func (d *demo) visited(v visit) {
	if d.watching.Load() {
		d.out.good("A shopper came back: payment %s, order %s is %s.", v.Payment, v.Order, v.OrderStatus)
	}
}

// serveHTTP serves until ctx ends, and then finishes what is in flight.
func serveHTTP(ctx context.Context, handler http.Handler, listener net.Listener) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", listener.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), drainTimeout, errors.New("requests took too long"))
		defer cancel()
		if server.Shutdown(ctx) != nil {
			return server.Close() // a browser that keeps its connection open is no reason to stay
		}
		return nil
	})
	return group.Wait()
}
