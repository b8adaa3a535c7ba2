package openapitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/routers"
)

// shownError is an error in either of its forms.
type shownError struct {
	Error struct {
		Type          string `json:"type"`
		Code          string `json:"code"`
		CorrelationID string `json:"correlation_id"`
	} `json:"error"`
	Code          string `json:"code"`
	ErrorType     string `json:"error_type"`
	CorrelationID string `json:"correlation_id"`
}

// checkJSON holds what a schema cannot say: the body is one JSON value; an error has a code that this status has in this
// operation, the type of that code, and the correlation id of the header.
func (tr *transport) checkJSON(route *routers.Route, response *http.Response, body []byte) error {
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || !strings.HasSuffix(media, "json") {
		return nil //nolint:nilerr // no media type is judged by the document itself
	}
	if !json.Valid(body) { // the schema is held to the first value and would not see what follows it
		return errors.New("the body is not one JSON value")
	}
	if response.StatusCode < http.StatusBadRequest {
		return nil
	}
	codes, documented := documentedCodes(route, response.StatusCode)
	if route != nil && !documented {
		return nil // an answer without codes, such as that of /readyz
	}
	var shown shownError
	if err := json.Unmarshal(body, &shown); err != nil {
		return fmt.Errorf("the error cannot be read: %w", err)
	}
	code, kind, correlation := shown.Error.Code, shown.Error.Type, shown.Error.CorrelationID
	if media == "application/problem+json" {
		code, kind, correlation = shown.Code, shown.ErrorType, shown.CorrelationID
	}
	var faults []error
	if documented && !slices.Contains(codes, code) {
		faults = append(faults, fmt.Errorf("the code %q is not one of %v, which this status has here", code, codes))
	}
	if want := tr.contract.types[code]; want != kind {
		faults = append(faults, fmt.Errorf("the code %q comes with the type %q, not %q", code, want, kind))
	}
	// A stored answer is repeated as it was, with the correlation id of the request that did the work.
	replayed := response.Header.Get("Idempotent-Replayed") == "true"
	if header := response.Header.Get("X-Correlation-Id"); header != correlation && !replayed {
		faults = append(faults, fmt.Errorf("correlation_id is %q, and X-Correlation-Id %q", correlation, header))
	}
	return errors.Join(faults...)
}

func documentedCodes(route *routers.Route, status int) ([]string, bool) {
	if route == nil {
		return nil, false
	}
	response := route.Operation.Responses.Status(status)
	if response == nil || response.Value == nil {
		return nil, false
	}
	listed, ok := response.Value.Extensions["x-error-codes"].([]any)
	codes := make([]string, 0, len(listed))
	for _, code := range listed {
		if text, isText := code.(string); isText {
			codes = append(codes, text)
		}
	}
	return codes, ok
}
