// Package openapitest holds the API and its OpenAPI document together: a transport through which tests speak to the API,
// and which fails the test when a request or an answer is not as the document says.
//
// Strict on purpose: an undocumented path, status, header or error code fails, as does a field of the wrong type. New
// fields in answers do not, since answers may grow.
package openapitest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"
)

// document is read once per test process: it is large, and nothing changes it.
//
//nolint:gochecknoglobals // the point is to have one per process
var document = sync.OnceValues(load)

type contract struct {
	spec   *openapi3.T
	router routers.Router
	// types is the error type that each code comes with.
	types map[string]string
}

func load() (*contract, error) {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	path, err := find()
	if err != nil {
		return nil, err
	}
	spec, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	if err := spec.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("openapi.yaml is not valid: %w", err)
	}
	router, err := gorillamux.NewRouter(spec)
	if err != nil {
		return nil, fmt.Errorf("route by openapi.yaml: %w", err)
	}
	c := &contract{spec: spec, router: router, types: map[string]string{}}
	codes, _ := spec.Extensions["x-error-codes"].(map[string]any)
	for code, entry := range codes {
		row, _ := entry.(map[string]any)
		c.types[code], _ = row["type"].(string)
	}
	return c, nil
}

// find looks for the document from the test's directory upwards. It is read from the source tree, and not imported from
// package api, so that the tests inside that package can use this one too.
func find() (string, error) {
	directory, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find openapi.yaml: %w", err)
	}
	for {
		path := filepath.Join(directory, "internal", "api", "openapi.yaml")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		parent := filepath.Dir(directory)
		if parent == directory {
			return "", errors.New("find openapi.yaml: not inside the source tree")
		}
		directory = parent
	}
}

func open(t testing.TB) *contract {
	t.Helper()
	c, err := document()
	require.NoError(t, err)
	return c
}

// Document returns the parsed document. It is shared: do not change it.
func Document(t testing.TB) *openapi3.T {
	t.Helper()
	return open(t).spec
}

// Routes lists the document's operations as "METHOD /path", sorted, with parameters in braces: "GET /v1/orders/{id}".
func Routes(t testing.TB) []string {
	t.Helper()
	var routes []string
	for path, item := range open(t).spec.Paths.Map() {
		for method := range item.Operations() {
			routes = append(routes, method+" "+path)
		}
	}
	slices.Sort(routes)
	return routes
}

var ginParameter = regexp.MustCompile(`[:*]([A-Za-z_]+)`)

// RequireRoutes fails the test unless the routes that are served are the document's operations, both ways. Each is
// "METHOD /path"; gin's :name is understood as {name}.
func RequireRoutes(t testing.TB, served []string) {
	t.Helper()
	routes := make([]string, 0, len(served))
	for _, route := range served {
		routes = append(routes, ginParameter.ReplaceAllString(route, "{$1}"))
	}
	slices.Sort(routes)
	documented := Routes(t)
	require.Empty(t, without(routes, documented), "served, and not in openapi.yaml")
	require.Empty(t, without(documented, routes), "in openapi.yaml, and not served")
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
