package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
)

const (
	fileSuffix = "_FILE"
	// maxFileSize bounds a variable read from a file, so that a wrong path (a device, a dump) is a fault, not a hang.
	maxFileSize = 64 << 10
)

// resolveFiles returns the environment that Config is parsed from: only our variables, the empty ones dropped (an empty
// line of a compose file means "not set"), and NAME_FILE replaced by NAME with the content of the file.
func resolveFiles(environ map[string]string) (map[string]string, []Fault) {
	resolved := make(map[string]string)
	var faults []Fault
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		name := field.Tag.Get("env")
		value := environ[name]
		path := environ[name+fileSuffix]
		if !hasFileVariant(name) {
			path = ""
		}
		switch {
		case value != "" && path != "":
			faults = append(faults, Fault{
				Variable: name, Problem: "is set twice", Remedy: "set either " + name + " or " + name + fileSuffix,
			})
		case path != "":
			content, err := readValue(path)
			if err != nil {
				faults = append(faults, Fault{
					Variable: name, Problem: "cannot be read from its file (" + err.Error() + ")",
					Remedy: "let " + name + fileSuffix + " name a readable file that holds the value",
				})
				continue
			}
			resolved[name] = content
		case value != "":
			resolved[name] = value
		}
	}
	return resolved, faults
}

// hasFileVariant is false for the variables that the OpenTelemetry SDK reads by itself and would not find in a file.
func hasFileVariant(name string) bool { return !strings.HasPrefix(name, "OTEL_") }

// readValue reads a value without the line end that editors and secret stores leave behind it.
func readValue(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // The path is the operator's own choice; that is what the variable is for.
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()

	content, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxFileSize {
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxFileSize)
	}
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		return "", errors.New(path + " is empty")
	}
	return value, nil
}
