// Package fault is the one vocabulary of errors that Tillway shows to its callers. A domain returns a *Error when the
// caller can do something about it; any other error is internal and shown as such. How a kind becomes an HTTP status is
// decided in one place, internal/api; nothing here knows HTTP.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says whose turn it is to act on an error.
type Kind int

// The kinds, each with what it asks of the caller.
const (
	// Internal is our own defect or an unexpected state; it is the zero value, so an unclassified error is never blamed on
	// the caller.
	Internal Kind = iota
	// Invalid is a malformed, missing or unknown field: correct the request.
	Invalid
	// Unauthorized is a missing or wrong credential.
	Unauthorized
	// Forbidden is a valid credential that lacks the right.
	Forbidden
	// NotFound names a resource that does not exist for this caller.
	NotFound
	// Conflict is a request that the present state forbids.
	Conflict
	// Refused is well-formed but cannot be done as asked (an amount too large, a currency that cannot be expressed).
	Refused
	// RateLimited asks to come back after RetryAfter.
	RateLimited
	// TooLarge is a body over its limit.
	TooLarge
	// NotAcceptable and UnsupportedMedia are media types that we do not speak.
	NotAcceptable
	// UnsupportedMedia is a request body in a media type that we do not speak.
	UnsupportedMedia
	// Unavailable is a dependency that is down; nothing was done, and RetryAfter says when to try again.
	Unavailable
)

// Error is an error that is safe to show. Code is stable and part of the public contract (API.md §1); Message is a
// sentence for a person and says what to do; Param names the offending field, as in "billing_details.address.country".
type Error struct {
	Kind       Kind
	Code       string
	Message    string
	Param      string
	RetryAfter time.Duration
	cause      error
}

// New makes an error of a kind with its stable code and a message that is safe for the caller.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidParam reports one field whose value is not allowed (code parameter_invalid).
func InvalidParam(param, format string, args ...any) *Error {
	return New(Invalid, "parameter_invalid", format, args...).WithParam(param)
}

// MissingParam reports one required field that is absent (code parameter_missing).
func MissingParam(param string) *Error {
	return New(Invalid, "parameter_missing", "%s is required.", param).WithParam(param)
}

// Missing reports a resource that does not exist (code resource_missing).
func Missing(object, id string) *Error {
	return New(NotFound, "resource_missing", "No such %s: %q.", object, id)
}

// KeyReused refuses an Idempotency-Key that began another request (code idempotency_key_reused).
func KeyReused() *Error {
	return New(Refused, "idempotency_key_reused",
		"This Idempotency-Key was already used for a different request. Use a new key for a new request.")
}

// Down reports a dependency that cannot be reached; nothing was done. RetryAfter is a hint in whole seconds.
func Down(code string, retryAfter time.Duration, cause error, format string, args ...any) *Error {
	e := New(Unavailable, code, format, args...)
	e.RetryAfter, e.cause = retryAfter, cause
	return e
}

// WithParam names the field that the error is about and returns the error.
func (e *Error) WithParam(param string) *Error {
	e.Param = param
	return e
}

// Because keeps the underlying error for logs and errors.Is; it is never shown to the caller.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// Error is the text for logs.
func (e *Error) Error() string {
	text := e.Code + ": " + e.Message
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the underlying error, if any.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a *Error with the same kind and code, so that a fault can serve as a sentinel.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code
}

// KindOf returns the kind of the first *Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
