// Package demo shows the service at work on one machine: it starts PostgreSQL, Redis, the simulator of Onerway and the
// service itself, pays a first order by card and a second through 3DS, and stays up for a person to try more.
//
// It owns what it starts and the directory that keeps the demo's data and keys. It does not own how the service is
// wired: cmd/server hands that in as Options.Serve, and the service gets its configuration through config.Load like any
// other, so that the demo shows what production runs. Nothing here is meant for production.
//
// Invariants: the parts stop in the reverse order of their start, the service first, so that charges in flight still
// find the provider and the database; whatever fails, nothing that was started stays behind.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"tillway/internal/config"
	"tillway/migrations"
)

// Options say what to run and where.
type Options struct {
	// Dir keeps the data, the keys and the log; default ".tillway".
	Dir string
	// Environ is the environment of the process: DATABASE_URL and REDIS_URL, if set, are used instead of private
	// servers; LOG_LEVEL and OTEL_* reach the service.
	Environ map[string]string
	// The addresses to listen on; the zero value means the usual ones.
	API, Admin, Sandbox, Shop Address
	// Serve runs the service with its workers until ctx ends and then drains it. It logs to log, and calls ready once
	// it accepts requests.
	Serve func(ctx context.Context, cfg config.Config, log io.Writer, ready func()) error
	// Out is the terminal, in colors if Color is set.
	Out   io.Writer
	Color bool
	// Ready, if set, is called when both orders are paid and the demo begins to wait.
	Ready func(Summary)
}

// Summary is what the demo has shown and where to go on.
type Summary struct {
	// CardOrder and ThreeDSOrder are the paid orders, WaitingOrder the one whose 3DS page waits.
	CardOrder, ThreeDSOrder, WaitingOrder string
	// WaitingPage is the 3DS page that waits for a person.
	WaitingPage string
	// CheckoutPage is the checkout page that waits for a person, for an order of its own.
	CheckoutPage string
	// The addresses of the parts, as http URLs.
	APIURL, AdminURL, SandboxURL, ShopURL string
	// StorefrontKey opens the API for a storefront.
	StorefrontKey string
	// Elapsed is the time from the start to the second paid order.
	Elapsed time.Duration
}

const defaultDir = ".tillway"

// logName is the service's log in the directory of the demo.
const logName = "server.log"

// demo is one run.
type demo struct {
	Options
	out     *printer
	begun   time.Time
	secrets secrets
	net     *network
	log     *os.File
	running stack
	// forgets: the orders go with a container.
	forgets bool
	// watching: the story is told, and the terminal is for news.
	watching atomic.Bool
	// fail ends the run with a cause: a part that ended by itself.
	fail context.CancelCauseFunc
}

// Run runs the demo until ctx ends, which is no error, or something fails, which is.
func Run(ctx context.Context, opts Options) (err error) {
	if opts.Dir == "" {
		opts.Dir = defaultDir
	}
	d := &demo{Options: opts, out: &printer{w: opts.Out, color: opts.Color}, begun: time.Now()}
	parent := ctx
	ctx, d.fail = context.WithCancelCause(ctx)
	defer d.fail(nil)
	defer func() {
		if parent.Err() != nil {
			d.out.note("\nStopping: the service finishes what is in flight. Ctrl-C again ends it at once.")
			err = nil // a person asked for it, whatever it interrupted
		}
		err = errors.Join(err, d.running.stop(context.WithoutCancel(ctx)))
		if err == nil {
			d.out.note("Stopped.")
		}
	}()
	if err := d.start(ctx); err != nil {
		return cause(ctx, err)
	}
	summary, err := d.tell(ctx)
	if err != nil {
		return cause(ctx, err)
	}
	if d.Ready != nil {
		d.Ready(summary)
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// cause prefers the reason why ctx ended to what failed for it.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// start brings everything up, in the order in which the parts need each other.
func (d *demo) start(ctx context.Context) error {
	d.out.title("Tillway demo")
	for _, step := range []func(context.Context) error{
		d.openDir, d.openNetwork, d.openPostgres, d.openRedis, d.clearLog, d.openSandbox, d.migrate, d.openShop, d.serve,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) openDir(context.Context) error {
	// Not only ours to pass through: run by root, PostgreSQL's own user keeps its data below. Its files are private.
	err := os.MkdirAll(d.Dir, 0o755) //nolint:gosec // see above
	if err != nil {
		return fmt.Errorf("make the directory of the demo: %w", err)
	}
	if d.secrets, err = loadSecrets(filepath.Join(d.Dir, secretsName)); err != nil {
		return err
	}
	d.log, err = os.OpenFile(d.path(logName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	d.running.push("the log", func(context.Context) error { return d.log.Close() })
	return nil
}

// clearLog begins the log anew, now that the databases say that no other demo runs here and writes to it.
func (d *demo) clearLog(context.Context) error {
	if err := d.log.Truncate(0); err != nil {
		return fmt.Errorf("clear the log: %w", err)
	}
	return nil
}

func (d *demo) path(name string) string { return filepath.Join(d.Dir, name) }

func (d *demo) openNetwork(ctx context.Context) error {
	net, err := openNetwork(ctx, d.Options)
	if err != nil {
		return err
	}
	d.net = net
	d.running.push("the network", func(context.Context) error { d.net.close(); return nil })
	return nil
}

func (d *demo) migrate(ctx context.Context) error {
	begun := time.Now()
	applied, err := migrations.Up(ctx, d.net.databaseURL)
	if err != nil {
		return fmt.Errorf("bring the database up to date: %w", err)
	}
	d.out.part("Migrations", "%d applied in %s", len(applied), brief(time.Since(begun)))
	return nil
}

// serve starts the service itself, configured as every other one is.
func (d *demo) serve(ctx context.Context) error {
	cfg, err := config.Load(d.environment(), config.PurposeServe)
	if err != nil {
		return err
	}
	begun := time.Now()
	d.net.release() // the service opens its own listeners
	ready := make(chan struct{})
	service := d.run(ctx, "the service", func(ctx context.Context) error {
		return d.Serve(ctx, cfg, d.log, func() { close(ready) })
	})
	select {
	case <-ready:
	case <-service.done:
		return service.failure()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	d.out.part("Service", "%s, ready in %s; its log: %s", d.net.api.url, brief(time.Since(begun)), d.path(logName))
	for _, moved := range d.net.moved() {
		d.out.part("", "%s", moved)
	}
	return nil
}
