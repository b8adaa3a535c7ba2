package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tillway/internal/config"
	"tillway/internal/demo"
)

func newDemo() *cobra.Command {
	var (
		opts  demo.Options
		reset bool
	)
	cmd := &cobra.Command{
		Use: "demo", Short: "Pay two orders on this machine, with everything they need", Args: cobra.NoArgs,
		Long: `Starts PostgreSQL, Redis, the simulator of Onerway and the service, pays an order by card and
another through 3DS, shows the calls, and stays up until Ctrl-C.

DATABASE_URL and REDIS_URL are used if they are set; else the programs of this machine, privately;
else Docker. Without any, miniredis plays Redis, and PostgreSQL is downloaded. Orders and keys are
kept in --dir between runs. A port that is taken is exchanged for a free one, unless a flag asks for it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reset {
				if err := demo.Reset(opts.Dir); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Nothing of the demo is left in %s.\n", opts.Dir)
				return nil
			}
			for name, address := range map[string]*demo.Address{
				"listen": &opts.API, "admin": &opts.Admin, "sandbox": &opts.Sandbox, "shop": &opts.Shop,
			} {
				address.Fixed = cmd.Flags().Changed(name)
			}
			opts.Environ = config.Environ()
			opts.Out = cmd.OutOrStdout()
			opts.Color = demo.WantsColor(opts.Out, opts.Environ)
			opts.Serve = serveDemo
			// The first Ctrl-C ends the demo in order; from then on a second one ends it at once.
			defer context.AfterFunc(cmd.Context(), func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })()
			return demo.Run(cmd.Context(), opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.Dir, "dir", ".tillway", "where orders, keys and the log are kept")
	flags.StringVar(&opts.API.Value, "listen", demo.DefaultAPI, "address of the API")
	flags.StringVar(&opts.Admin.Value, "admin", demo.DefaultAdmin, "address of the metrics")
	flags.StringVar(&opts.Sandbox.Value, "sandbox", demo.DefaultSandbox, "address of the simulator and its 3DS pages")
	flags.StringVar(&opts.Shop.Value, "shop", demo.DefaultShop, "address of the page that shoppers come back to")
	flags.BoolVar(&reset, "reset", false, "forget the orders, keys and log of --dir, and end")
	return cmd
}

// serveDemo is `server serve` with a log of its own.
func serveDemo(ctx context.Context, cfg config.Config, log io.Writer, ready func()) error {
	return serve(ctx, cfg, serveOptions{http: true, workers: true, ready: ready, log: log})
}
