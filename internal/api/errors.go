package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tillway/internal/customers"
	"tillway/internal/fault"
	"tillway/internal/orders"
	"tillway/internal/telemetry"
)

// errorType groups errors by what a program does about them (API.md §1).
type errorType string

const (
	typeAPI            errorType = "api_error"
	typeCard           errorType = "card_error"
	typeIdempotency    errorType = "idempotency_error"
	typeInvalidRequest errorType = "invalid_request_error"
	typeAuthentication errorType = "authentication_error"
	typeRateLimit      errorType = "rate_limit_error"
)

// defaultRetryAfter is the hint when a fault asks to come back and does not say when.
const defaultRetryAfter = 5 * time.Second

// errorBody is an error as a caller sees it; absent members are left out.
type errorBody struct {
	Type          errorType        `json:"type"`
	Code          string           `json:"code"`
	Message       string           `json:"message"`
	Param         string           `json:"param,omitempty"`
	DeclineCode   string           `json:"decline_code,omitempty"`
	Doc           string           `json:"doc"`
	CorrelationID string           `json:"correlation_id"`
	Payment       *paymentResource `json:"payment,omitempty"`
}

type errorEnvelope struct {
	Error errorBody `json:"error"`
}

// problem is the same error as an RFC 9457 document.
type problem struct {
	Type          string          `json:"type"`
	Title         string          `json:"title"`
	Status        int             `json:"status"`
	Detail        string          `json:"detail"`
	ErrorType     errorType       `json:"error_type"`
	Code          string          `json:"code"`
	Param         string          `json:"param,omitempty"`
	DeclineCode   string          `json:"decline_code,omitempty"`
	CorrelationID string          `json:"correlation_id"`
	Payment       json.RawMessage `json:"payment,omitempty"`
}

// paymentError is an error that shows a payment: a decline, a request that the provider refused, or the live attempt that
// stands in the way. Fault is nil for what became of the payment itself.
type paymentError struct {
	fault   *fault.Error
	payment orders.Payment
	links   links
}

// Error is the text for logs.
func (e *paymentError) Error() string {
	if e.fault != nil {
		return e.fault.Error()
	}
	return "payment " + e.payment.ID.String() + " " + string(e.payment.Status)
}

// Unwrap returns the fault, if any.
func (e *paymentError) Unwrap() error {
	if e.fault == nil {
		return nil
	}
	return e.fault
}

// failureOf is the one function that decides how an error is shown: its status, its type and what it says.
func (s *server) failureOf(ctx context.Context, err error) (reply, errorBody) {
	if paid, ok := errors.AsType[*paymentError](err); ok {
		return s.paymentFailure(ctx, paid)
	}
	if declined, ok := errors.AsType[*customers.DeclinedError](err); ok {
		return s.bindingFailure(ctx, declined.Failure)
	}
	if errors.Is(err, errNotBegun) {
		return s.bindingFailure(ctx, customers.Failure{
			Code:    "processing_error",
			Message: "The subscription was not begun, and nothing was charged. Begin it again with a new Idempotency-Key.",
		})
	}
	shown, ok := errors.AsType[*fault.Error](err)
	switch {
	case ok && shown.Kind != fault.Internal:
	case ctx.Err() != nil: // the caller is gone and nobody reads this
		shown = fault.Down("request_canceled", time.Second, nil, "The request was given up before it was answered.")
	default:
		shown = fault.New(fault.Internal, "internal_error",
			"Something went wrong on our side. Quote the correlation id when you report it.")
	}
	if status, _ := statusOf(shown); status >= http.StatusInternalServerError {
		telemetry.AddField(ctx, slog.Any("error", err)) // logged once, with the request's own line
	}
	return s.faultFailure(ctx, shown)
}

func (s *server) faultFailure(ctx context.Context, f *fault.Error) (reply, errorBody) {
	status, kind := statusOf(f)
	body := errorBody{Type: kind, Code: f.Code, Message: f.Message, Param: f.Param}
	r := reply{status: status, code: f.Code, retryAfter: f.RetryAfter}
	if r.retryAfter == 0 && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		r.retryAfter = defaultRetryAfter
	}
	return r, s.complete(ctx, body)
}

// paymentFailure shows the payment in the error.
func (s *server) paymentFailure(ctx context.Context, e *paymentError) (reply, errorBody) {
	shown := &paymentResource{PaymentResource: e.payment.Resource(), Links: e.links}
	if e.fault != nil {
		r, body := s.faultFailure(ctx, e.fault)
		r.passing = !e.payment.Display.IsZero()
		body.Payment = shown
		return r, body
	}
	failure := failureOfPayment(e.payment)
	r := reply{status: http.StatusPaymentRequired}
	body := errorBody{
		Type: typeCard, Code: failure.Code, DeclineCode: failure.DeclineCode, Message: failure.Message, Payment: shown,
	}
	if failure.Category == orders.FailureConfiguration {
		r.status = http.StatusUnprocessableEntity
		body.Type, body.Code = typeInvalidRequest, "provider_refused"
	}
	r.code = body.Code
	return r, s.complete(ctx, body)
}

// bindingFailure shows why nothing came of a card, where there is no payment to show.
func (s *server) bindingFailure(ctx context.Context, f customers.Failure) (reply, errorBody) {
	r := reply{status: http.StatusPaymentRequired}
	body := errorBody{Type: typeCard, Code: f.Code, DeclineCode: f.DeclineCode, Message: f.Message}
	if f.Refused {
		r.status = http.StatusUnprocessableEntity
		body.Type, body.Code = typeInvalidRequest, "provider_refused"
	}
	r.code = body.Code
	return r, s.complete(ctx, body)
}

// failureOfPayment explains a payment that ended without money. Closed and expired ones have no failure of their own.
func failureOfPayment(p orders.Payment) orders.Failure {
	switch {
	case p.Failure != nil:
		return *p.Failure
	case p.Status == orders.PaymentExpired:
		return orders.Failure{Code: "authentication_timeout", Message: "The card's authentication was not completed in time."}
	default:
		return orders.Failure{Code: "processing_error", Message: "The payment was closed without taking money."}
	}
}

func (s *server) complete(ctx context.Context, body errorBody) errorBody {
	body.Doc = s.PublicURL + "/docs#error-" + body.Code
	body.CorrelationID = telemetry.CorrelationID(ctx)
	return body
}

// statusOf maps a fault to HTTP. A key in use, or used for something else, has a type of its own.
func statusOf(f *fault.Error) (int, errorType) {
	kind := typeInvalidRequest
	if f.Kind != fault.Invalid && strings.HasPrefix(f.Code, idempotencyCodes) {
		kind = typeIdempotency
	}
	switch f.Kind {
	case fault.Invalid:
		return http.StatusBadRequest, kind
	case fault.Unauthorized:
		return http.StatusUnauthorized, typeAuthentication
	case fault.Forbidden:
		return http.StatusForbidden, kind
	case fault.NotFound:
		return http.StatusNotFound, kind
	case fault.Conflict:
		return http.StatusConflict, kind
	case fault.Refused:
		return http.StatusUnprocessableEntity, kind
	case fault.RateLimited:
		return http.StatusTooManyRequests, typeRateLimit
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, kind
	case fault.NotAcceptable:
		return http.StatusNotAcceptable, kind
	case fault.UnsupportedMedia:
		return http.StatusUnsupportedMediaType, kind
	case fault.Unavailable:
		return http.StatusServiceUnavailable, typeAPI
	case fault.Internal:
	}
	return http.StatusInternalServerError, typeAPI
}

// refuse answers with an error and ends the request.
func (s *server) refuse(c *gin.Context, err error) {
	s.write(c, s.failed(c.Request.Context(), err))
	c.Abort()
}

// failed encodes an error as an answer.
func (s *server) failed(ctx context.Context, err error) reply {
	r, body := s.failureOf(ctx, err)
	r.body, r.final = encode(errorEnvelope{Error: body}), true
	return r
}

// asProblem turns an error's envelope into an RFC 9457 document. It works on the encoded answer, so that a stored answer
// can be repeated in either form.
func asProblem(status int, envelope []byte) []byte {
	var stored struct {
		Error struct {
			errorBody
			Payment json.RawMessage `json:"payment"`
		} `json:"error"`
	}
	if json.Unmarshal(envelope, &stored) != nil {
		return envelope // not reached: we encoded it
	}
	e := stored.Error
	return encode(problem{
		Type: e.Doc, Title: titleOf(e.Code), Status: status, Detail: e.Message, ErrorType: e.Type, Code: e.Code,
		Param: e.Param, DeclineCode: e.DeclineCode, CorrelationID: e.CorrelationID, Payment: e.Payment,
	})
}

// titleOf makes "Parameter invalid" of parameter_invalid: RFC 9457 wants a title that is the same for every occurrence.
func titleOf(code string) string {
	words := strings.ReplaceAll(code, "_", " ")
	if words == "" {
		return "Error"
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// noRoute answers a path that we do not have.
func (s *server) noRoute(c *gin.Context) {
	s.refuse(c, fault.New(fault.NotFound, "resource_missing", "There is nothing at this path. GET /v1 lists what there is."))
}

// noMethod answers a path that we have, with another method. Allow is set by the router.
func (s *server) noMethod(c *gin.Context) {
	f := fault.New(fault.Invalid, "method_not_allowed", "This path does not answer %s. See the Allow header.", c.Request.Method)
	r := s.failed(c.Request.Context(), f)
	r.status = http.StatusMethodNotAllowed
	s.write(c, r)
	c.Abort()
}

// seconds rounds up to whole seconds, at least one: Retry-After knows nothing smaller.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
