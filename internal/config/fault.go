package config

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with the configuration: which variable, what is wrong with it and how to mend it.
type Fault struct {
	Variable string
	Problem  string
	Remedy   string
}

// Error is every fault of a configuration at once, so that a deployment is mended in one go.
type Error struct {
	Faults []Fault
}

// Error lists the faults, one line each.
func (e *Error) Error() string {
	var b strings.Builder
	noun := "faults"
	if len(e.Faults) == 1 {
		noun = "fault"
	}
	fmt.Fprintf(&b, "configuration has %d %s:", len(e.Faults), noun)
	for _, fault := range e.Faults {
		fmt.Fprintf(&b, "\n  %s %s: %s", fault.Variable, fault.Problem, fault.Remedy)
	}
	return b.String()
}

// errorOf keeps the first fault of each variable: what follows from a value that could not be read would only mislead.
func errorOf(faults []Fault) error {
	seen := make(map[string]bool, len(faults))
	var kept []Fault
	for _, fault := range faults {
		if !seen[fault.Variable] {
			seen[fault.Variable] = true
			kept = append(kept, fault)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return &Error{Faults: kept}
}

// malformedError is what the parsers of this package return. Neither text holds the value of a secret.
type malformedError struct {
	problem string
	remedy  string
}

// Error joins problem and remedy.
func (e *malformedError) Error() string { return e.problem + ": " + e.remedy }

func malformed(remedy, problem string, args ...any) error {
	return &malformedError{problem: fmt.Sprintf(problem, args...), remedy: remedy}
}
