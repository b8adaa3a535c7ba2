package webhooks

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"tillway/internal/fault"
	"tillway/internal/onerway"
	"tillway/internal/telemetry"
)

// ServeHTTP answers POST /v1/webhooks/onerway: 200 with the bare transactionId as text once the notification is stored, else
// an error in the envelope of API.md §1, after which the provider delivers again.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, onerway.MaxNotification))
	if err != nil {
		r.refuse(w, req, unreadable(err))
		return
	}
	ack, err := r.Receive(req.Context(), Delivery{
		Body: body, Signature: strings.Join(req.Header.Values(onerway.SignatureHeader), ","), Source: sourceOf(req),
	})
	if err != nil {
		r.refuse(w, req, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("X-Content-Type-Options", "nosniff") // the sender chose the text
	_, _ = io.WriteString(w, ack)
}

func unreadable(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return fault.New(fault.TooLarge, "body_too_large", "A notification may have at most %d bytes.", onerway.MaxNotification)
	}
	return fault.New(fault.Invalid, "parameter_invalid", "The body could not be read to its end.").Because(err)
}

func sourceOf(req *http.Request) netip.Addr {
	source, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return source.Addr().Unmap()
}

// refuse shows an error. This is the one answer in JSON outside package api, whose renderer serves callers with keys and
// media types; a provider has neither.
func (r *Receiver) refuse(w http.ResponseWriter, req *http.Request, err error) {
	ctx := req.Context()
	shown, ok := errors.AsType[*fault.Error](err)
	if !ok {
		shown = fault.New(fault.Internal, "internal_error", "Something went wrong on our side. Deliver the notification again.")
	}
	status, kind := statusOf(shown.Kind)
	telemetry.AddField(ctx, slog.String("code", shown.Code))
	if status >= http.StatusInternalServerError {
		telemetry.AddField(ctx, slog.Any("error", err))
	}
	type body struct {
		Type          string `json:"type"`
		Code          string `json:"code"`
		Message       string `json:"message"`
		Doc           string `json:"doc"`
		CorrelationID string `json:"correlation_id"`
	}
	encoded, _ := json.Marshal(struct { // strings always encode
		Error body `json:"error"`
	}{body{
		Type: kind, Code: shown.Code, Message: shown.Message, Doc: r.config.PublicURL + "/docs#error-" + shown.Code,
		CorrelationID: telemetry.CorrelationID(ctx),
	}})
	if shown.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(shown.RetryAfter.Seconds())))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}

func statusOf(kind fault.Kind) (status int, errorType string) {
	switch kind { //nolint:exhaustive // the kinds that a Receiver answers with
	case fault.Invalid:
		return http.StatusBadRequest, "invalid_request_error"
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, "invalid_request_error"
	case fault.Unauthorized:
		return http.StatusUnauthorized, "authentication_error"
	case fault.Forbidden:
		return http.StatusForbidden, "invalid_request_error"
	case fault.Unavailable:
		return http.StatusServiceUnavailable, "api_error"
	default:
		return http.StatusInternalServerError, "api_error"
	}
}
