// Command testcount reads the events of `go test -json` and prints what a person wants of them: one line per package as
// it ends, failures with all their output, and on the last line how many tests passed and failed. It fails where a green
// run would mislead: on a failure, on a skipped test, and when nothing ran at all.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	run := newRun()
	if err := run.read(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
		os.Exit(1)
	}
	if err := run.summarize(os.Stdout); err != nil {
		if !errors.Is(err, errNotGreen) {
			fmt.Fprintln(os.Stderr, "testcount:", err)
		}
		os.Exit(1)
	}
}
