// Command server is Tillway: the payment service that a merchant runs between its storefront and Onerway. One binary
// serves HTTP, works the background queues, migrates the database, manages API keys, and runs the simulator and the demo.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"tillway/internal/config"
	"tillway/internal/heapfloor"
)

// heapFloor is less than the heap takes by itself when 200 payments are in flight.
const heapFloor = 28 << 20

// version is set by the build (-ldflags "-X main.version=…").
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	heapfloor.Set(heapFloor)
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "tillway:", err)
		os.Exit(exitCode(err)) //nolint:gocritic // the process ends here; there is nothing left to stop
	}
}

// exitCode tells a wrong set-up, which no restart mends, from other failures.
func exitCode(err error) int {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return 78 // EX_CONFIG of sysexits.h
	}
	return 1
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "server",
		Short: "Tillway, the payment service between a storefront and Onerway",
		Long: `Tillway owns a merchant's orders in PostgreSQL, charges them through Onerway, and keeps every
order true to what the provider really did.

Configuration is read from the environment; docs/configuration.md lists every variable. To see it
work on this machine without any set-up: server demo`,
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newServe(), newWork(), newMigrate(), newSandbox(), newDemo(), newKeys())
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// showHelp is what a command does that only groups others. Being runnable makes it refuse a subcommand that does not exist:
// a script that misspells one must not go on as if it had succeeded.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
