package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tillway/internal/config"
	"tillway/internal/telemetry"
)

const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	closeTimeout      = 10 * time.Second
	// drainMargin is what recording the last answer may take after the provider's own time is over.
	drainMargin = 15 * time.Second
)

func newServe() *cobra.Command {
	var noWorkers bool
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the API, and work the queues beside it", Args: cobra.NoArgs,
		Long: `Serves the public API on LISTEN_ADDR and metrics and profiles on ADMIN_ADDR, and works the
background queues in the same process; --no-workers leaves those to ` + "`server work`" + `. The database must be
migrated. On SIGTERM it stops accepting and drains: charges in flight are finished and recorded.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromEnvironment(config.PurposeServe)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), cfg, serveOptions{http: true, workers: !noWorkers})
		},
	}
	cmd.Flags().BoolVar(&noWorkers, "no-workers", false, "serve HTTP only")
	return cmd
}

func newWork() *cobra.Command {
	return &cobra.Command{
		Use: "work", Short: "Work the background queues only", Args: cobra.NoArgs,
		Long: `Settles open outcomes by asking the provider, expires orders, retries notifications and makes
partitions ahead. Run any number of them; metrics and profiles are on ADMIN_ADDR.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromEnvironment(config.PurposeServe)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), cfg, serveOptions{workers: true})
		},
	}
}

// serveOptions say which parts of the service a process runs. Ready, if set, is called once it accepts requests; the log
// goes to standard error unless log is set.
type serveOptions struct {
	http, workers bool
	ready         func()
	log           io.Writer
}

// serve runs the service until ctx ends, and then drains it.
func serve(ctx context.Context, cfg config.Config, opts serveOptions) error {
	if opts.log == nil {
		opts.log = os.Stderr
	}
	a, err := newApp(ctx, cfg, opts.log)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), closeTimeout, errors.New("closing took too long"))
		defer cancel()
		a.close(ctx)
	}()
	parts, err := a.parts(ctx, opts)
	if err != nil {
		return err
	}
	a.log.InfoContext(ctx, "ready", slog.String("version", buildVersion()), slog.String("listen", cfg.ListenAddr.String()),
		slog.String("admin", cfg.AdminAddr.String()), slog.Bool("workers", opts.workers), slog.Bool("livemode", cfg.Livemode))
	if opts.ready != nil {
		opts.ready()
	}
	err = runAll(ctx, parts...)
	a.log.InfoContext(ctx, "stopped")
	return err
}

// parts opens the listeners and returns everything that runs until the process ends.
func (a *app) parts(ctx context.Context, opts serveOptions) ([]func(context.Context) error, error) {
	admin, err := a.listen(ctx, a.config.AdminAddr.String(), telemetry.AdminHandler(a.tel))
	if err != nil {
		return nil, err
	}
	if err := a.watch(opts.workers); err != nil {
		return nil, err
	}
	parts := []func(context.Context) error{admin.run, a.database.Run}
	if a.clock != nil {
		parts = append(parts, a.clock.Run)
	}
	if opts.workers {
		workers, err := a.workers()
		if err != nil {
			return nil, err
		}
		parts = append(parts, workers...)
	}
	if opts.http {
		handler, err := a.handler() //nolint:contextcheck // what it counts outlives this call
		if err != nil {
			return nil, err
		}
		public, err := a.listen(ctx, a.config.ListenAddr.String(), handler)
		if err != nil {
			return nil, err
		}
		parts = append(parts, func(ctx context.Context) error { return a.serveAndDrain(ctx, public) })
	}
	return parts, nil
}

// serveAndDrain serves the API and, once it accepts no more, waits for the charges whose callers have left.
func (a *app) serveAndDrain(ctx context.Context, public *endpoint) error {
	served := public.run(ctx)
	patience := a.config.OnerwayTimeout + chargeMargin + drainMargin
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), patience, errors.New("charges in flight took too long"))
	defer cancel()
	if err := a.orders.Drain(ctx); err != nil {
		return errors.Join(served, fmt.Errorf("drain charges: %w", err))
	}
	return served
}

// endpoint is an HTTP server on its listener.
type endpoint struct {
	server   *http.Server
	listener net.Listener
	patience time.Duration
}

func (e *endpoint) run(ctx context.Context) error {
	return serveHTTP(ctx, e.server, e.listener, e.patience)
}

func (a *app) listen(ctx context.Context, address string, handler http.Handler) (*endpoint, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return &endpoint{
		server: &http.Server{
			Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
			WriteTimeout: config.HTTPWriteTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 64 << 10,
			ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
		},
		listener: listener,
		patience: a.config.CallerDeadline + drainMargin,
	}, nil
}
