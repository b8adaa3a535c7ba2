// Package apidocs turns the OpenAPI document into a page to read: one HTML page, made on the server, without scripts and
// without anything from another host, so that it works behind any firewall and under the strictest content policy.
//
// It reads the part of OpenAPI 3.0 that our document uses, and the document's own x-error-codes; it is no general
// renderer.
package apidocs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"sync"
)

var (
	//go:embed guide.md
	guide string
	//go:embed docs.css
	style string
	//go:embed page.html
	layout string
)

// Render makes the page of a document.
func Render(source []byte) ([]byte, error) {
	doc, err := parse(source)
	if err != nil {
		return nil, err
	}
	tmpl, err := template.New("page").Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("read the template of the documentation: %w", err)
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, newPage(doc, guide, style)); err != nil {
		return nil, fmt.Errorf("render the documentation: %w", err)
	}
	return b.Bytes(), nil
}

// policy allows the page's own style and nothing else.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// Handler serves the page of a document. It is made once, on the first request.
func Handler(source []byte) http.Handler {
	render := sync.OnceValues(func() ([]byte, error) { return Render(source) })
	policy := policy()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, err := render()
		if err != nil { // not reached: a test renders the document that we serve
			http.Error(w, "The documentation cannot be shown; see /openapi.yaml.", http.StatusInternalServerError)
			return
		}
		header := w.Header()
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Length", strconv.Itoa(len(body)))
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(body)
	})
}
