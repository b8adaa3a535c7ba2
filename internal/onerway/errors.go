package onerway

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Class says what a failed call may have done to money.
type Class string

// The classes of failed calls.
const (
	// NeverSent: not one byte of the request reached a connection. Nothing happened; it may be sent again.
	NeverSent Class = "never_sent"
	// Refused: the provider turned the request itself away. There is no transaction, and repeating it is pointless.
	Refused Class = "refused"
	// Unknown: anything else. Money may have moved; only a query or a verified notification can tell.
	Unknown Class = "unknown"
)

// Reason says what went wrong, in few enough words for a metric label.
type Reason string

// The reasons of failed calls.
const (
	ReasonInvalidRequest Reason = "invalid_request" // we could not even write it
	ReasonCircuitOpen    Reason = "circuit_open"    // the provider has been failing; we did not try
	ReasonConnection     Reason = "connection"      // dial, DNS, TLS, reset, cut off
	ReasonTimeout        Reason = "timeout"         // a deadline passed, the caller's or ours
	ReasonCanceled       Reason = "canceled"        // the caller gave up
	ReasonHTTPStatus     Reason = "http_status"     // not 200, redirects included
	ReasonUnreadable     Reason = "unreadable"      // not the provider's envelope, or not the shape that was asked for
	ReasonOversize       Reason = "oversize"        // more than maxAnswer bytes
	ReasonBadSignature   Reason = "bad_signature"   // the data is not signed with our secret
	ReasonMismatch       Reason = "mismatch"        // well signed, but about another transaction
	ReasonCode           Reason = "code"            // the response code says so
)

// ErrCircuitOpen is matched by errors of calls that were not tried because the provider has been failing.
var ErrCircuitOpen = errors.New("circuit open")

// Error is a failed call. It carries nothing of what was sent: its text and fields are safe to log and to store.
type Error struct {
	Class      Class
	Reason     Reason
	Op         string
	HTTPStatus int    // 0 when there was no answer
	RespCode   string // the provider's code, when there was one
	RespMsg    string // the provider's text, scrubbed
	detail     string // local text, only where it cannot hold anything foreign
	cause      error
}

// Error describes the failure.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "onerway %s: %s: %s", e.Op, e.Class, e.Reason)
	if e.HTTPStatus != 0 {
		fmt.Fprintf(&text, ", http %d", e.HTTPStatus)
	}
	if e.RespCode != "" {
		fmt.Fprintf(&text, ", code %s", e.RespCode)
	}
	for _, extra := range []string{e.RespMsg, e.detail} {
		if extra != "" {
			text.WriteString(": " + extra)
		}
	}
	return text.String()
}

// Is matches the cause. There is deliberately no Unwrap: the cause's own text may quote what the server sent, and a
// server in trouble likes to quote the request.
func (e *Error) Is(target error) bool { return errors.Is(e.cause, target) }

// ClassOf is the class of any error of this package's calls. An error that is none of them is Unknown, since that is
// the only class that is never wrong.
func ClassOf(err error) Class {
	if failed, ok := errors.AsType[*Error](err); ok {
		return failed.Class
	}
	return Unknown
}

const maxRespMsg = 200

// longDigits finds what could be a card number, however it is grouped.
var longDigits = regexp.MustCompile(`\d(?:[ -]?\d){11,}`)

// scrubber knows the sensitive values of one request and keeps the provider's free text clear of them.
type scrubber struct {
	cardNumber Sensitive
	accounts   []Sensitive // other numbers that money can be taken by
	others     []Sensitive
}

// withheldText stands for a text that would have shown one of them.
const withheldText = "[withheld]"

// minAccount is the fewest characters of a number that can be told from other text.
const minAccount = 8

// message cleans a respMsg. One that quotes a sensitive value is withheld whole: replacing a three-digit CVV inside a
// longer number would show the reader exactly what was replaced.
func (s scrubber) message(text string) string {
	for _, value := range append(slices.Concat(s.others, s.accounts), s.cardNumber) {
		if !value.Empty() && strings.Contains(text, value.Reveal()) {
			return withheldText
		}
	}
	text = strings.Map(func(char rune) rune {
		if unicode.IsPrint(char) {
			return char
		}
		return ' '
	}, text)
	text = longDigits.ReplaceAllString(text, redactedText)
	if runes := []rune(text); len(runes) > maxRespMsg {
		text = string(runes[:maxRespMsg]) + "…"
	}
	return text
}

// fields withholds values that echo the number of the card or account. Data is kept as evidence, and evidence is at rest.
func (s scrubber) fields(data Fields) {
	for _, number := range append(slices.Clone(s.accounts), s.cardNumber) {
		if len(number.Reveal()) < minAccount {
			continue
		}
		for name, value := range data {
			if strings.Contains(value, number.Reveal()) {
				data[name] = withheldText
			}
		}
	}
}
