package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// Prove is the main function of a program that runs the service and looks for violations of what it promises: it reads
// the arguments, runs until it is done or told to stop, and exits with 2 for arguments that it cannot use, with 1 for a
// failure or any violation, else with 0.
func Prove[Options any](
	name string, parse func(arguments []string) (Options, error), run func(context.Context, Options) (violations int, err error),
) {
	options, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	violations, err := run(ctx, options)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	}
	if err != nil || violations > 0 {
		os.Exit(1)
	}
}

// Revision is what git calls the source tree: a tag, how far behind it, and whether anything was changed.
func Revision(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "", fmt.Errorf("describe the code: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Publish writes a report, a document for everybody to read, and says so.
func Publish(path, text string, said io.Writer) error {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // a document
		return fmt.Errorf("write the report: %w", err)
	}
	_, err := fmt.Fprintln(said, "written to", path)
	return err
}
