package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Response codes that the sandbox answers with by itself; the codes of declines stand with their cards.
const (
	codeSuccess       = "20000"
	codeRejected      = "40000"
	codeUnreadable    = "40013"
	codeAuthFailed    = "40201"
	codeAuthTimeout   = "40202"
	codeAuthRefused   = "40203"
	codeNoMerchant    = "12004"
	codeNotDue        = "12006"
	codeBadID         = "12007"
	codeInvalidIP     = "12008"
	codeUnsupported   = "12010"
	codeInvalidAppID  = "13001"
	codeInvalidCard   = "13002"
	codeInvalidURL    = "13003"
	codeCardExpired   = "13004"
	codeInvalidYear   = "13005"
	codeInvalidState  = "13006"
	messageSuccess    = "Success"
	messageUnreadable = "Abnormal parameters (cannot be read)"
)

// wireTime is the provider's time format; its zone travels beside it as wireZone.
const (
	wireTime = "2006-01-02 15:04:05"
	wireZone = "+08:00"
)

// zone has no name because the standard library keeps such a zone, and would make a named one at every call.
func zone() *time.Location { return time.FixedZone("", 8*60*60) }

func wireTimeOf(t time.Time) string { return t.In(zone()).Format(wireTime) }

func wireDateOf(t time.Time) string { return t.In(zone()).Format(time.DateOnly) }

// refusalError is a request that the provider turns down: a code, a message, and no transaction.
type refusalError struct{ code, message string }

func (r refusalError) Error() string { return r.code + " " + r.message }

func refuse(code, format string, args ...any) error {
	return refusalError{code: code, message: fmt.Sprintf(format, args...)}
}

var errNotParams = errors.New("body is not one flat JSON object")

// decodeParams reads a request's top level, keeping the text of numbers. Nested values must arrive as strings, and
// a name that stands twice could be signed as one thing and read as another.
func decodeParams(body []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errNotParams
	}
	params := map[string]any{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errNotParams
		}
		value, err := dec.Token()
		if err != nil {
			return nil, errNotParams
		}
		if _, nested := value.(json.Delim); nested {
			return nil, fmt.Errorf("%w: %v is not a string", errNotParams, name)
		}
		key := signedText(name)
		if _, twice := params[key]; twice {
			return nil, fmt.Errorf("%w: %s stands twice", errNotParams, key)
		}
		params[key] = value
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, errNotParams
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotParams
	}
	return params, nil
}

// decodeNested reads a parameter that is itself JSON in a string.
func decodeNested(name, raw string, into any) error {
	if err := json.Unmarshal([]byte(raw), into); err != nil {
		// The cause is left out: it may quote what it could not read, and cardInfo is read here too.
		return refuse(codeUnreadable, "%s is not the expected JSON string", name)
	}
	return nil
}
