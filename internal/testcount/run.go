package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// errNotGreen ends a run that had a failure or a skipped test, or that ran nothing.
var errNotGreen = errors.New("not green")

// event is one line of `go test -json` (see `go doc test2json`; build events: `go help buildjson`).
type event struct {
	Action      string  `json:"Action"`
	Package     string  `json:"Package"`
	ImportPath  string  `json:"ImportPath"`
	Test        string  `json:"Test"`
	Output      string  `json:"Output"`
	Elapsed     float64 `json:"Elapsed"`
	FailedBuild string  `json:"FailedBuild"`
}

// pkg is what is known of one package's tests; the empty test name stands for the package itself.
type pkg struct {
	output  map[string][]string
	result  map[string]string
	order   []string
	skipped []string
}

// run adds up packages.
type run struct {
	packages map[string]*pkg
	builds   map[string][]string

	passed, failed, skipped int
}

func newRun() *run {
	return &run{packages: map[string]*pkg{}, builds: map[string][]string{}}
}

// read takes events until the end of in. Lines that are no events (a wrapper's, or the linker's) are passed on as they
// are.
func (r *run) read(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if strings.TrimSpace(line) != "" {
			r.line(line, out)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read test events: %w", err)
		}
	}
}

func (r *run) line(line string, out io.Writer) {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Action == "" {
		fmt.Fprintln(out, strings.TrimRight(line, "\n"))
		return
	}
	if e.ImportPath != "" { // build-output, build-fail
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
		return
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &pkg{output: map[string][]string{}, result: map[string]string{}}
		r.packages[e.Package] = p
	}
	switch e.Action {
	case "run":
		p.order = append(p.order, e.Test)
		p.result[e.Test] = "" // until it ends
	case "output":
		p.output[e.Test] = append(p.output[e.Test], e.Output)
	case "pass", "fail", "skip":
		if e.Test != "" {
			p.result[e.Test] = e.Action
			return
		}
		r.end(p, e, out)
		delete(r.packages, e.Package) // its output may be large
	}
}

// end counts a package and prints its line, after the failures' output.
func (r *run) end(p *pkg, e event, out io.Writer) {
	passed, failed := p.count()
	if e.Action == "fail" && failed == 0 {
		failed = 1 // it did not build, or died outside any test
	}
	r.passed, r.failed, r.skipped = r.passed+passed, r.failed+failed, r.skipped+len(p.skipped)
	if e.Action == "fail" {
		p.printFailures(out)
		fmt.Fprint(out, strings.Join(r.builds[e.FailedBuild], ""))
	}
	for _, name := range p.skipped {
		fmt.Fprintf(out, "SKIP %s.%s\n%s", e.Package, name, strings.Join(p.output[name], ""))
	}
	switch {
	case e.Action == "fail":
		fmt.Fprintf(out, "FAIL %-45s %7.2fs  %d passed, %d failed\n", e.Package, e.Elapsed, passed, failed)
	case passed+len(p.skipped) > 0:
		fmt.Fprintf(out, "ok   %-45s %7.2fs  %d passed\n", e.Package, e.Elapsed, passed)
	}
}

// count adds up leaves. A test that only groups subtests is no test of its own, unless it failed and none of them did. One
// that never ended was running when the package died: it failed.
func (p *pkg) count() (passed, failed int) {
	groups, blamed := map[string]bool{}, map[string]bool{}
	for _, name := range slices.Backward(p.order) { // subtests start after their group
		if p.result[name] != "pass" && p.result[name] != "skip" && !blamed[name] {
			failed++
			blamed[name] = true
		} else if p.result[name] == "pass" && !groups[name] {
			passed++
		} else if p.result[name] == "skip" {
			p.skipped = append(p.skipped, name)
		}
		for i := range len(name) {
			if name[i] == '/' {
				groups[name[:i]] = true
				blamed[name[:i]] = blamed[name[:i]] || blamed[name]
			}
		}
	}
	return passed, failed
}

func (p *pkg) printFailures(out io.Writer) {
	for _, name := range p.order {
		if result := p.result[name]; result != "pass" && result != "skip" {
			fmt.Fprint(out, strings.Join(p.output[name], ""))
		}
	}
	fmt.Fprint(out, strings.Join(p.output[""], ""))
}

// summarize prints the last line. It returns errNotGreen for what must not pass for success.
func (r *run) summarize(out io.Writer) error {
	for name := range r.packages { // the stream broke off
		fmt.Fprintf(out, "FAIL %s did not end\n", name)
		r.failed++
	}
	switch {
	case r.passed+r.failed+r.skipped == 0:
		fmt.Fprintln(out, "no tests ran")
	case r.skipped > 0:
		fmt.Fprintln(out, "tests must not be skipped: a missing database or browser is a failure")
	}
	fmt.Fprintf(out, "%d passed, %d failed", r.passed, r.failed)
	if r.skipped > 0 {
		fmt.Fprintf(out, ", %d skipped", r.skipped)
	}
	fmt.Fprintln(out)
	if r.failed > 0 || r.skipped > 0 || r.passed == 0 {
		return errNotGreen
	}
	return nil
}
