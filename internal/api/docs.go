package api

import (
	_ "embed"
	"net/http"
	"strconv"

	"tillway/internal/api/apidocs"
)

//go:embed openapi.yaml
var openAPI []byte //nolint:gochecknoglobals // embedded, never written

// OpenAPI returns the document that describes this API, as it is served.
func OpenAPI() []byte { return append([]byte(nil), openAPI...) }

// OpenAPIHandler serves the document (GET /openapi.yaml).
func OpenAPIHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Header().Set("Content-Length", strconv.Itoa(len(openAPI)))
		_, _ = w.Write(openAPI)
	})
}

// DocsHandler serves the same as a page to read (GET /docs). The page is made once, on the first request.
func DocsHandler() http.Handler { return apidocs.Handler(openAPI) }
