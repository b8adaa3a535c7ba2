package openapitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

type malformed struct{}

// Malformed marks requests that a test means to be refused: they are sent as they are, and only the answer is held to the
// document. A path or method that the document does not have is allowed too; its answer must then be an error.
func Malformed(ctx context.Context) context.Context { return context.WithValue(ctx, malformed{}, true) }

// Transport returns a RoundTripper that holds every request and answer to the document and fails the test with a readable
// message when one breaks it. The exchange itself goes on, so that the test sees what it would have seen. base may be
// nil for a plain one. Do not let a client follow redirects through it: other hosts are not in the document.
func Transport(t testing.TB, base http.RoundTripper) http.RoundTripper {
	t.Helper()
	if base == nil {
		plain := &http.Transport{}
		t.Cleanup(plain.CloseIdleConnections)
		base = plain
	}
	return &transport{t: t, base: base, contract: open(t)}
}

type transport struct {
	t        testing.TB
	base     http.RoundTripper
	contract *contract
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{
		MultiError: true, IncludeResponseStatus: true,
		SkipSettingDefaults: true, // the request must reach the service as the test wrote it
		AuthenticationFunc:  openapi3filter.NoopAuthenticationFunc,
	}
}

// RoundTrip sends the request and checks both sides. It is safe for concurrent use, as tests of races want.
func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := drain(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	broken, _ := r.Context().Value(malformed{}).(bool)
	input, err := tr.checkRequest(r, body)
	if err != nil && !broken {
		tr.t.Errorf("%s %s does not follow openapi.yaml:%s\n  (openapitest.Malformed marks a request that is meant to be refused)",
			r.Method, r.URL.Path, explain(err))
	}

	sent := r.Clone(r.Context())
	if r.Body != nil {
		sent.Body = io.NopCloser(bytes.NewReader(body))
	}
	response, err := tr.base.RoundTrip(sent)
	if err != nil {
		return nil, err //nolint:wrapcheck // as if we were not there
	}
	answer, cut := drain(response.Body)
	if cut != nil { // the caller meets the same error behind the same bytes
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(answer), failing{cut}))
		return response, nil //nolint:nilerr // the error is in the body
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	if err := tr.checkResponse(r, input, response, answer); err != nil {
		tr.t.Errorf("%s %s answered %d, which openapi.yaml does not allow:%s\n  body: %s",
			r.Method, r.URL.Path, response.StatusCode, explain(err), excerpt(answer))
	}
	return response, nil
}

func drain(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	content, err := io.ReadAll(body)
	return content, errors.Join(err, body.Close())
}

type failing struct{ err error }

// Read returns the error.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// checkRequest returns no input when the document has no such operation.
func (tr *transport) checkRequest(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	checked := r.Clone(r.Context())
	if r.Body != nil {
		checked.Body = io.NopCloser(bytes.NewReader(body))
	}
	if checked.Method == "" {
		checked.Method = http.MethodGet
	}
	route, parameters, err := tr.contract.router.FindRoute(checked)
	if err != nil {
		return nil, fmt.Errorf("no such operation: %w", err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: checked, PathParams: parameters, Route: route, Options: options(),
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		return input, err //nolint:wrapcheck // explained by the caller
	}
	return input, nil
}

func (tr *transport) checkResponse(
	r *http.Request, input *openapi3filter.RequestValidationInput, response *http.Response, body []byte,
) error {
	if input == nil || response.StatusCode == http.StatusMethodNotAllowed {
		return tr.checkStray(r, response, body)
	}
	err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: options(),
	})
	return errors.Join(err, tr.checkJSON(input.Route, response, body))
}

// checkStray judges the answer where the document has no operation: it can only be a refusal, in the usual form.
func (tr *transport) checkStray(r *http.Request, response *http.Response, body []byte) error {
	if response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusMethodNotAllowed {
		return fmt.Errorf("the document has no operation %s %s", r.Method, r.URL.Path)
	}
	content := openapi3.NewContentWithSchemaRef(tr.contract.spec.Components.Schemas["Error"], []string{"application/json"})
	operation := &openapi3.Operation{Responses: openapi3.NewResponses()}
	operation.AddResponse(response.StatusCode, openapi3.NewResponse().WithDescription("refused").WithContent(content))
	route := &routers.Route{Spec: tr.contract.spec, Operation: operation, Method: r.Method, Path: r.URL.Path}
	err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route},
		Status:                 response.StatusCode, Header: response.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: options(),
	})
	return errors.Join(err, tr.checkJSON(nil, response, body))
}

// explain lists the faults, one a line, without repeating schemas and values at length.
func explain(err error) string {
	var b strings.Builder
	for _, fault := range flatten(err) {
		b.WriteString("\n  - " + fault)
	}
	return b.String()
}

func flatten(err error) []string {
	var request *openapi3filter.RequestError
	var response *openapi3filter.ResponseError
	var schema *openapi3.SchemaError
	switch joined := err.(type) { //nolint:errorlint // a tree is walked, node by node
	case openapi3.MultiError:
		return flattenAll(joined, "")
	case interface{ Unwrap() []error }:
		return flattenAll(joined.Unwrap(), "")
	}
	switch {
	case errors.As(err, &schema) && err == error(schema): //nolint:errorlint // the node itself
		return []string{"at /" + strings.Join(schema.JSONPointer(), "/") + ": " + schema.Reason + origin(schema)}
	case errors.As(err, &request) && request.Err != nil:
		return flattenAll([]error{request.Err}, requestPlace(request))
	case errors.As(err, &response) && response.Err != nil:
		return flattenAll([]error{response.Err}, response.Reason+" ")
	}
	return []string{strings.TrimSpace(err.Error())}
}

func flattenAll(errs []error, place string) []string {
	var faults []string
	for _, err := range errs {
		for _, fault := range flatten(err) {
			faults = append(faults, place+fault)
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

// origin says what a oneOf's branches had to say.
func origin(schema *openapi3.SchemaError) string {
	if schema.Origin == nil {
		return ""
	}
	return " (" + strings.Join(flatten(schema.Origin), "; ") + ")"
}

func requestPlace(request *openapi3filter.RequestError) string {
	if request.Parameter != nil {
		return request.Parameter.In + " parameter " + request.Parameter.Name + " "
	}
	return "request body "
}

func excerpt(body []byte) string {
	const limit = 2000
	if len(body) > limit {
		return string(body[:limit]) + "…"
	}
	return string(body)
}
